from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field

import grpc
import pytest
from pydantic import SecretStr
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc as pb_grpc

from tests.support.ports import free_port
from vid2vid_core.errors import ControlRefused, GeneratorUnavailable, ModelNotReady
from vid2vid_core.triton_control import CONTROL_HEADER
from vid2vid_trainer.triton_loader import TritonLoader


@dataclass
class FakeTriton(pb_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc] # no types there
    """Triton's model control, scripted."""

    refusal: str = ""
    control_key: str = ""
    polls_until_ready: int = 0
    loaded: list[str] = field(default_factory=list)
    polled: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0

    def ServerLive(self, _request: pb.ServerLiveRequest, _context: grpc.ServicerContext) -> pb.ServerLiveResponse:
        return pb.ServerLiveResponse(live=True)

    def RepositoryIndex(
        self, _request: pb.RepositoryIndexRequest, context: grpc.ServicerContext
    ) -> pb.RepositoryIndexResponse:
        self.check_key(context)
        return pb.RepositoryIndexResponse()

    def check_key(self, context: grpc.ServicerContext) -> None:
        """As Triton does it, with its status and its words."""
        metadata = {item[0]: item[1] for item in context.invocation_metadata()}
        if self.control_key and metadata.get(CONTROL_HEADER) != self.control_key:
            context.abort(
                grpc.StatusCode.UNAVAILABLE, f"This protocol is restricted, expecting header '{CONTROL_HEADER}'"
            )

    def RepositoryModelLoad(
        self, request: pb.RepositoryModelLoadRequest, context: grpc.ServicerContext
    ) -> pb.RepositoryModelLoadResponse:
        self.check_key(context)
        if self.refusal:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, self.refusal)
        self.loaded.append(request.model_name)
        return pb.RepositoryModelLoadResponse()

    def ModelReady(self, request: pb.ModelReadyRequest, _context: grpc.ServicerContext) -> pb.ModelReadyResponse:
        self.polled.append((request.name, request.version))
        return pb.ModelReadyResponse(ready=len(self.polled) > self.polls_until_ready)


@pytest.fixture
def fake_triton() -> Iterator[FakeTriton]:
    fake = FakeTriton()
    server = grpc.server(ThreadPoolExecutor(2))
    pb_grpc.add_GRPCInferenceServiceServicer_to_server(fake, server)
    fake.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield fake
    server.stop(None).wait()


def test_loader_loads_the_style_and_waits_for_the_version(fake_triton: FakeTriton) -> None:
    fake_triton.polls_until_ready = 2
    with closing(TritonLoader(f"127.0.0.1:{fake_triton.port}")) as loader:
        loader.check()
        loader.load("anna", 3)
    assert fake_triton.loaded == ["anna"]
    assert fake_triton.polled == [("anna", "3")] * 3


def test_refused_load_says_what_is_on_disk(fake_triton: FakeTriton) -> None:
    fake_triton.refusal = "failed to load 'anna',\nno backend"
    with (
        closing(TritonLoader(f"127.0.0.1:{fake_triton.port}")) as loader,
        pytest.raises(ModelNotReady, match="no backend; version 3 of anna is in the model repository") as failure,
    ):
        loader.load("anna", 3)
    assert "\n" not in failure.value.message


def test_version_that_does_not_get_ready_fails(fake_triton: FakeTriton) -> None:
    fake_triton.polls_until_ready = 10**6
    with (
        closing(TritonLoader(f"127.0.0.1:{fake_triton.port}", ready_timeout_s=0.3)) as loader,
        pytest.raises(ModelNotReady, match=r"did not get version 3 of anna ready in 0\.3 s"),
    ):
        loader.load("anna", 3)


def test_triton_that_does_not_run_fails() -> None:
    target = f"127.0.0.1:{free_port()}"
    with closing(TritonLoader(target)) as loader:
        with pytest.raises(GeneratorUnavailable, match=f"Triton at {target} does not answer"):
            loader.check()
        with pytest.raises(GeneratorUnavailable, match="version 3 of anna is in the model repository"):
            loader.load("anna", 3)


@pytest.mark.parametrize(("given", "wanted"), [("", "a control key"), ("b" * 16, "another control key")])
def test_missing_or_wrong_control_key_is_refused_before_and_after_the_work(
    fake_triton: FakeTriton, given: str, wanted: str
) -> None:
    fake_triton.control_key = "a" * 16
    with closing(TritonLoader(f"127.0.0.1:{fake_triton.port}", control_key=SecretStr(given))) as loader:
        for call in (loader.check, lambda: loader.load("anna", 1)):
            with pytest.raises(
                ControlRefused, match=f"wants {wanted}: set VID2VID_TRAINER_TRITON_CONTROL_KEY"
            ) as error:
                call()
            assert given == "" or given not in error.value.message
    assert fake_triton.loaded == []


def test_right_control_key_loads(fake_triton: FakeTriton) -> None:
    fake_triton.control_key = "a" * 16
    with closing(TritonLoader(f"127.0.0.1:{fake_triton.port}", control_key=SecretStr("a" * 16))) as loader:
        loader.check()
        loader.load("anna", 1)
    assert fake_triton.loaded == ["anna"]
