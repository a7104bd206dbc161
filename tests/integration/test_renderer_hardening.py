"""The renderer's gRPC edge against callers that mean no good: odd names, huge messages, uploads that never end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from structlog.testing import capture_logs

from tests.support.fakes import FakeGenerator, FakeLandmarks, FakeMedia
from tests.support.health import health_of
from tests.support.renderer_server import RendererServer, running_renderer
from vid2vid.renderer.v1 import renderer_pb2 as pb
from vid2vid.renderer.v1 import renderer_pb2_grpc as pb_grpc
from vid2vid_client.cli import run
from vid2vid_core.errors import RendererUnavailable, Vid2VidError, error_from_rpc
from vid2vid_core.identifiers import is_render_id
from vid2vid_core.rpc.channel import RENDER_ID_METADATA, open_channel

Serve = Callable[..., RendererServer]

HOSTILE_NAMES = {
    "empty": "",
    "parent folder": "../secrets",
    "nested parent": "anna/../../secrets",
    "absolute path": "/etc/passwd",
    "drive": "C:\\models",
    "NUL": "anna\0",
    "line break": "anna\n",
    "dots": "..",
    "hidden file": ".anna",
    "option": "--help",
    "cyrillic look-alike": "\u0430nna",
    "full-width look-alike": "\uff41nna",
    "right-to-left override": "anna\u202e",
    "zero-width joiner": "an\u200dna",
    "wildcard": "*",
    "upper case": "Anna",
    "10 kB": "a" * 10_000,
    "100 kB of slashes": "/" * 100_000,
}


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(**parts: Any) -> RendererServer:
            parts = {"generator": FakeGenerator(), "landmarks": FakeLandmarks(), "media": FakeMedia(), **parts}
            return stack.enter_context(running_renderer(tmp_path, **parts))

        yield start


def settings(**fields: Any) -> pb.RenderRequest:
    return pb.RenderRequest(settings=pb.RenderSettings(**{"model": "anna", **fields}))


def eventually(condition: Callable[[], bool], timeout_s: float = 5) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def render(server: RendererServer, requests: Iterator[pb.RenderRequest], **options: Any) -> list[pb.RenderResponse]:
    with open_channel(server.target, max_message_bytes=2**26) as channel:
        stub: Any = pb_grpc.RenderServiceStub(channel)
        return list(stub.Render(requests, **{"timeout": 20, **options}))


def refusal(server: RendererServer, requests: Iterator[pb.RenderRequest]) -> Vid2VidError:
    """The error that a call ends with; its slot must be free and its files gone."""
    with pytest.raises(grpc.RpcError) as caught:
        render(server, requests)
    assert eventually(lambda: server.admission.active == 0 and list(server.temp_dir.iterdir()) == [])
    return error_from_rpc(caught.value, unavailable=RendererUnavailable)


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)
def test_hostile_model_name_is_refused_by_every_call(serve: Serve, name: str) -> None:
    server = serve()
    with open_channel(server.target) as channel:
        stub: Any = pb_grpc.RenderServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.GetModel(pb.GetModelRequest(name=name), timeout=5)
    asked = error_from_rpc(caught.value, unavailable=RendererUnavailable)
    for error in (asked, refusal(server, iter([settings(model=name)]))):
        assert error.reason() == "INVALID_MODEL_NAME"
        assert "allowed are 1 to 64 of a-z" in error.message
        assert len(error.message) < 300
        assert error.message.isprintable()


@pytest.mark.parametrize("name", [name for name in HOSTILE_NAMES.values() if "\0" not in name][:12])
def test_command_refuses_a_hostile_model_name_without_asking_the_renderer(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    arguments = ["render", f"--model={name}", "--content", str(tmp_path / "c.mp4"), "-o", str(tmp_path / "o.mp4")]
    assert run([*arguments, "--renderer", "127.0.0.1:1"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("vid2vid: error: model name ")
    assert message.count("\n") == 1
    assert message.endswith("[INVALID_MODEL_NAME]\n")


@pytest.mark.parametrize("version", [7, 2**31 - 1, 2**31, 2**63, 2**64 - 1])
def test_odd_version_is_refused(serve: Serve, version: int) -> None:
    error = refusal(serve(), iter([settings(version=version)]))
    assert error.reason() == ("MODEL_VERSION_NOT_FOUND" if version < 2**31 else "INVALID_SETTINGS")
    assert str(version) in error.message


def test_version_that_no_message_field_holds_is_refused_by_the_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "c.mp4").write_bytes(b"x")
    arguments = ["render", "--model=anna", "--content", str(tmp_path / "c.mp4"), "-o", str(tmp_path / "o.mp4")]
    for version, code in (("0", 2), ("-3", 2), (str(2**31), 1), (str(10**30), 1)):
        assert run([*arguments, f"--version={version}", "--renderer", "127.0.0.1:1"]) == code
        message = capsys.readouterr().err
        assert "version" in message
        assert message.count("\n") == 1


def test_chunk_over_the_message_limit_is_refused_with_both_sizes(serve: Serve) -> None:
    server = serve(max_upload_bytes=2**26)
    error = refusal(server, iter([settings(), pb.RenderRequest(chunk=bytes(17 * 2**20))]))
    assert error.status is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in error.message
    assert render(server, iter([settings(), pb.RenderRequest(chunk=b"content")]))[-1].HasField("summary")


@pytest.mark.parametrize("given", ["r-from-a-gateway", "../../etc", "x" * 200, "a b", "r\u00e9".encode().hex() + "!"])
def test_render_id_from_the_caller_is_taken_only_if_it_can_stand_in_a_log(serve: Serve, given: str) -> None:
    requests = iter([settings(), pb.RenderRequest(chunk=b"content")])
    accepted = render(serve(), requests, metadata=[(RENDER_ID_METADATA, given)])[0].accepted
    assert is_render_id(accepted.render_id)
    assert (accepted.render_id == given) == is_render_id(given)


def held_open(first: list[pb.RenderRequest], done: threading.Event, drip: bytes = b"") -> Iterator[pb.RenderRequest]:
    """Sends what is given, then nothing, or a few bytes every tenth of a second, until the test is done."""
    yield from first
    while not done.wait(0.1):
        if drip:
            yield pb.RenderRequest(chunk=drip)


@pytest.mark.parametrize(
    ("first", "drip"),
    [
        pytest.param([], b"", id="no settings"),
        pytest.param([settings()], b"", id="no chunk"),
        pytest.param([settings(), pb.RenderRequest(chunk=bytes(2**17))], b"", id="half a file"),
        pytest.param([settings()], b"x", id="a byte now and then"),
    ],
)
def test_upload_that_stands_still_ends_and_frees_its_slot(
    serve: Serve, first: list[pb.RenderRequest], drip: bytes
) -> None:
    server = serve(max_concurrent_calls=1, upload_idle_timeout_s=0.5)
    done = threading.Event()
    threads = threading.active_count()
    started = time.monotonic()
    try:
        error = refusal(server, held_open(first, done, drip))
    finally:
        done.set()
    assert error.status is grpc.StatusCode.DEADLINE_EXCEEDED
    assert error.reason() == "UPLOAD_STALLED"
    assert error.message == "the upload stands still: fewer than 65536 bytes came within 0.5 s"
    assert 0.5 <= time.monotonic() - started < 4
    assert render(server, iter([settings(), pb.RenderRequest(chunk=b"content")]))[-1].HasField("summary")
    assert eventually(lambda: not any(thread.name == "upload" for thread in threading.enumerate()))
    assert threading.active_count() <= threads + 4


def test_slow_but_steady_upload_is_served(serve: Serve) -> None:
    server = serve(upload_idle_timeout_s=0.5, max_upload_bytes=2**22)

    def requests() -> Iterator[pb.RenderRequest]:
        yield settings()
        for _ in range(6):
            time.sleep(0.2)
            yield pb.RenderRequest(chunk=bytes(2**16))

    assert render(server, requests())[-1].HasField("summary")


def test_reflection_calls_that_stay_open_do_not_keep_the_health_service_from_answering(serve: Serve) -> None:
    server = serve(max_concurrent_calls=1)
    done = threading.Event()

    def silent() -> Iterator[Any]:
        done.wait(20)
        yield from ()

    with capture_logs(), ExitStack() as stack:
        channels = [stack.enter_context(open_channel(server.target)) for _ in range(3)]
        stubs: list[Any] = [reflection_pb2_grpc.ServerReflectionStub(channel) for channel in channels]
        calls = [stub.ServerReflectionInfo(silent(), timeout=20) for stub in stubs for _ in range(10)]
        try:
            with open_channel(server.target) as channel:
                assert health_of(channel) == health_pb2.HealthCheckResponse.SERVING
            refused = [call for call in calls if eventually(call.done, 0.2)]
            assert len(refused) == len(calls) - 4
            assert {call.code() for call in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        finally:
            done.set()
        for call in calls:
            call.cancel()
    assert eventually(lambda: reflects(server))


def reflects(server: RendererServer) -> bool:
    with open_channel(server.target) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        try:
            return bool(list(stub.ServerReflectionInfo(iter([request]), timeout=5)))
        except grpc.RpcError:
            return False
