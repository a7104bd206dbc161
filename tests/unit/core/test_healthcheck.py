"""The health check that containers run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.support.ports import free_port
from vid2vid_core.rpc import healthcheck
from vid2vid_core.rpc.server import GrpcServer
from vid2vid_core.settings import ServiceSettings

SERVICE = "vid2vid.renderer.v1.RenderService"


@pytest.fixture
def server() -> Iterator[tuple[GrpcServer, str]]:
    shell = GrpcServer(ServiceSettings(listen="127.0.0.1:0", drain_timeout_s=1), [SERVICE], lambda _: None)
    yield shell, f"127.0.0.1:{shell.start()}"
    shell.drain()


def test_serving_service_is_healthy(server: tuple[GrpcServer, str], capsys: pytest.CaptureFixture[str]) -> None:
    shell, target = server
    shell.set_ready(SERVICE, ready=True)
    assert healthcheck.main([target, SERVICE]) == 0
    assert capsys.readouterr() == ("", "")


def test_server_without_its_peers_is_alive_and_not_ready(
    server: tuple[GrpcServer, str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, target = server
    assert healthcheck.main([target]) == 0
    assert healthcheck.main([target, SERVICE]) == 1
    assert capsys.readouterr().err == f"{target}: {SERVICE} is NOT_SERVING\n"


def test_unknown_service_is_unhealthy(server: tuple[GrpcServer, str], capsys: pytest.CaptureFixture[str]) -> None:
    _, target = server
    assert healthcheck.main([target, "vid2vid.Nobody"]) == 1
    assert "NOT_FOUND" in capsys.readouterr().err


def test_server_that_does_not_listen_is_unhealthy(capsys: pytest.CaptureFixture[str]) -> None:
    target = f"127.0.0.1:{free_port()}"
    assert healthcheck.main([target, "--timeout", "2"]) == 1
    assert capsys.readouterr().err.startswith(f"{target}: UNAVAILABLE")


def test_empty_certificate_means_plain_text(server: tuple[GrpcServer, str]) -> None:
    assert healthcheck.main([server[1], "--certificate", ""]) == 0


def test_server_with_a_certificate_for_the_outside_is_healthy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate = trustme.CA().issue_cert("render.example")
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "certificate.pem"))
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "stranger.pem"))
    settings = ServiceSettings(
        listen="127.0.0.1:0", tls_certificate=tmp_path / "certificate.pem", tls_key=tmp_path / "key.pem"
    )
    shell = GrpcServer(settings, [], lambda _: None)
    target = f"127.0.0.1:{shell.start()}"
    try:
        assert healthcheck.main([target, "--certificate", str(tmp_path / "certificate.pem")]) == 0
        assert healthcheck.main([target, "--certificate", str(tmp_path / "stranger.pem")]) == 1
        assert "stranger.pem" in capsys.readouterr().err
    finally:
        shell.drain()
