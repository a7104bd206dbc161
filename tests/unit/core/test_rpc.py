"""The server shell, its interceptor and the landmark client, over a real gRPC connection on loopback."""

import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.support.faces import FRONTAL_FACE
from tests.support.health import health_of
from vid2vid.landmarks.v1 import landmarks_pb2 as pb
from vid2vid.landmarks.v1 import landmarks_pb2_grpc as pb_grpc
from vid2vid_core.errors import (
    ConfigurationError,
    EmptyMedia,
    InternalError,
    InvalidSettings,
    LandmarksUnavailable,
    ModelNotFound,
    NoFaceDetected,
    RenderCancelled,
    ShuttingDown,
    UploadTooLarge,
    Vid2VidError,
)
from vid2vid_core.landmarks import FaceGeometry, LandmarkSource
from vid2vid_core.landmarks_client import LandmarksClient
from vid2vid_core.mask import MaskSpec, draw_mask
from vid2vid_core.rpc import server as server_module
from vid2vid_core.rpc.channel import KEEPALIVE, open_channel
from vid2vid_core.rpc.server import GrpcServer
from vid2vid_core.rpc.uploads import TimedRequests, first_message, spool, work_folder
from vid2vid_core.settings import ServiceSettings

SERVICE = "vid2vid.landmarks.v1.LandmarkService"
SPEC = MaskSpec(size=64)
CALL_AND_WAIT = """
import sys
from vid2vid.landmarks.v1 import landmarks_pb2 as pb, landmarks_pb2_grpc as pb_grpc
from vid2vid_core.rpc.channel import KEEPALIVE, open_channel
next(pb_grpc.LandmarkServiceStub(open_channel(sys.argv[1])).TrackVideo(iter([pb.TrackVideoRequest()])))
"""
Handler = Callable[[Iterator[pb.TrackVideoRequest], grpc.ServicerContext], Iterator[pb.TrackVideoResponse]]


class ScriptedServicer(pb_grpc.LandmarkServiceServicer):
    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def TrackVideo(
        self, request_iterator: Iterator[pb.TrackVideoRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.TrackVideoResponse]:
        yield from self._handler(request_iterator, context)


@contextmanager
def serving(handler: Handler) -> Iterator[tuple[str, GrpcServer]]:
    settings = ServiceSettings(listen="127.0.0.1:0", drain_timeout_s=5)
    server = GrpcServer(
        settings,
        [SERVICE],
        lambda grpc_server: pb_grpc.add_LandmarkServiceServicer_to_server(ScriptedServicer(handler), grpc_server),
    )
    port = server.start()
    try:
        yield f"127.0.0.1:{port}", server
    finally:
        server.drain()


def two_frames(requests: Iterator[pb.TrackVideoRequest], _: grpc.ServicerContext) -> Iterator[pb.TrackVideoResponse]:
    settings = first_message(requests).settings
    with work_folder(None) as folder:
        spool(requests, folder / "clip", max_bytes=1000)
    points = FRONTAL_FACE.ravel().tolist()
    yield pb.TrackVideoResponse(
        header=pb.TrackVideoHeader(
            width=640,
            height=480,
            time_base=pb.Rational(numerator=1001, denominator=30000),
            average_rate=pb.Rational(numerator=30000, denominator=1001),
            frame_count_from_header=2,
            crop=pb.Crop(x=-3, y=4, size=470),
            mask_spec=settings.mask_spec,
            geometry=settings.retarget_to if settings.HasField("retarget_to") else pb.FaceGeometry(points=points),
        )
    )
    mask = b"" if settings.omit_masks else draw_mask(FRONTAL_FACE, SPEC).tobytes()
    frames = [
        pb.TrackedFrame(index=i, pts=i * 7, duration=7, source=pb.LANDMARK_SOURCE_DETECTED, points=points, mask=mask)
        for i in range(2)
    ]
    yield pb.TrackVideoResponse(frames=pb.TrackedFrames(frames=frames))
    yield pb.TrackVideoResponse(summary=pb.TrackVideoSummary(frame_count=2, detected_count=2))


def failing_with(error: Exception) -> Handler:
    def handler(_: Iterator[pb.TrackVideoRequest], __: grpc.ServicerContext) -> Iterator[pb.TrackVideoResponse]:
        if error:
            raise error
        yield pb.TrackVideoResponse()

    return handler


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"x" * 900)
    return path


def test_client_hands_back_header_frames_and_summary(clip: Path) -> None:
    with serving(two_frames) as (target, _), LandmarksClient(target) as client:
        with client.track(clip, mask_spec=SPEC) as tracking:
            frames = list(tracking)
    assert str(tracking.header.time_base) == "1001/30000"
    assert (tracking.header.crop.x, tracking.header.mask_spec) == (-3, SPEC)
    assert [frame.landmarks.pts for frame in frames] == [0, 7]
    assert frames[0].landmarks.source is LandmarkSource.DETECTED
    assert frames[1].mask is not None
    np.testing.assert_array_equal(frames[1].mask, draw_mask(FRONTAL_FACE, SPEC))
    assert tracking.summary.frame_count == 2


def test_client_passes_the_reference_geometry_on_and_can_do_without_masks(clip: Path) -> None:
    reference = FaceGeometry(FRONTAL_FACE * 0.5)
    with serving(two_frames) as (target, _), LandmarksClient(target) as client:
        with client.track(clip, mask_spec=SPEC, retarget_to=reference, omit_masks=True) as tracking:
            assert [frame.mask for frame in tracking] == [None, None]
    np.testing.assert_allclose(tracking.header.geometry.points, reference.points)


@pytest.mark.parametrize(
    "error",
    [NoFaceDetected("no face in any of 3 frames", frames=3), InvalidSettings("mask size 7: allowed are 64 to 1024")],
    ids=lambda error: type(error).__name__,
)
def test_client_raises_the_services_own_error(clip: Path, error: Vid2VidError) -> None:
    with serving(failing_with(error)) as (target, _), LandmarksClient(target) as client:
        with client.track(clip, mask_spec=SPEC) as tracking, pytest.raises(type(error)) as failure:
            tracking.header  # noqa: B018 - reading it waits for the service
    assert failure.value.message == error.message
    assert failure.value.metadata == error.metadata


def test_long_message_arrives_with_its_class(clip: Path) -> None:
    error = ModelNotFound("there are: " + "ä" * 20_000)
    with serving(failing_with(error)) as (target, _), LandmarksClient(target) as client:
        with (
            client.track(clip, mask_spec=SPEC) as tracking,
            pytest.raises(ModelNotFound, match=r"there are: ä+\.\.\.$"),
        ):
            _ = tracking.header


def test_sender_that_leaves_during_its_upload_has_cancelled(tmp_path: Path) -> None:
    outcomes: queue.SimpleQueue[BaseException] = queue.SimpleQueue()
    leave = threading.Event()

    def handler(requests: Iterator[pb.TrackVideoRequest], _: grpc.ServicerContext) -> Iterator[pb.TrackVideoResponse]:
        try:
            with TimedRequests(requests, 30) as timed:
                first_message(timed)
                leave.set()
                spool(timed, tmp_path / "clip", max_bytes=10)
        except BaseException as error:
            outcomes.put(error)
            raise
        yield pb.TrackVideoResponse()

    def settings_and_no_more() -> Iterator[pb.TrackVideoRequest]:
        yield pb.TrackVideoRequest(settings=pb.TrackVideoSettings())
        outcomes_seen.wait(10)

    outcomes_seen = threading.Event()
    with serving(handler) as (target, _), open_channel(target) as channel:
        call: Any = pb_grpc.LandmarkServiceStub(channel).TrackVideo(settings_and_no_more())
        assert leave.wait(10)
        call.cancel()
        assert isinstance(outcomes.get(timeout=10), RenderCancelled)
        outcomes_seen.set()


def test_defect_in_a_handler_is_internal_and_keeps_its_text_in_the_log(clip: Path) -> None:
    with serving(failing_with(ZeroDivisionError("secret"))) as (target, _), LandmarksClient(target) as client:
        with client.track(clip, mask_spec=SPEC) as tracking, pytest.raises(InternalError) as failure:
            list(tracking)
    assert "secret" not in failure.value.message


def test_answer_without_a_summary_fails(clip: Path) -> None:
    def cut_short(
        requests: Iterator[pb.TrackVideoRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.TrackVideoResponse]:
        yield from list(two_frames(requests, context))[:2]

    with serving(cut_short) as (target, _), LandmarksClient(target) as client:
        with client.track(clip, mask_spec=SPEC) as tracking, pytest.raises(InternalError, match="without a summary"):
            list(tracking)


def test_peer_that_does_not_listen_fails_as_unavailable(clip: Path) -> None:
    with serving(two_frames) as (target, _):
        pass
    with LandmarksClient(target) as client, client.track(clip, mask_spec=SPEC) as tracking:
        with pytest.raises(LandmarksUnavailable, match=target):
            tracking.header  # noqa: B018 - reading it waits for the service


def test_upload_over_the_limit_fails(clip: Path) -> None:
    clip.write_bytes(b"x" * 1001)
    with serving(two_frames) as (target, _), LandmarksClient(target) as client:
        with client.track(clip, mask_spec=SPEC) as tracking, pytest.raises(UploadTooLarge, match="1000 bytes"):
            list(tracking)


def test_upload_without_a_byte_fails(clip: Path) -> None:
    clip.write_bytes(b"")
    with serving(two_frames) as (target, _), LandmarksClient(target) as client:
        with client.track(clip, mask_spec=SPEC) as tracking, pytest.raises(EmptyMedia):
            list(tracking)


def test_stream_without_settings_fails() -> None:
    with pytest.raises(InvalidSettings, match="first message"):
        first_message(iter([pb.TrackVideoRequest(chunk=b"x")]))


def test_settings_twice_fail(tmp_path: Path) -> None:
    twice = pb.TrackVideoRequest(settings=pb.TrackVideoSettings())
    with pytest.raises(InvalidSettings, match="chunk"):
        spool(iter([twice]), tmp_path / "clip", max_bytes=10)


def test_work_folder_is_removed_when_the_call_fails() -> None:
    with pytest.raises(ValueError, match="boom"), work_folder(None) as folder:
        (folder / "clip").write_bytes(b"x")
        raise ValueError("boom")
    assert not folder.exists()


def test_health_follows_readiness_and_liveness_is_the_empty_name() -> None:
    with serving(two_frames) as (target, server), open_channel(target) as channel:
        status = health_pb2.HealthCheckResponse
        assert (health_of(channel), health_of(channel, SERVICE)) == (status.SERVING, status.NOT_SERVING)
        server.set_ready(SERVICE, ready=True)
        assert health_of(channel, SERVICE) == status.SERVING


def test_reflection_names_the_service() -> None:
    with serving(two_frames) as (target, _), open_channel(target) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        answer = next(stub.ServerReflectionInfo(iter([request])))
        assert SERVICE in [service.name for service in answer.list_services_response.service]


def test_draining_server_finishes_running_calls_and_refuses_new_ones(clip: Path) -> None:
    running, go_on = threading.Event(), threading.Event()

    def slow(
        requests: Iterator[pb.TrackVideoRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.TrackVideoResponse]:
        running.set()
        assert go_on.wait(5)
        yield from two_frames(requests, context)

    with serving(slow) as (target, server), LandmarksClient(target) as client:
        with client.track(clip, mask_spec=SPEC) as first:
            assert running.wait(5)
            drain = threading.Thread(target=server.drain)
            drain.start()
            while not server.draining:
                time.sleep(0.01)
            with LandmarksClient(target) as late, late.track(clip, mask_spec=SPEC) as second:
                with pytest.raises((ShuttingDown, LandmarksUnavailable)):
                    list(second)
            go_on.set()
            assert len(list(first)) == 2
        drain.join(5)


def test_call_of_a_process_that_answers_no_more_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    sooner = (("grpc.keepalive_time_ms", 200), ("grpc.http2.ping_timeout_ms", 300))
    monkeypatch.setattr(server_module, "KEEPALIVE", tuple((dict(KEEPALIVE) | dict(sooner)).items()))
    began, ended = threading.Event(), threading.Event()

    def handler(_: Iterator[pb.TrackVideoRequest], context: grpc.ServicerContext) -> Iterator[pb.TrackVideoResponse]:
        context.add_callback(ended.set)
        began.set()
        ended.wait(20)
        yield pb.TrackVideoResponse()

    with serving(handler) as (target, _):
        caller = subprocess.Popen([sys.executable, "-c", CALL_AND_WAIT, target])
        try:
            assert began.wait(20)
            assert not ended.wait(1)
            caller.send_signal(signal.SIGSTOP)
            assert ended.wait(10)
        finally:
            caller.kill()
            caller.wait()


def test_port_that_is_taken_fails_with_the_address() -> None:
    with serving(two_frames) as (target, _):
        second = GrpcServer(ServiceSettings(listen=target), [SERVICE], lambda _: None)
        with pytest.raises(ConfigurationError, match=target):
            second.start()
