"""How close a render comes to its slowest stage alone.

    python -m benchmarks.bench_render [--content clip.mp4] [--size 256] [--gflop 2.4] [--repeat 2]

Runs the local stack with an untrained generator of the cost given, measures every stage alone and then the pipeline,
all on the same clip, and prints one JSON object. Compare ratios of one run, not seconds of different machines.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import tritonclient.grpc as triton_grpc
from pydantic import SecretStr

from benchmarks.synthetic_generator import synthetic_generator
from tests.support.face_clips import face_clip
from tests.support.models import write_version
from tests.support.published import write_published_config
from vid2vid_core.landmarks_client import LandmarksClient, TrackedFrame, TrackHeader
from vid2vid_core.triton_control import control_headers
from vid2vid_demo.stack import LocalStack
from vid2vid_renderer.ffmpeg_media import FfmpegMedia
from vid2vid_renderer.generator import FrameBatch, ResolvedModel
from vid2vid_renderer.generator_client import TritonGenerator
from vid2vid_renderer.inference_stage import batches
from vid2vid_renderer.order import RenderOrder
from vid2vid_renderer.pipeline import PipelineLimits, RenderPipeline

MODEL = "synthetic"


class Bench:
    """One clip, one model, every stage."""

    def __init__(
        self,
        content: Path,
        folder: Path,
        generator: TritonGenerator,
        landmarks: LandmarksClient,
        limits: PipelineLimits,
    ) -> None:
        self.content = content
        self.folder = folder
        self.generator = generator
        self.landmarks = landmarks
        self.limits = limits
        self.media = FfmpegMedia()
        self.model: ResolvedModel = generator.resolve(MODEL, 0)
        self.header: TrackHeader
        self.tracked: list[TrackedFrame] = []
        self.frames: list[Any] = []

    def landmarks_alone(self) -> None:
        """Upload, detection, masks and their way back."""
        spec, geometry = self.model.mask_spec, self.model.reference_geometry
        with self.landmarks.track(self.content, mask_spec=spec, retarget_to=geometry) as tracking:
            self.header = tracking.header
            self.tracked = list(tracking)

    def infer_alone(self) -> None:
        """Triton with as many requests in flight as a render has."""
        pending: deque[Future[FrameBatch]] = deque()
        self.frames = []
        for batch in batches(self.tracked, self.limits.batch_size):
            if len(pending) == self.limits.inflight:
                self.frames.extend(pending.popleft().result())
            masks = np.stack([frame.mask for frame in batch if frame.mask is not None])
            pending.append(self.generator.infer_async(self.model, masks, timeout_s=120))
        while pending:
            self.frames.extend(pending.popleft().result())

    def encode_alone(self) -> None:
        """H.264, and the content's audio."""
        size = self.model.mask_spec.size
        writer = self.media.open_writer(
            self.folder / "encoded.mp4",
            size=(size, size),
            header=self.header,
            content=self.content,
            audio=self.media.probe(self.content).audio_handling,
            metadata={},
        )
        for tracked, frame in zip(self.tracked, self.frames, strict=True):
            writer.write(frame, tracked.landmarks.pts, tracked.landmarks.duration)
        writer.close()

    def pipeline(self) -> dict[str, float]:
        """The whole render; its stages' busy time."""
        pipeline = RenderPipeline(
            landmarks=self.landmarks, generator=self.generator, media=self.media, limits=self.limits
        )
        render = pipeline.start(
            RenderOrder(content=self.content, output=self.folder / "rendered.mp4", model=self.model)
        )
        render.wait(3600)
        render.close()
        return dict(render.report().stage_seconds)


def seconds(work: Callable[[], object], repeat: int) -> float:
    """Median wall time."""
    times = []
    for _ in range(repeat):
        started = time.monotonic()
        work()
        times.append(time.monotonic() - started)
    return statistics.median(times)


def measure(bench: Bench, repeat: int) -> dict[str, object]:
    """Every stage alone, then the pipeline."""
    bench.landmarks_alone()
    bench.infer_alone()
    alone = {
        "landmarks": seconds(bench.landmarks_alone, repeat),
        "infer": seconds(bench.infer_alone, repeat),
        "encode": seconds(bench.encode_alone, repeat),
    }
    busy: dict[str, float] = {}
    wall = seconds(lambda: busy.update(bench.pipeline()), repeat)
    slowest = max(alone, key=lambda name: alone[name])
    frames = len(bench.tracked)
    return {
        "frames": frames,
        "alone_frames_per_second": {name: round(frames / value, 1) for name, value in alone.items()},
        "pipeline_frames_per_second": round(frames / wall, 1),
        "pipeline_seconds": round(wall, 3),
        "busy_seconds": {name: round(value, 3) for name, value in busy.items()},
        "slowest_stage": slowest,
        "pipeline_over_slowest": round(wall / alone[slowest], 3),
        "pipeline_over_sum": round(wall / sum(alone.values()), 3),
    }


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--content", type=Path, help="default: 300 frames with a face that moves")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--gflop", type=float, default=2.4, help="of the generator, per frame")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=PipelineLimits().batch_size)
    parser.add_argument("--inflight", type=int, default=PipelineLimits().inflight)
    options = parser.parse_args()
    limits = PipelineLimits(batch_size=options.batch_size, inflight=options.inflight)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository = folder / "models"
        write_version(repository, MODEL, 1, synthetic_generator(options.size, gflop=options.gflop))
        write_published_config(repository, MODEL, [1], size=options.size)
        content = options.content or face_clip(folder / "content.mp4", frames=300)
        with LocalStack(repository=repository, log_dir=folder / "logs") as stack:
            key = SecretStr(stack.control_key)
            with triton_grpc.InferenceServerClient(stack.triton_target) as triton:
                triton.load_model(MODEL, headers=control_headers(key))
            generator = TritonGenerator(stack.triton_target, control_key=key)
            landmarks = LandmarksClient(stack.landmarks_target)
            figures = measure(Bench(content, folder, generator, landmarks, limits), options.repeat)
            landmarks.close()
            generator.close()
    print(json.dumps({"size": options.size, "gflop": options.gflop, **figures}, indent=2))


if __name__ == "__main__":
    main()
