"""From tracked frames to rendered frames: batches, several of them in flight, results in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.errors import InternalError
from vid2vid_core.landmarks import FrameLandmarks
from vid2vid_core.landmarks_client import TrackedFrame
from vid2vid_renderer.generator import FrameBatch, Generator, ResolvedModel
from vid2vid_renderer.stages import BusyClock, StageGroup, StageQueue, StageStopped

Batch = list[TrackedFrame]
"""Consecutive frames that travel in one inference request."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RenderedFrame:
    """One frame behind the generator."""

    landmarks: FrameLandmarks
    """Its number and its time."""
    mask: NDArray[np.uint8]
    """uint8 ``[S, S]``, what the generator saw."""
    rgb: NDArray[np.uint8]
    """uint8 ``[S, S, 3]``, what it made of it."""


def batches(frames: Iterable[TrackedFrame], size: int) -> Iterator[Batch]:
    """Consecutive runs of ``size`` frames; the last one may be shorter."""
    batch: Batch = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


class InferenceStage:
    """Keeps up to ``inflight`` requests at the generator, so that it never waits for the wire."""

    def __init__(
        self,
        group: StageGroup,
        generator: Generator,
        model: ResolvedModel,
        *,
        batch_size: int,
        inflight: int,
        timeout_s: float,
        clock: BusyClock | None = None,
        on_batch: Callable[[int], object] = lambda _size: None,
    ) -> None:
        self._group = group
        self._generator = generator
        self._model = model
        self._batch_size = min(batch_size, model.max_batch_size)
        self._inflight = inflight
        self._timeout_s = timeout_s
        self._on_batch = on_batch
        self._lock = threading.Lock()
        self._pending: deque[tuple[Batch, Future[FrameBatch]]] = deque()
        self._frame_count = 0
        self._batch_count = 0
        self.clock = clock or BusyClock()
        """Time with at least one request at the generator."""
        group.on_stop(self._cancel_pending)

    @property
    def mean_batch_size(self) -> float:
        """Average number of frames per request so far."""
        return self._frame_count / self._batch_count if self._batch_count else 0.0

    def run(self, tracked: Iterable[TrackedFrame], rendered: StageQueue[RenderedFrame]) -> None:
        """Render every frame and pass it on in order."""
        for batch in batches(tracked, self._batch_size):
            while len(self._pending) >= self._inflight or self._oldest_is_done():
                self._pass_on_oldest(rendered)
            self._submit(batch)
        while self._pending:
            self._pass_on_oldest(rendered)
        rendered.close()

    def _submit(self, batch: Batch) -> None:
        masks = np.stack([_mask_of(frame) for frame in batch])
        self.clock.begin()
        try:
            future = self._generator.infer_async(self._model, masks, timeout_s=self._timeout_s)
        except BaseException:
            self.clock.end()
            raise
        future.add_done_callback(lambda _done: self.clock.end())
        with self._lock:
            self._pending.append((batch, future))
            self._frame_count += len(batch)
            self._batch_count += 1
        self._on_batch(len(batch))
        if self._group.stopping:
            future.cancel()

    def _oldest_is_done(self) -> bool:
        return bool(self._pending) and self._pending[0][1].done()

    def _pass_on_oldest(self, rendered: StageQueue[RenderedFrame]) -> None:
        batch, future = self._pending[0]
        try:
            frames = future.result()
        except CancelledError:
            raise StageStopped from None
        with self._lock:
            self._pending.popleft()
        for tracked, rgb in zip(batch, frames, strict=True):
            rendered.put(RenderedFrame(landmarks=tracked.landmarks, mask=_mask_of(tracked), rgb=rgb))

    def _cancel_pending(self) -> None:
        with self._lock:
            pending = list(self._pending)
        for _batch, future in pending:
            future.cancel()


def _mask_of(frame: TrackedFrame) -> NDArray[np.uint8]:
    if frame.mask is None:
        raise InternalError(f"the landmark service sent frame {frame.landmarks.index} without a mask")
    return frame.mask
