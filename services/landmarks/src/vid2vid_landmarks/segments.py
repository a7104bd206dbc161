"""Runs a clip's frames through the worker pool in order: decoding, detection and what follows overlap."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.errors import RenderCancelled
from vid2vid_core.frames import GrayFrame
from vid2vid_landmarks.jobs import Answer, Job
from vid2vid_landmarks.workers import WorkerShare


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Consecutive frames on their way to a worker."""

    times: list[tuple[int, int]]
    """pts and duration of each frame."""
    frames: NDArray[np.uint8]
    """``[N, H, W]`` gray."""


class Cancellation:
    """Lets a call be ended from another thread: closes what the call waits for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closers: list[Callable[[], None]] = []
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """Whether the call was cancelled."""
        return self._cancelled

    def cancel(self) -> None:
        """End the call; may be called again, from any thread."""
        with self._lock:
            self._cancelled = True
            closers, self._closers = self._closers, []
        for close in closers:
            close()

    @contextmanager
    def closing(self, close: Callable[[], None]) -> Iterator[None]:
        """Have ``close`` called if the call is cancelled inside the block.

        Raises:
            RenderCancelled: It was cancelled before.
        """
        with self._lock:
            if self._cancelled:
                raise RenderCancelled("the caller cancelled")
            self._closers.append(close)
        try:
            yield
        finally:
            with self._lock:
                if close in self._closers:
                    self._closers.remove(close)


def cut_segments(frames: Iterator[GrayFrame], length: int) -> Iterator[Segment]:
    """Group frames; only the last segment may be shorter than ``length``."""
    times: list[tuple[int, int]] = []
    pictures: list[NDArray[np.uint8]] = []
    for frame in frames:
        times.append((frame.pts, frame.duration))
        pictures.append(frame.gray)
        if len(pictures) == length:
            yield Segment(times, np.stack(pictures))
            times, pictures = [], []
    if pictures:
        yield Segment(times, np.stack(pictures))


class OrderedRun:
    """Sends segments to the workers and hands the answers back in order; iterate once.

    A thread of its own decodes. At most ``depth`` segments are decoded and not yet answered, so memory does not follow
    the clip's length.
    """

    def __init__(
        self,
        segments: Iterator[Segment],
        make_job: Callable[[Segment], Job],
        share: WorkerShare,
        *,
        depth: int,
    ) -> None:
        """Prepare a run.

        Args:
            segments: A generator that decodes; closed in its own thread.
            make_job: What to do with a segment.
            share: The call's share of the pool.
            depth: Segments on their way.
        """
        self._segments = segments
        self._make_job = make_job
        self._share = share
        self._slots = threading.Semaphore(depth)
        self._stop = threading.Event()
        self._line: queue.SimpleQueue[tuple[list[tuple[int, int]], Future[Answer]] | BaseException | None] = (
            queue.SimpleQueue()
        )
        context = contextvars.copy_context()  # the render id, for what is logged over there
        self._thread = threading.Thread(target=lambda: context.run(self._feed), name="landmark-decode", daemon=True)

    def __iter__(self) -> Iterator[tuple[list[tuple[int, int]], Answer]]:
        """Each segment's frame times with its answer.

        Raises:
            RenderCancelled: The share was closed meanwhile.
            Vid2VidError: What decoding or a worker raised; answers of earlier segments have been yielded.
        """
        self._thread.start()
        try:
            while (item := self._line.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                times, future = item
                answer = _answer(future)
                self._slots.release()
                yield times, answer
        finally:
            self._stop.set()
            self._slots.release()
            self._thread.join()

    def _feed(self) -> None:
        try:
            for segment in self._segments:
                self._slots.acquire()
                if self._stop.is_set():
                    break
                future = self._share.submit(self._make_job(segment), segment.frames)
                self._line.put((segment.times, future))
            self._line.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again where the answers are read
            self._line.put(error)
        finally:
            if hasattr(self._segments, "close"):
                self._segments.close()


def _answer(future: Future[Answer]) -> Answer:
    try:
        return future.result()
    except CancelledError:
        raise RenderCancelled("the caller cancelled") from None
