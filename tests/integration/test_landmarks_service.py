"""The landmark service over real gRPC, with real dlib and real ffmpeg."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import numpy as np
import psutil
import pytest

from tests.support.face_clips import blank, face_clip, noise_clip, with_head, write_clip
from tests.support.health import health_of
from tests.support.ports import free_port
from tests.support.videos import (
    ffmpeg,
    frame_times,
    make_audio_only,
    make_clip,
    make_cut_clip,
    make_empty_file,
    make_text_file,
    turn_clockwise,
)
from vid2vid.landmarks.v1 import landmarks_pb2 as pb
from vid2vid.landmarks.v1 import landmarks_pb2_grpc as pb_grpc
from vid2vid_core.errors import (
    EmptyMedia,
    InternalError,
    InvalidSettings,
    LandmarksUnavailable,
    MediaTooLong,
    NoFaceDetected,
    NoVideoStream,
    TruncatedMedia,
    UnsupportedMedia,
    UploadTooLarge,
    Vid2VidError,
    error_from_rpc,
)
from vid2vid_core.landmarks import LandmarkSource
from vid2vid_core.landmarks_client import LandmarksClient, TrackedFrame, TrackHeader, TrackSummary
from vid2vid_core.mask import MaskSpec, draw_mask
from vid2vid_landmarks.server import make_server, running_pool
from vid2vid_landmarks.servicer import SERVICE_NAME
from vid2vid_landmarks.settings import LandmarksSettings
from vid2vid_landmarks.workers import WorkerPool

SPEC = MaskSpec(size=128)
COMMAND = [sys.executable, "-m", "vid2vid_landmarks"]


class Service(NamedTuple):
    target: str
    client: LandmarksClient
    pool: WorkerPool


class Answer(NamedTuple):
    header: TrackHeader
    frames: list[TrackedFrame]
    summary: TrackSummary


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    settings = LandmarksSettings(listen="127.0.0.1:0", workers=2, max_concurrent_calls=2, max_upload_bytes=20_000_000)
    with running_pool(settings) as pool:
        server = make_server(settings, pool)
        target = f"127.0.0.1:{server.start()}"
        with LandmarksClient(target) as client:
            yield Service(target, client, pool)
        server.drain()


@pytest.fixture(scope="module")
def good_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four frames: whether the service goes on."""
    return face_clip(tmp_path_factory.mktemp("good") / "good.mp4", frames=4)


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough frames to break in while they are tracked: with masks of 512 pixels the answer waits for its reader."""
    return face_clip(tmp_path_factory.mktemp("long") / "long.mp4", frames=240)


def track(service: Service, path: Path, **options: Any) -> Answer:
    with service.client.track(path, **{"mask_spec": SPEC, **options}) as tracking:
        header, frames = tracking.header, list(tracking)
        return Answer(header, frames, tracking.summary)


def children_named(name: str) -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if child.name() == name]


def kill_all(process_ids: list[int]) -> None:
    for process_id in process_ids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGKILL)


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_every_frame_gets_a_mask_at_its_own_time(service: Service, tmp_path: Path) -> None:
    clip = face_clip(tmp_path / "clip.mp4", frames=40)
    header, frames, summary = track(service, clip)
    assert (header.width, header.height) == (320, 320)
    assert header.mask_spec == SPEC
    assert [frame.landmarks.index for frame in frames] == list(range(40))
    assert [frame.landmarks.pts * header.time_base for frame in frames] == frame_times(clip)
    assert all(frame.landmarks.source is LandmarkSource.DETECTED for frame in frames)
    assert (summary.frame_count, summary.detected_count, summary.held_count) == (40, 40, 0)
    for frame in frames:
        assert frame.mask is not None
        assert np.array_equal(frame.mask, draw_mask(frame.landmarks.points, SPEC))


def test_landmarks_move_with_the_face(service: Service, tmp_path: Path) -> None:
    clip = face_clip(tmp_path / "clip.mp4", frames=30, width=480, position=lambda index: (10 + 5 * index, 40))
    header, frames, _ = track(service, clip)
    centres = np.array([frame.landmarks.points.mean(axis=0) for frame in frames]) * header.crop.size
    assert np.diff(centres[:, 0]) == pytest.approx(5, abs=1.5)
    assert np.diff(centres[:, 1]) == pytest.approx(0, abs=1.5)


def test_variable_frame_times_are_kept_exactly(service: Service, tmp_path: Path) -> None:
    plain = face_clip(tmp_path / "plain.mp4", frames=20)
    clip = tmp_path / "vfr.mp4"
    times = "settb=1/90000,setpts=N*6000+mod(N*7\\,5)*1100"
    clock = ("-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-video_track_timescale", "90000")
    ffmpeg("-i", plain, "-vf", times, *clock, "-movflags", "+faststart", clip)
    header, frames, _ = track(service, clip)
    assert [frame.landmarks.pts * header.time_base for frame in frames] == frame_times(clip)


def test_answer_does_not_depend_on_timing(service: Service, tmp_path: Path) -> None:
    clip = face_clip(tmp_path / "clip.mp4", frames=40)
    first, second = (np.stack([frame.landmarks.points for frame in track(service, clip).frames]) for _ in range(2))
    assert np.array_equal(first, second)


def test_small_face_in_a_wide_picture_gets_a_square_around_it(service: Service, tmp_path: Path) -> None:
    clip = face_clip(tmp_path / "clip.mp4", frames=12, width=1280, height=720, side=260, position=lambda _: (800, 200))
    header, frames, summary = track(service, clip)
    crop = header.crop
    assert crop.padding(1280, 720) == (0, 0, 0, 0)
    assert crop.x < 860
    assert crop.x + crop.size > 1000
    assert crop.size < 400
    assert summary.detected_count == 12
    assert (np.stack([frame.landmarks.points for frame in frames]) > 0.1).all()


def test_portrait_format_and_a_face_at_the_border(service: Service, tmp_path: Path) -> None:
    clip = face_clip(tmp_path / "clip.mp4", frames=12, width=1080, height=1920, side=500, position=lambda _: (-90, 0))
    header, _, summary = track(service, clip)
    assert header.crop.padding(1080, 1920) == (0, 0, 0, 0)
    assert header.crop.x == 0
    assert summary.detected_count == 12


def test_rotated_clip_is_tracked_upright(service: Service, tmp_path: Path) -> None:
    upright = face_clip(tmp_path / "upright.mp4", frames=10, width=400, height=320)
    clip = tmp_path / "clip.mp4"
    ffmpeg("-i", upright, "-vf", "transpose=cclock", "-movflags", "+faststart", clip)
    turn_clockwise(clip, 90)
    header, frames, summary = track(service, clip)
    assert (header.width, header.height) == (400, 320)
    assert summary.detected_count == 10
    assert frames[0].landmarks.points[8, 1] > frames[0].landmarks.points[27, 1]


def test_one_of_two_faces_is_followed_all_along(service: Service, tmp_path: Path) -> None:
    ground = with_head(blank(640, 360), 400, 100, 200)
    clip = write_clip(tmp_path / "clip.mp4", [with_head(ground, 20 + index, 40, 280) for index in range(40)])
    header, frames, summary = track(service, clip)
    centres = np.array([frame.landmarks.points.mean(axis=0)[0] for frame in frames]) * header.crop.size + header.crop.x
    assert (centres < 320).all()
    assert summary.detected_count == 40
    assert summary.multiple_face_count > 0


def test_absent_face_is_bridged_or_held_and_keeps_its_frames(service: Service, tmp_path: Path) -> None:
    gone = {*range(4), *range(20, 25), *range(40, 70)}
    clip = face_clip(tmp_path / "clip.mp4", frames=80, position=lambda index: None if index in gone else (40, 40))
    _, frames, summary = track(service, clip)
    sources = [frame.landmarks.source for frame in frames]
    assert set(sources[:4]) == set(sources[40:70]) == {LandmarkSource.HELD}
    assert set(sources[20:25]) == {LandmarkSource.INTERPOLATED}
    assert (summary.frame_count, summary.interpolated_count, summary.held_count) == (80, 5, 34)


def test_square_picture_can_be_taken_whole(service: Service, tmp_path: Path) -> None:
    header, _, _ = track(service, face_clip(tmp_path / "clip.mp4", frames=8), crop_mode="none")
    assert (header.crop.x, header.crop.y, header.crop.size) == (0, 0, 320)


def test_whole_picture_that_is_not_square_fails(service: Service, tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="480x320"):
        track(service, face_clip(tmp_path / "clip.mp4", frames=4, width=480), crop_mode="none")


def test_retargeting_to_the_own_geometry_changes_little_and_masks_can_be_left_out(
    service: Service, tmp_path: Path
) -> None:
    clip = face_clip(tmp_path / "clip.mp4", frames=20)
    plain = track(service, clip)
    mapped = track(service, clip, retarget_to=plain.header.geometry, omit_masks=True)
    assert all(frame.mask is None for frame in mapped.frames)
    first, second = (np.stack([frame.landmarks.points for frame in answer.frames]) for answer in (plain, mapped))
    assert second == pytest.approx(first, abs=0.01)


def _noise(folder: Path) -> Path:
    return noise_clip(folder / "noise.mp4")


def _cut(folder: Path) -> Path:
    return make_cut_clip(folder / "cut.mp4")


@pytest.mark.parametrize(
    ("make", "error"),
    [
        pytest.param(_noise, NoFaceDetected, id="no face"),
        pytest.param(_cut, TruncatedMedia, id="truncated"),
        pytest.param(lambda folder: make_audio_only(folder / "audio.m4a"), NoVideoStream, id="audio only"),
        pytest.param(lambda folder: make_empty_file(folder / "empty.mp4"), EmptyMedia, id="empty"),
        pytest.param(lambda folder: make_text_file(folder / "text.mp4"), UnsupportedMedia, id="not a video"),
    ],
)
def test_unusable_clip_fails_and_the_service_goes_on(
    service: Service, tmp_path: Path, good_clip: Path, make: Callable[[Path], Path], error: type[Vid2VidError]
) -> None:
    with pytest.raises(error) as caught:
        track(service, make(tmp_path))
    assert "\n" not in caught.value.message
    assert track(service, good_clip).summary.frame_count == 4


def _send(service: Service, *requests: pb.TrackVideoRequest) -> Vid2VidError:
    with grpc.insecure_channel(service.target) as channel:
        stub = pb_grpc.LandmarkServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            list(stub.TrackVideo(iter(requests)))
        return error_from_rpc(caught.value, unavailable=LandmarksUnavailable)


SETTINGS = pb.TrackVideoRequest(settings=pb.TrackVideoSettings())
CHUNK = pb.TrackVideoRequest(chunk=b"x")


@pytest.mark.parametrize(
    "requests",
    [
        pytest.param((), id="nothing"),
        pytest.param((CHUNK,), id="no settings"),
        pytest.param((SETTINGS, CHUNK, SETTINGS), id="settings twice"),
        pytest.param((CHUNK, SETTINGS), id="settings after a chunk"),
        pytest.param((SETTINGS, pb.TrackVideoRequest()), id="an empty message"),
    ],
)
def test_requests_out_of_order_fail(service: Service, requests: tuple[pb.TrackVideoRequest, ...]) -> None:
    assert isinstance(_send(service, *requests), InvalidSettings)


def test_upload_over_the_limit_fails(service: Service) -> None:
    chunk = pb.TrackVideoRequest(chunk=bytes(2**20))
    assert isinstance(_send(service, SETTINGS, *[chunk] * 20), UploadTooLarge)


def test_cancelled_call_stops_its_ffmpeg_and_the_service_goes_on(
    service: Service, long_clip: Path, good_clip: Path
) -> None:
    with service.client.track(long_clip, mask_spec=MaskSpec(size=512)) as tracking:
        assert tracking.header.width == 320
        next(iter(tracking))
        assert children_named("ffmpeg")
    assert eventually(lambda: not children_named("ffmpeg"))
    assert track(service, good_clip).summary.frame_count == 4


def test_killed_worker_fails_the_call_and_the_pool_heals(service: Service, long_clip: Path, good_clip: Path) -> None:
    with service.client.track(long_clip, mask_spec=MaskSpec(size=512)) as tracking:
        with pytest.raises(InternalError, match="worker"):
            for index, _ in enumerate(tracking):
                # A worker that is killed while it waits for work is replaced unnoticed, hence more than one try.
                if index % 20 == 0:
                    kill_all(service.pool.process_ids)
    assert track(service, good_clip).summary.frame_count == 4


def test_calls_run_side_by_side(service: Service, tmp_path: Path) -> None:
    clip = face_clip(tmp_path / "clip.mp4", frames=40)
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _: track(service, clip), range(2)))
    first, second = (np.stack([frame.landmarks.points for frame in answer.frames]) for answer in answers)
    assert len(first) == 40
    assert np.array_equal(first, second)


def test_clip_over_the_limit_of_frames_fails(tmp_path: Path) -> None:
    settings = LandmarksSettings(listen="127.0.0.1:0", workers=1, max_frames=5)
    with running_pool(settings) as pool:
        server = make_server(settings, pool)
        with LandmarksClient(f"127.0.0.1:{server.start()}") as client, pytest.raises(MediaTooLong):
            list(client.track(make_clip(tmp_path / "clip.mp4"), mask_spec=SPEC))
        server.drain()


def test_command_serves_and_ends_cleanly_on_sigterm(tmp_path: Path) -> None:
    port = free_port()
    environment = {**os.environ, "VID2VID_LANDMARKS_LISTEN": f"127.0.0.1:{port}", "VID2VID_LANDMARKS_WORKERS": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "vid2vid_landmarks"], env=environment, stderr=subprocess.PIPE
    ) as process:
        try:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                grpc.channel_ready_future(channel).result(timeout=30)
                assert eventually(lambda: health_of(channel, SERVICE_NAME) == 1)
            workers = psutil.Process(process.pid).children(recursive=True)
            assert len(workers) == 2  # the template and its fork
            process.terminate()
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
        assert eventually(lambda: not any(worker.is_running() for worker in workers))


def test_workers_die_with_a_killed_service() -> None:
    port = free_port()
    environment = {**os.environ, "VID2VID_LANDMARKS_LISTEN": f"127.0.0.1:{port}", "VID2VID_LANDMARKS_WORKERS": "1"}
    with subprocess.Popen(COMMAND, env=environment, stderr=subprocess.DEVNULL) as process:
        parent = psutil.Process(process.pid)
        assert eventually(lambda: len(parent.children(recursive=True)) == 2)
        workers = parent.children(recursive=True)
        process.kill()
    assert eventually(lambda: not any(worker.is_running() for worker in workers))


def test_command_without_a_predictor_fails_in_one_line() -> None:
    environment = {**os.environ, "VID2VID_LANDMARKS_PREDICTOR": "/nowhere.dat"}
    done = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["vid2vid-landmarks: landmark predictor '/nowhere.dat' is not a file"]
