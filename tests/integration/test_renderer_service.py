"""RenderService over real gRPC, with fake peers: the order of messages, refusals, cancellation, drain."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.support.fakes import FakeGenerator, FakeLandmarks, FakeMedia
from tests.support.renderer_server import RendererServer, running_renderer
from vid2vid.renderer.v1 import renderer_pb2 as pb
from vid2vid.renderer.v1 import renderer_pb2_grpc as pb_grpc
from vid2vid_core.errors import (
    GeneratorUnavailable,
    LandmarksUnavailable,
    NoFaceDetected,
    RendererUnavailable,
    Vid2VidError,
    error_from_rpc,
)
from vid2vid_core.identifiers import is_render_id
from vid2vid_core.rpc.channel import open_channel

Serve = Callable[..., RendererServer]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a renderer with fakes; any part can be replaced."""
    with ExitStack() as stack:

        def start(**parts: Any) -> RendererServer:
            parts = {
                "generator": FakeGenerator(),
                "landmarks": FakeLandmarks(),
                "media": FakeMedia(),
                **parts,
            }
            return stack.enter_context(running_renderer(tmp_path, **parts))

        yield start


def settings(**fields: Any) -> pb.RenderRequest:
    return pb.RenderRequest(settings=pb.RenderSettings(**{"model": "anna", **fields}))


def chunk(content: bytes = b"content") -> pb.RenderRequest:
    return pb.RenderRequest(chunk=content)


def call(
    server: RendererServer, requests: Iterator[pb.RenderRequest], timeout_s: float = 20
) -> list[pb.RenderResponse]:
    with open_channel(server.target) as channel:
        stub: Any = pb_grpc.RenderServiceStub(channel)
        return list(stub.Render(requests, timeout=20))


def refusal(server: RendererServer, *requests: pb.RenderRequest) -> Vid2VidError:
    """The error that a call ends with. Nothing may be left of the call, and the next one must work."""
    with pytest.raises(grpc.RpcError) as caught:
        call(server, iter(requests))
    assert list(server.temp_dir.iterdir()) == []
    assert server.admission.active == 0
    return error_from_rpc(caught.value, unavailable=RendererUnavailable)


def kinds(responses: list[pb.RenderResponse]) -> list[str]:
    return [str(response.WhichOneof("payload")) for response in responses]


def eventually(condition: Callable[[], bool], timeout_s: float = 5) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return condition()


def test_answers_come_in_the_contract_s_order(serve: Serve) -> None:
    server = serve()
    responses = call(server, iter([settings(), chunk(), chunk()]))
    order = kinds(responses)
    assert order[0] == "accepted"
    assert order[-1] == "summary"
    chunks = order.index("chunk")
    assert set(order[1:chunks]) == {"progress"}
    assert set(order[chunks:-1]) == {"chunk"}


def test_accepted_has_the_effective_settings(serve: Serve) -> None:
    accepted = call(serve(), iter([settings(), chunk()]))[0].accepted
    assert accepted.settings == pb.RenderSettings(
        model="anna",
        version=2,
        layout=pb.LAYOUT_SINGLE,
        crop_mode=pb.CROP_MODE_PORTRAIT,
        retarget_mode=pb.RETARGET_MODE_ON,
    )
    assert accepted.max_upload_bytes == 2**20
    assert is_render_id(accepted.render_id)


def test_accepted_comes_before_the_upload_is_read(serve: Serve) -> None:
    server = serve()
    may_upload = threading.Event()

    def requests() -> Iterator[pb.RenderRequest]:
        yield settings()
        may_upload.wait(10)
        yield chunk()

    with open_channel(server.target) as channel:
        stub: Any = pb_grpc.RenderServiceStub(channel)
        responses = stub.Render(requests(), timeout=20)
        assert next(responses).WhichOneof("payload") == "accepted"
        may_upload.set()
        assert kinds(list(responses))[-1] == "summary"


def test_summary_describes_the_file_that_was_sent(serve: Serve) -> None:
    responses = call(serve(), iter([settings(version=1), chunk()]))
    content = b"".join(response.chunk for response in responses)
    summary = responses[-1].summary
    assert content == b"result" * 100_000
    assert summary.result_bytes == len(content)
    assert summary.result_sha256 == hashlib.sha256(content).hexdigest()
    assert (summary.model, summary.version, summary.frame_count) == ("anna", 1, 20)
    assert (summary.width, summary.height) == (64, 64)
    assert (summary.detected_count, summary.interpolated_count, summary.held_count) == (18, 1, 1)
    assert summary.audio == pb.AUDIO_HANDLING_NONE
    assert [stage.name for stage in summary.stage_seconds] == ["encode", "infer", "landmarks"]
    assert summary.mean_batch_size == 4


def test_result_travels_in_bounded_chunks(serve: Serve) -> None:
    responses = call(serve(), iter([settings(), chunk()]))
    sizes = [len(response.chunk) for response in responses if response.WhichOneof("payload") == "chunk"]
    assert max(sizes) == 256 * 1024
    assert len(sizes) == 3


def test_progress_comes_a_few_times_a_second(serve: Serve) -> None:
    server = serve(landmarks=FakeLandmarks(frame_count=20, delay_s=0.05))
    started = time.monotonic()
    responses = call(server, iter([settings(), chunk()]))
    elapsed_s = time.monotonic() - started
    progress = [response.progress for response in responses if response.WhichOneof("payload") == "progress"]
    assert 4 <= len(progress) <= 4 * elapsed_s + 3
    assert progress[0].stage == pb.RENDER_STAGE_UPLOADING
    assert pb.RENDER_STAGE_RENDERING in [report.stage for report in progress]
    done = [report.frames_done for report in progress]
    assert done == sorted(done)
    assert (done[-1], progress[-1].frames_total, progress[-1].stage) == (20, 20, pb.RENDER_STAGE_MUXING)


@pytest.mark.parametrize(
    ("requests", "reason"),
    [
        pytest.param([], "INVALID_SETTINGS", id="empty stream"),
        pytest.param([chunk()], "INVALID_SETTINGS", id="chunk before settings"),
        pytest.param([settings(), settings()], "INVALID_SETTINGS", id="settings twice"),
        pytest.param([settings(layout=9), chunk()], "INVALID_SETTINGS", id="unknown layout"),
        pytest.param([settings(crop_mode=9), chunk()], "INVALID_SETTINGS", id="unknown crop mode"),
        pytest.param([settings(retarget_mode=9), chunk()], "INVALID_SETTINGS", id="unknown retarget mode"),
        pytest.param([settings(model="nobody"), chunk()], "MODEL_NOT_FOUND", id="unknown model"),
        pytest.param([settings(version=7), chunk()], "MODEL_VERSION_NOT_FOUND", id="unknown version"),
        pytest.param([settings()], "EMPTY_MEDIA", id="no chunk"),
        pytest.param([settings(), chunk(b"")], "EMPTY_MEDIA", id="empty chunk"),
        pytest.param([settings(), *[chunk(bytes(2**19))] * 3], "UPLOAD_TOO_LARGE", id="too many bytes"),
    ],
)
def test_bad_request_is_refused(serve: Serve, requests: list[pb.RenderRequest], reason: str) -> None:
    server = serve()
    error = refusal(server, *requests)
    assert error.reason() == reason
    assert "\n" not in error.message
    assert kinds(call(server, iter([settings(), chunk()])))[-1] == "summary"


def test_unavailable_generator_is_reported_before_the_upload(serve: Serve) -> None:
    error = refusal(serve(generator=FakeGenerator(available=False)), settings())
    assert isinstance(error, GeneratorUnavailable)


def test_unavailable_landmark_service_is_reported_before_the_upload(serve: Serve) -> None:
    def check() -> None:
        raise LandmarksUnavailable("the landmark service at nowhere:1 does not answer")

    error = refusal(serve(check_landmarks=check), settings())
    assert isinstance(error, LandmarksUnavailable)


def test_error_of_the_landmark_service_reaches_the_caller(serve: Serve) -> None:
    landmarks = FakeLandmarks(fail_at=-1, failure=NoFaceDetected("no face in 20 frames", frames=20))
    error = refusal(serve(landmarks=landmarks), settings(), chunk())
    assert isinstance(error, NoFaceDetected)
    assert error.message == "no face in 20 frames"
    assert error.metadata == {"frames": "20"}


def test_one_render_too_many_gets_queue_full_and_the_others_finish(serve: Serve) -> None:
    generator = FakeGenerator(block=True)
    server = serve(generator=generator, max_concurrent_calls=1)
    results: list[list[pb.RenderResponse]] = []
    first = threading.Thread(target=lambda: results.append(call(server, iter([settings(), chunk()]))))
    first.start()
    assert eventually(lambda: bool(generator.batch_sizes))
    with pytest.raises(grpc.RpcError) as caught:
        call(server, iter([settings(), chunk()]))
    error = error_from_rpc(caught.value, unavailable=RendererUnavailable)
    assert (error.reason(), error.metadata) == ("QUEUE_FULL", {"limit": "1"})
    generator.release()
    first.join(10)
    assert kinds(results[0])[-1] == "summary"


@pytest.mark.parametrize("how", ["cancel", "deadline"])
@pytest.mark.parametrize("layout", [pb.LAYOUT_SINGLE, pb.LAYOUT_SIDE_BY_SIDE])
def test_call_that_ends_early_leaves_nothing_within_a_second(serve: Serve, how: str, layout: pb.Layout) -> None:
    landmarks, media = FakeLandmarks(block_at=9), FakeMedia()
    server = serve(landmarks=landmarks, media=media)
    with open_channel(server.target) as channel:
        stub: Any = pb_grpc.RenderServiceStub(channel)
        started = time.monotonic()
        responses = stub.Render(iter([settings(layout=layout), chunk()]), timeout=0.7 if how == "deadline" else 20)
        assert eventually(lambda: bool(media.writers))
        if how == "cancel":
            responses.cancel()
            started = time.monotonic()
        with pytest.raises(grpc.RpcError):
            list(responses)
        assert eventually(lambda: list(server.temp_dir.iterdir()) == [] and server.admission.active == 0)
        assert time.monotonic() - started < 1 + (0.7 if how == "deadline" else 0)
    assert landmarks.trackings[0].cancelled.is_set()
    assert media.writers[0].aborted.is_set()
    assert all(reader.closed.is_set() for reader in media.readers)


def test_call_that_is_cancelled_during_the_upload_leaves_nothing(serve: Serve) -> None:
    server = serve()
    cancelled = threading.Event()

    def requests() -> Iterator[pb.RenderRequest]:
        yield settings()
        yield chunk()
        cancelled.wait(10)

    with open_channel(server.target) as channel:
        stub: Any = pb_grpc.RenderServiceStub(channel)
        responses = stub.Render(requests(), timeout=20)
        next(responses)
        assert eventually(lambda: list(server.temp_dir.glob("*/content")) != [])
        responses.cancel()
        assert eventually(lambda: list(server.temp_dir.iterdir()) == [] and server.admission.active == 0, 1)
        cancelled.set()


def test_call_that_is_cancelled_while_the_result_is_sent_leaves_nothing(serve: Serve) -> None:
    server = serve()
    with open_channel(server.target) as channel:
        stub: Any = pb_grpc.RenderServiceStub(channel)
        responses = stub.Render(iter([settings(), chunk()]), timeout=20)
        while next(responses).WhichOneof("payload") != "chunk":
            pass
        responses.cancel()
        assert eventually(lambda: list(server.temp_dir.iterdir()) == [] and server.admission.active == 0, 1)


def test_drain_lets_a_render_finish_and_refuses_new_ones(serve: Serve) -> None:
    generator = FakeGenerator(block=True)
    server = serve(generator=generator, drain_timeout_s=10)
    results: list[list[pb.RenderResponse]] = []
    first = threading.Thread(target=lambda: results.append(call(server, iter([settings(), chunk()]))))
    first.start()
    assert eventually(lambda: bool(generator.batch_sizes))
    drain = threading.Thread(target=server.server.drain)
    drain.start()
    time.sleep(0.2)
    with pytest.raises(grpc.RpcError) as caught:
        call(server, iter([settings(), chunk()]))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    generator.release()
    first.join(10)
    drain.join(10)
    assert kinds(results[0])[-1] == "summary"
    assert list(server.temp_dir.iterdir()) == []


def test_models_are_listed_with_versions_and_states(serve: Serve) -> None:
    server = serve()
    with open_channel(server.target) as channel:
        stub: Any = pb_grpc.RenderServiceStub(channel)
        anna, broken = stub.ListModels(pb.ListModelsRequest(), timeout=5).models
        assert stub.GetModel(pb.GetModelRequest(name="anna"), timeout=5).model == anna
    assert (anna.name, anna.size, anna.max_batch_size, len(anna.mask_spec_hash)) == ("anna", 64, 16, 64)
    assert [version.version for version in anna.versions] == [1, 2]
    assert anna.versions[0] == pb.ModelVersion(
        version=1, state=pb.MODEL_STATE_READY, device="cpu", training_run="00001-anna", onnx_sha256="1" * 64
    )
    assert (broken.versions[0].state, broken.versions[0].reason) == (pb.MODEL_STATE_UNAVAILABLE, "no model.onnx")
    assert (broken.size, broken.mask_spec_hash, broken.max_batch_size) == (0, "", 0)
