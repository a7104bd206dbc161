"""What an operator sees of a service: transport security and metrics."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import trustme
from grpc_health.v1 import health_pb2
from prometheus_client import CollectorRegistry

from tests.support.health import health_of
from tests.support.ports import free_port
from vid2vid_core.errors import ConfigurationError, NoFaceDetected
from vid2vid_core.rpc.channel import open_channel
from vid2vid_core.rpc.metrics import RpcMetrics
from vid2vid_core.rpc.server import GrpcServer
from vid2vid_core.rpc.tls import channel_credentials
from vid2vid_core.settings import ServiceSettings

METHOD = "/vid2vid.renderer.v1.RenderService/Render"


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    for part in certificate.cert_chain_pems:
        part.write_to_path(str(tmp_path / "certificate.pem"), append=True)
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "stranger.pem"))
    return tmp_path


@pytest.fixture
def secure_port(pem: Path) -> Iterator[int]:
    settings = ServiceSettings(
        listen="127.0.0.1:0", tls_certificate=pem / "certificate.pem", tls_key=pem / "key.pem", drain_timeout_s=1
    )
    server = GrpcServer(settings, [], lambda _: None)
    yield server.start()
    server.drain()


def test_client_that_trusts_the_authority_is_served(pem: Path, secure_port: int) -> None:
    with open_channel(f"localhost:{secure_port}", credentials=channel_credentials(pem / "ca.pem")) as channel:
        assert health_of(channel) == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("authority", ["stranger.pem", None], ids=["another authority", "plain text"])
def test_client_that_cannot_verify_the_server_fails(pem: Path, secure_port: int, authority: str | None) -> None:
    credentials = channel_credentials(pem / authority) if authority else None
    with open_channel(f"localhost:{secure_port}", credentials=credentials) as channel:
        with pytest.raises(grpc.RpcError) as failure:
            health_of(channel)
    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("content", [None, b"not a certificate"], ids=["missing", "no PEM"])
def test_certificate_that_cannot_be_used_fails_at_start(pem: Path, content: bytes | None) -> None:
    certificate = pem / "other.pem"
    if content is not None:
        certificate.write_bytes(content)
    settings = ServiceSettings(listen="127.0.0.1:0", tls_certificate=certificate, tls_key=pem / "key.pem")
    with pytest.raises(ConfigurationError, match=r"other\.pem"):
        GrpcServer(settings, [], lambda _: None).start()


def test_certificate_without_its_key_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLS_CERTIFICATE", "certificate.pem")
    with pytest.raises(ConfigurationError, match="must be set together"):
        ServiceSettings.from_environment()


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    _, service, method = METHOD.split("/")
    return registry.get_sample_value(name, {"service": service, "method": method, **labels})


def test_calls_are_counted_by_outcome() -> None:
    registry = CollectorRegistry()
    metrics = RpcMetrics(registry)
    with metrics.call(METHOD):
        assert value(registry, "vid2vid_rpc_running") == 1
    with pytest.raises(NoFaceDetected), metrics.call(METHOD):
        raise NoFaceDetected("no face")
    assert value(registry, "vid2vid_rpc_running") == 0
    assert value(registry, "vid2vid_rpc_calls_total", status="OK", reason="") == 1
    refused = value(registry, "vid2vid_rpc_calls_total", status="INVALID_ARGUMENT", reason="NO_FACE_DETECTED")
    assert refused == 1


def test_metrics_are_served_until_the_server_stops() -> None:
    address = f"127.0.0.1:{free_port()}"
    server = GrpcServer(
        ServiceSettings(listen="127.0.0.1:0", metrics_listen=address, drain_timeout_s=1), [], lambda _: None
    )
    server.start()
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
        assert "vid2vid_rpc_calls" in answer.read().decode()
    server.drain()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://{address}/metrics", timeout=5)
