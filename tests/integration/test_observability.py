"""What an operator sees of renders through the real stack: the render id in every log line, metrics, the device."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.face_clips import face_clip, noise_clip
from tests.support.metrics import parse_samples
from tests.support.models import tint_model, write_version
from tests.support.published import write_published_config
from tests.support.triton import require_triton, wait_until
from vid2vid_client import Renderer, RenderProgress
from vid2vid_core.errors import DeadlineExceeded, InternalError, NoFaceDetected
from vid2vid_demo.stack import LocalStack

pytestmark = pytest.mark.needs_triton

MODEL = "observed"
OUTSIDE_OF_CALLS = {"settings", "listening", "ready", "not ready"}
"""Events of a service's own life."""

Line = dict[str, Any]
Samples = dict[str, float]


@dataclass
class Stack:
    """The running stack, with a client, and how far its logs have been read."""

    stack: LocalStack
    renderer: Renderer
    seen: dict[str, int]

    def new_lines(self, service: str) -> list[Line]:
        """What a service has logged since this was last asked; every line must be JSON."""
        lines = (self.stack.log_dir / f"{service}.log").read_text().splitlines()
        new, self.seen[service] = lines[self.seen[service] :], len(lines)
        return [json.loads(line) for line in new]

    def samples(self, target: str) -> Samples:
        """Metric name and label values -> value."""
        with urllib.request.urlopen(f"http://{target}/metrics", timeout=5) as answer:
            samples = parse_samples(answer.read().decode())
        return {
            " ".join([sample.name, *(value for _, value in sorted(sample.labels.items()) if value)]): sample.value
            for sample in samples
        }


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    require_triton()
    folder = tmp_path_factory.mktemp("observed")
    repository = folder / "models"
    write_version(repository, MODEL, 1, tint_model((200, 100, 50)))
    write_published_config(repository, MODEL, [1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VID2VID_LANDMARKS_LOG_FORMAT", "json")
        patch.setenv("VID2VID_LANDMARKS_WORKERS", "2")
        patch.setenv("VID2VID_RENDERER_LOG_FORMAT", "json")
        with (
            LocalStack(repository=repository, log_dir=folder / "logs") as stack,
            Renderer(stack.renderer_target) as renderer,
        ):
            yield Stack(stack, renderer, defaultdict(int))


@pytest.fixture
def stack(running: Stack) -> Stack:
    """The stack without a call under way, and with its earlier log lines read."""
    calls_end(running)
    for service in ("renderer", "landmarks"):
        running.new_lines(service)
    return running


def calls_end(stack: Stack) -> None:
    """Wait until no service works on a call: what it has to log about them stands in its log."""

    def idle() -> bool:
        samples = {
            **stack.samples(stack.stack.renderer_metrics_target),
            **stack.samples(stack.stack.landmarks_metrics_target),
        }
        running = [value for name, value in samples.items() if name.startswith("vid2vid_rpc_running")]
        return not any(running)

    wait_until(idle)
    time.sleep(0.1)  # the interceptor logs right after the count


def ids_of_calls(stack: Stack) -> tuple[set[Any], list[Line]]:
    """Render ids of every line about calls in both services, None where one is missing, and the lines."""
    calls_end(stack)
    lines = [line for service in ("renderer", "landmarks") for line in stack.new_lines(service)]
    lines = [line for line in lines if line["event"] not in OUTSIDE_OF_CALLS]
    assert {line["service"] for line in lines} == {"renderer", "landmarks"}
    return {line.get("render_id") for line in lines}, lines


def test_every_line_of_a_render_carries_its_id_in_both_services(stack: Stack, tmp_path: Path) -> None:
    result = stack.renderer.render(face_clip(tmp_path / "clip.mp4"), tmp_path / "fake.mp4", model=MODEL, timeout_s=60)
    ids, lines = ids_of_calls(stack)
    assert ids == {result.render_id}
    assert {"render accepted", "rendered", "clip received", "clip done"} <= {line["event"] for line in lines}


def test_refused_render_is_logged_with_its_id_in_both_services(stack: Stack, tmp_path: Path) -> None:
    with pytest.raises(NoFaceDetected):
        stack.renderer.render(noise_clip(tmp_path / "noise.mp4"), tmp_path / "fake.mp4", model=MODEL, timeout_s=60)
    ids, lines = ids_of_calls(stack)
    assert len(ids) == 1
    assert None not in ids
    refused = [(line["service"], line["reason"]) for line in lines if line["event"] == "call refused"]
    assert sorted(refused) == [("landmarks", "NO_FACE_DETECTED"), ("renderer", "NO_FACE_DETECTED")]


def test_render_that_its_caller_gives_up_is_logged_with_its_id_and_without_a_traceback(
    stack: Stack, tmp_path: Path
) -> None:
    clip = face_clip(tmp_path / "clip.mp4", frames=300)
    with pytest.raises(DeadlineExceeded):
        stack.renderer.render(clip, tmp_path / "fake.mp4", model=MODEL, timeout_s=1)
    ids, lines = ids_of_calls(stack)
    assert len(ids) == 1
    assert None not in ids
    assert {line["level"] for line in lines} == {"info"}
    counted = "vid2vid_rpc_calls_total Render RENDER_CANCELLED vid2vid.renderer.v1.RenderService CANCELLED"
    assert stack.samples(stack.stack.renderer_metrics_target)[counted] == 1


def test_dead_landmark_workers_are_counted_and_logged_with_the_render_they_failed(stack: Stack, tmp_path: Path) -> None:
    def kill_workers(progress: RenderProgress) -> None:
        if progress.stage in {"analysing", "rendering"}:
            kill_landmark_workers(stack.stack)

    clip = face_clip(tmp_path / "clip.mp4", frames=600)
    with pytest.raises(InternalError):
        stack.renderer.render(clip, tmp_path / "fake.mp4", model=MODEL, on_progress=kill_workers, timeout_s=60)
    ids, lines = ids_of_calls(stack)
    assert len(ids) == 1
    assert None not in ids
    assert "landmark worker died" in {line["event"] for line in lines}
    target = stack.stack.landmarks_metrics_target
    wait_until(lambda: stack.samples(target)["vid2vid_landmark_worker_restarts_total"] >= 1)


def kill_landmark_workers(stack: LocalStack) -> None:
    (guard,) = (service.pid for service in stack.services if service.spec.name == "landmarks")
    for process in psutil.Process(guard).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it may have ended meanwhile
            if "vid2vid_landmarks.worker" in process.cmdline():
                process.kill()


def test_render_is_counted_where_it_passes(stack: Stack, tmp_path: Path) -> None:
    before = {target: stack.samples(target) for target in metrics_targets(stack)}
    clip = face_clip(tmp_path / "clip.mp4", frames=40, position=lambda index: None if index >= 30 else (40, 40))
    stack.renderer.render(clip, tmp_path / "fake.mp4", model=MODEL, layout="side-by-side", timeout_s=60)
    calls_end(stack)
    landmarks, renderer, triton = (grown(before[target], stack.samples(target)) for target in metrics_targets(stack))
    assert renderer[f"vid2vid_rendered_frames_total {MODEL} 1"] == 40
    assert renderer["vid2vid_inference_batch_frames_sum"] == 40
    assert renderer["vid2vid_inference_batch_frames_count"] == 5
    assert renderer["vid2vid_upload_bytes_total"] == clip.stat().st_size == landmarks["vid2vid_upload_bytes_total"]
    assert all(renderer[f"vid2vid_stage_busy_seconds_total {stage}"] > 0 for stage in ("decode", "encode", "infer"))
    assert landmarks["vid2vid_tracked_frames_total detected"] == 30
    assert landmarks["vid2vid_tracked_frames_total held"] == 10
    assert landmarks["vid2vid_face_coverage_ratio_sum"] == pytest.approx(0.75)
    assert all(landmarks[f"vid2vid_stage_busy_seconds_total {stage}"] > 0 for stage in ("upload", "scout", "track"))
    assert landmarks["vid2vid_landmark_worker_busy_seconds_total"] > 0
    assert triton[f"nv_inference_count {MODEL} 1"] == 40
    assert ended(landmarks) == {"vid2vid_rpc_calls_total TrackVideo vid2vid.landmarks.v1.LandmarkService OK": 1}
    assert ended(renderer) == {"vid2vid_rpc_calls_total Render vid2vid.renderer.v1.RenderService OK": 1}


def metrics_targets(stack: Stack) -> tuple[str, str, str]:
    ports = stack.stack
    return ports.landmarks_metrics_target, ports.renderer_metrics_target, ports.triton_metrics_target


def grown(before: Samples, after: Samples) -> Samples:
    return {name: value - before.get(name, 0.0) for name, value in after.items()}


def ended(samples: Samples) -> Samples:
    return {name: value for name, value in samples.items() if name.startswith("vid2vid_rpc_calls_total") and value}


def test_gauges_follow_a_running_render(stack: Stack, tmp_path: Path) -> None:
    during: list[Samples] = []

    def look(progress: RenderProgress) -> None:
        if progress.stage != "muxing":
            during.append(stack.samples(stack.stack.renderer_metrics_target))

    clip = face_clip(tmp_path / "clip.mp4", frames=60)
    stack.renderer.render(clip, tmp_path / "fake.mp4", model=MODEL, on_progress=look, timeout_s=60)
    calls_end(stack)
    after = stack.samples(stack.stack.renderer_metrics_target)
    assert {sample["vid2vid_renders_active"] for sample in during} >= {1.0}
    assert after["vid2vid_renders_active"] == 0
    assert after["vid2vid_renders_limit"] == 2
    assert {after[f"vid2vid_queue_frames {queue}"] for queue in ("tracked", "decoded", "rendered")} == {0.0}


def test_models_are_listed_with_their_device(stack: Stack) -> None:
    (model,) = stack.renderer.list_models()
    assert [(version.version, version.device) for version in model.versions] == [(1, "cpu")]
