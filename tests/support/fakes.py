"""Stand-ins for remote parties and media, behind the same Protocols, with scripted delays and failures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.crop import Crop, CropMode
from vid2vid_core.errors import (
    GeneratorUnavailable,
    InternalError,
    ModelNotFound,
    ModelVersionNotFound,
    RenderCancelled,
    Vid2VidError,
)
from vid2vid_core.frames import VideoFrame
from vid2vid_core.landmarks import FaceGeometry, FrameLandmarks, LandmarkSource
from vid2vid_core.landmarks_client import TrackedFrame, TrackHeader, TrackSummary
from vid2vid_core.mask import MaskSpec
from vid2vid_core.media.audio import AudioHandling, AudioInfo
from vid2vid_core.media.probe import VideoInfo
from vid2vid_core.tensors import ModelCard, VersionCard
from vid2vid_renderer.generator import ModelState, ModelStatus, ResolvedModel, VersionStatus

SIZE = 64
TIME_BASE = Fraction(1, 30000)
FRAME_DURATION = 1001


def face_geometry() -> FaceGeometry:
    """A plausible spread of 68 points, exact numbers without meaning."""
    steps = np.linspace(0.2, 0.8, 68, dtype=np.float32)
    return FaceGeometry(np.stack([steps, steps[::-1]], axis=1))


def numbered_mask(index: int, size: int = SIZE) -> NDArray[np.uint8]:
    """A mask that carries its frame number in its first 16 pixels."""
    mask = np.zeros((size, size), dtype=np.uint8)
    mask[0, :16] = [255 * (index >> bit & 1) for bit in range(16)]
    return mask


def number_of(picture: NDArray[np.uint8]) -> int:
    """The frame number in a mask or in a frame that FakeGenerator made of one."""
    row = picture[0, :16] if picture.ndim == 2 else picture[0, :16, 0]
    return sum(1 << bit for bit, value in enumerate(row) if value > 127)


@dataclass
class FakeLandmarks:
    """Tracks any clip: ``frame_count`` frames with numbered masks at 30000/1001 frames per second."""

    frame_count: int = 20
    start_pts: int = 0
    delay_s: float = 0.0
    """Before each frame."""
    fail_at: int | None = None
    """Frame before which the stream fails with ``failure``; -1 for before the header."""
    failure: Vid2VidError = field(default_factory=lambda: InternalError("scripted landmark failure"))
    end_early_at: int | None = None
    """Frame before which the stream ends, while the summary counts them all."""
    skip: int | None = None
    """Frame that is left out."""
    block_at: int | None = None
    """Frame before which the stream stands still until it is cancelled."""
    mask_spec: MaskSpec | None = None
    """Spec in the header, instead of the one asked for."""
    durations: list[int] | None = None
    """Frame durations, for a variable rate."""
    calls: list[dict[str, object]] = field(default_factory=list)
    """Arguments of every track call."""
    trackings: list[FakeTracking] = field(default_factory=list)

    def track(
        self,
        path: Path,
        *,
        mask_spec: MaskSpec,
        crop_mode: CropMode = "portrait",
        retarget_to: FaceGeometry | None = None,
        omit_masks: bool = False,
        render_id: str = "",
    ) -> FakeTracking:
        self.calls.append({"path": path, "crop_mode": crop_mode, "retarget_to": retarget_to, "render_id": render_id})
        tracking = FakeTracking(self, self.mask_spec or mask_spec, omit_masks=omit_masks)
        self.trackings.append(tracking)
        return tracking


class FakeTracking:
    """One tracking of FakeLandmarks."""

    def __init__(self, script: FakeLandmarks, mask_spec: MaskSpec, *, omit_masks: bool) -> None:
        self._script = script
        self._mask_spec = mask_spec
        self._omit_masks = omit_masks
        self.cancelled = threading.Event()
        self.frames_sent = 0

    @property
    def header(self) -> TrackHeader:
        if self._script.fail_at == -1:
            raise self._script.failure
        return TrackHeader(
            width=SIZE,
            height=SIZE,
            time_base=TIME_BASE,
            average_rate=Fraction(30000, 1001),
            frame_count_from_header=self._script.frame_count,
            crop=Crop(0, 0, SIZE),
            mask_spec=self._mask_spec,
            geometry=face_geometry(),
        )

    @property
    def summary(self) -> TrackSummary:
        count = self._script.frame_count
        return TrackSummary(
            frame_count=count,
            detected_count=count - 2,
            interpolated_count=1,
            held_count=1,
            multiple_face_count=3,
            elapsed_s=0.5,
        )

    def __iter__(self) -> Iterator[TrackedFrame]:
        script, pts = self._script, self._script.start_pts
        for index in range(script.frame_count):
            if index == script.end_early_at:
                return
            if index == script.fail_at:
                raise script.failure
            self._wait(None if index == script.block_at else script.delay_s)
            duration = script.durations[index] if script.durations else FRAME_DURATION
            if index != script.skip:
                self.frames_sent += 1
                yield self._frame(index, pts, duration)
            pts += duration

    def cancel(self) -> None:
        self.cancelled.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def _frame(self, index: int, pts: int, duration: int) -> TrackedFrame:
        landmarks = FrameLandmarks(
            index=index, pts=pts, duration=duration, source=LandmarkSource.DETECTED, points=face_geometry().points
        )
        return TrackedFrame(
            landmarks=landmarks, mask=None if self._omit_masks else numbered_mask(index, self._mask_spec.size)
        )

    def _wait(self, delay_s: float | None) -> None:
        if (delay_s is None or delay_s > 0 or self.cancelled.is_set()) and self.cancelled.wait(delay_s):
            raise RenderCancelled("the tracking was cancelled")


class FakeGenerator:
    """Knows one style, ``anna`` with versions 1 and 2; a frame is its mask in three channels, the last one 10 times
    the version."""

    def __init__(
        self,
        *,
        delay_s: float = 0.0,
        delays_s: list[float] | None = None,
        fail_at_batch: int | None = None,
        failure: Vid2VidError | None = None,
        block: bool = False,
        max_batch_size: int = 16,
        size: int = SIZE,
        available: bool = True,
    ) -> None:
        self.delay_s = delay_s
        self.delays_s = delays_s or []
        self.fail_at_batch = fail_at_batch
        self.failure = failure or InternalError("scripted generator failure")
        self.block = block
        self.max_batch_size = max_batch_size
        self.available = available
        self.mask_spec = MaskSpec(size=size)
        self.batch_sizes: list[int] = []
        self.cancelled_count = 0
        self.most_inflight = 0
        self._inflight = 0
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._pool = ThreadPoolExecutor(8)

    def release(self) -> None:
        """Let blocked requests go on."""
        self._released.set()

    def close(self) -> None:
        self.release()
        self._pool.shutdown()

    def check(self) -> None:
        if not self.available:
            raise GeneratorUnavailable("Triton at fake:8001 does not answer")

    def list_models(self) -> list[ModelStatus]:
        self.check()
        cards = {
            version: VersionCard(
                reference_geometry=face_geometry(), training_run=f"0000{version}-anna", onnx_sha256=f"{version}" * 64
            )
            for version in (1, 2)
        }
        versions = tuple(VersionStatus(version=v, state=ModelState.READY, device="cpu") for v in (1, 2))
        broken = VersionStatus(version=1, state=ModelState.UNAVAILABLE, reason="no model.onnx")
        return [
            ModelStatus(
                name="anna",
                versions=versions,
                card=ModelCard(mask_spec=self.mask_spec, versions=cards),
                max_batch_size=self.max_batch_size,
            ),
            ModelStatus(name="broken", versions=(broken,)),
        ]

    def get_model(self, name: str) -> ModelStatus:
        for status in self.list_models():
            if status.name == name:
                return status
        raise ModelNotFound(f"no model is named {name!r}; models there are: anna, broken", model=name)

    def resolve(self, name: str, version: int) -> ResolvedModel:
        status = self.get_model(name)
        if version not in (0, 1, 2):
            raise ModelVersionNotFound(f"model {name!r} has no version {version}; versions there are: 1, 2")
        return resolved_model(
            name=status.name, version=version or 2, mask_spec=self.mask_spec, max_batch_size=self.max_batch_size
        )

    def infer_async(
        self, model: ResolvedModel, masks: NDArray[np.uint8], *, timeout_s: float
    ) -> Future[NDArray[np.uint8]]:
        with self._lock:
            number = len(self.batch_sizes)
            self.batch_sizes.append(len(masks))
            self._inflight += 1
            self.most_inflight = max(self.most_inflight, self._inflight)
        future: Future[NDArray[np.uint8]] = Future()
        future.add_done_callback(self._count_done)
        self._pool.submit(self._answer, future, number, masks.copy(), model.version)
        return future

    def _answer(self, future: Future[NDArray[np.uint8]], number: int, masks: NDArray[np.uint8], version: int) -> None:
        if self.block:
            self._released.wait()
        time.sleep(self.delays_s[number] if number < len(self.delays_s) else self.delay_s)
        if not future.set_running_or_notify_cancel():
            return
        if number == self.fail_at_batch:
            future.set_exception(self.failure)
        else:
            version_plane = np.full_like(masks, 10 * version)
            future.set_result(np.stack([masks, masks, version_plane], axis=-1))

    def _count_done(self, future: Future[NDArray[np.uint8]]) -> None:
        with self._lock:
            self._inflight -= 1
            self.cancelled_count += future.cancelled()


def resolved_model(
    *, name: str = "anna", version: int = 2, mask_spec: MaskSpec | None = None, max_batch_size: int = 16
) -> ResolvedModel:
    """A model version as the generator resolves it."""
    return ResolvedModel(
        name=name,
        version=version,
        mask_spec=mask_spec or MaskSpec(size=SIZE),
        reference_geometry=face_geometry(),
        max_batch_size=max_batch_size,
    )


def video_info(*, audio: AudioInfo | None = None) -> VideoInfo:
    """A small clip as the probe describes it."""
    return VideoInfo(
        name="content video",
        stream_index=0,
        codec="h264",
        width=SIZE,
        height=SIZE,
        rotation=0,
        sample_aspect_ratio=Fraction(1),
        color_space="bt709",
        time_base=TIME_BASE,
        average_rate=Fraction(30000, 1001),
        frame_count_from_header=20,
        start_pts=0,
        duration=20 * FRAME_DURATION,
        duration_seconds=0.667,
        audio=audio,
    )


@dataclass
class FakeMedia:
    """Reads made-up frames and keeps what is written."""

    frame_count: int = 20
    """Frames that the reader yields."""
    pts_shift: int = 0
    """Added to the reader's pts."""
    write_delay_s: float = 0.0
    fail_at: int | None = None
    """Frame at which the writer fails with ``failure``."""
    failure: Exception = field(default_factory=lambda: InternalError("scripted encoder failure"))
    info: VideoInfo = field(default_factory=video_info)
    on_write: Callable[[int], object] = lambda _index: None
    readers: list[FakeReader] = field(default_factory=list)
    writers: list[FakeWriter] = field(default_factory=list)

    def probe(self, content: Path) -> VideoInfo:
        return self.info

    def open_reader(self, content: Path, info: VideoInfo, *, crop: Crop, size: int) -> FakeReader:
        self.readers.append(FakeReader(self, size))
        return self.readers[-1]

    def open_writer(
        self,
        output: Path,
        *,
        size: tuple[int, int],
        header: TrackHeader,
        content: Path,
        audio: AudioHandling,
        metadata: dict[str, str],
    ) -> FakeWriter:
        self.writers.append(FakeWriter(self, output, size, audio, metadata))
        return self.writers[-1]


class FakeReader:
    """The content's frames: grey, the frame number as the value."""

    def __init__(self, script: FakeMedia, size: int) -> None:
        self._script = script
        self._size = size
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[VideoFrame]:
        for index in range(self._script.frame_count):
            yield VideoFrame(
                rgb=np.full((self._size, self._size, 3), index % 256, dtype=np.uint8),
                pts=index * FRAME_DURATION + self._script.pts_shift,
                time_base=TIME_BASE,
                duration=FRAME_DURATION,
            )

    def close(self) -> None:
        self.closed.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FakeWriter:
    """Keeps pictures and times instead of a file; closing writes a placeholder."""

    def __init__(
        self, script: FakeMedia, output: Path, size: tuple[int, int], audio: AudioHandling, metadata: dict[str, str]
    ) -> None:
        self._script = script
        self._output = output
        self.size = size
        self.audio = audio
        self.metadata = metadata
        self.pictures: list[NDArray[np.uint8]] = []
        self.times: list[tuple[int, int]] = []
        self.closed = False
        self.aborted = threading.Event()

    def write(self, rgb: NDArray[np.uint8], pts: int, duration: int) -> None:
        if len(self.pictures) == self._script.fail_at:
            raise self._script.failure
        self._script.on_write(len(self.pictures))
        if self._script.write_delay_s:
            self.aborted.wait(self._script.write_delay_s)
        self.pictures.append(rgb)
        self.times.append((pts, duration))

    def close(self) -> None:
        self.closed = True
        self._output.write_bytes(b"result" * 100_000)

    def abort(self) -> None:
        self.aborted.set()
