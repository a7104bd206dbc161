"""The renderer as a process of its own: start, readiness, drain; and renders with the real peers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import psutil
import pytest

from tests.support.face_clips import face_clip, noise_clip
from tests.support.health import health_of
from tests.support.models import tint_model
from tests.support.ports import free_port
from tests.support.published import publish
from tests.support.triton import TritonServer, wait_until
from tests.support.videos import AUDIO, audio_packets, ffmpeg, frame_times, stream_of
from vid2vid_client import Renderer, RenderProgress
from vid2vid_core.errors import GeneratorUnavailable, LandmarksUnavailable, NoFaceDetected
from vid2vid_core.rpc.channel import open_channel
from vid2vid_demo.service_process import ServiceProcess, ServiceSpec
from vid2vid_renderer.servicer import SERVICE

NOT_SERVING, SERVING = 2, 1


def service_spec(name: str, health_name: str, target: str, **environment: str) -> ServiceSpec:
    return ServiceSpec(
        name=name,
        command=[sys.executable, "-m", f"vid2vid_{name}"],
        environment={f"VID2VID_{name.upper()}_{key}": value for key, value in environment.items()},
        target=target,
        health_name=health_name,
        unavailable=LandmarksUnavailable,
    )


class Processes:
    """Renderer and landmark service as processes that a test starts and stops by itself."""

    def __init__(self, folder: Path, triton_target: str) -> None:
        self.folder = folder
        self.temp_dir = folder / "temp"
        self.temp_dir.mkdir()
        self.target, self.landmarks_target = (f"127.0.0.1:{free_port()}" for _ in range(2))
        self.renderer = self._start(
            service_spec(
                "renderer",
                "",
                self.target,
                LISTEN=self.target,
                LANDMARKS=self.landmarks_target,
                TRITON=triton_target,
                TEMP_DIR=str(self.temp_dir),
                DRAIN_TIMEOUT_S="10",
                PEER_TIMEOUT_S="2",
                READINESS_INTERVAL_S="0.2",
            )
        )
        self.landmarks: ServiceProcess | None = None

    def start_landmarks(self) -> None:
        spec = service_spec(
            "landmarks", "vid2vid.landmarks.v1.LandmarkService", self.landmarks_target, LISTEN=self.landmarks_target
        )
        self.landmarks = self._start(spec)

    def stop_landmarks(self) -> None:
        if self.landmarks is not None:
            self.landmarks.stop()
            self.landmarks = None

    def health(self, service: str = SERVICE) -> int:
        with open_channel(self.target) as channel:
            return health_of(channel, service)

    def stop(self) -> None:
        self.renderer.request_stop()
        self.stop_landmarks()
        self.renderer.stop()

    def _start(self, spec: ServiceSpec) -> ServiceProcess:
        process = ServiceProcess(spec, self.folder, grace_s=15)
        process.wait_until_ready(30)
        return process


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory, triton: TritonServer) -> Iterator[Processes]:
    publish(triton, "renderer-process", {1: tint_model((200, 100, 50))})
    processes = Processes(tmp_path_factory.mktemp("processes"), triton.target)
    yield processes
    processes.stop()


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 frames with a face in a wide picture, and sound."""
    folder = tmp_path_factory.mktemp("content")
    silent = face_clip(folder / "silent.mp4", frames=40, width=480, position=lambda index: (10 + 3 * index, 40))
    content = folder / "content.mp4"
    ffmpeg("-i", silent, "-f", "lavfi", "-t", "1.3", "-i", AUDIO, "-c:v", "copy", "-c:a", "aac", content)
    return content


def test_wrong_setting_ends_with_status_1_and_one_line() -> None:
    environment = {**os.environ, "VID2VID_RENDERER_BATCH_SIZE": "many"}
    done = subprocess.run(
        [sys.executable, "-m", "vid2vid_renderer"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("vid2vid-renderer: error: VID2VID_RENDERER_BATCH_SIZE='many'")
    assert done.stderr.count("\n") == 1


def test_renderer_without_peers_is_alive_but_not_ready_and_ends_on_sigterm(tmp_path: Path) -> None:
    target = f"127.0.0.1:{free_port()}"
    environment = {
        **os.environ,
        "VID2VID_RENDERER_LISTEN": target,
        "VID2VID_RENDERER_TRITON": f"127.0.0.1:{free_port()}",
        "VID2VID_RENDERER_LANDMARKS": f"127.0.0.1:{free_port()}",
        "VID2VID_RENDERER_PEER_TIMEOUT_S": "1",
    }
    command = [sys.executable, "-m", "vid2vid_renderer"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    content = tmp_path / "content.mp4"
    content.write_bytes(b"never looked into")
    with open_channel(target) as channel, Renderer(target) as renderer:
        grpc.channel_ready_future(channel).result(20)
        assert (health_of(channel), health_of(channel, SERVICE)) == (SERVING, NOT_SERVING)
        with pytest.raises(GeneratorUnavailable, match="does not answer"):
            renderer.render(content, tmp_path / "fake.mp4", model="anna", timeout_s=10)
        assert health_of(channel) == SERVING
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "Traceback" not in log


@pytest.mark.needs_triton
def test_landmark_service_that_is_down_is_named_and_rendering_works_once_it_is_up(
    processes: Processes, content: Path, tmp_path: Path
) -> None:
    processes.stop_landmarks()
    output = tmp_path / "fake.mp4"
    with Renderer(processes.target) as renderer:
        wait_until(lambda: processes.health() == NOT_SERVING)
        started = time.monotonic()
        with pytest.raises(LandmarksUnavailable, match=f"{processes.landmarks_target} does not answer"):
            renderer.render(content, output, model="renderer-process", timeout_s=20)
        assert time.monotonic() - started < 5
        processes.start_landmarks()
        wait_until(lambda: processes.health() == SERVING)
        result = renderer.render(content, output, model="renderer-process", timeout_s=60)
    assert (result.frame_count, result.detected_count, result.audio) == (40, 40, "copied")
    assert (result.width, result.height) == (64, 64)
    assert frame_times(output) == frame_times(content)
    assert [packet for _, packet in audio_packets(output)] == [packet for _, packet in audio_packets(content)]


@pytest.mark.needs_triton
def test_side_by_side_without_retargeting_renders_with_the_real_peers(
    processes: Processes, content: Path, tmp_path: Path
) -> None:
    if processes.landmarks is None:
        processes.start_landmarks()
    output = tmp_path / "fake.mp4"
    with Renderer(processes.target) as renderer:
        result = renderer.render(
            content, output, model="renderer-process", layout="side-by-side", retarget=False, timeout_s=60
        )
    assert result.frame_count == 40
    assert stream_of(output, "v")["width"] == 3 * 64
    assert frame_times(output) == frame_times(content)


@pytest.mark.needs_triton
def test_content_without_a_face_is_refused_and_the_next_render_works(
    processes: Processes, content: Path, tmp_path: Path
) -> None:
    if processes.landmarks is None:
        processes.start_landmarks()
    output = tmp_path / "fake.mp4"
    with Renderer(processes.target) as renderer:
        with pytest.raises(NoFaceDetected):
            renderer.render(noise_clip(tmp_path / "noise.mp4"), output, model="renderer-process", timeout_s=60)
        assert not output.exists()
        assert list(processes.temp_dir.iterdir()) == []
        assert renderer.render(content, output, model="renderer-process", timeout_s=60).frame_count == 40


@pytest.mark.needs_triton
def test_landmark_service_that_dies_during_a_render_fails_it_and_leaves_nothing(
    processes: Processes, tmp_path: Path
) -> None:
    if processes.landmarks is None:
        processes.start_landmarks()
    long_content = face_clip(tmp_path / "long.mp4", frames=600)

    def kill(progress: RenderProgress) -> None:
        if progress.stage in {"analysing", "rendering"} and processes.landmarks is not None:
            guard = psutil.Process(processes.landmarks.pid)
            for child in guard.children():
                child.kill()

    with Renderer(processes.target) as renderer, pytest.raises(LandmarksUnavailable):
        renderer.render(long_content, tmp_path / "fake.mp4", model="renderer-process", on_progress=kill, timeout_s=60)
    assert [path.name for path in tmp_path.iterdir()] == ["long.mp4"]
    wait_until(lambda: list(processes.temp_dir.iterdir()) == [])
    processes.stop_landmarks()
