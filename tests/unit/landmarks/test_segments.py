"""Ordered runs through a scripted pool."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from fractions import Fraction
from typing import Any, cast

import numpy as np
import pytest

from vid2vid_core.errors import InternalError, RenderCancelled, TruncatedMedia
from vid2vid_core.frames import GrayFrame
from vid2vid_landmarks.jobs import ScoutJob
from vid2vid_landmarks.segments import Cancellation, OrderedRun, Segment, cut_segments
from vid2vid_landmarks.workers import WorkerShare

PIXELS = np.zeros((1, 2, 2), np.uint8)


class ManualShare:
    """Collects futures; the test answers them."""

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []
        self.grown = threading.Condition()

    def submit(self, _job: object, _frames: object) -> Future[Any]:
        with self.grown:
            self.futures.append(Future())
            self.grown.notify()
            return self.futures[-1]

    def wait_for(self, count: int) -> None:
        with self.grown:
            assert self.grown.wait_for(lambda: len(self.futures) >= count, timeout=5)

    def answer(self, count: int, how: Callable[[list[Future[Any]]], object]) -> threading.Thread:
        """Once there are so many futures, answer them in another thread."""

        def wait_and_answer() -> None:
            self.wait_for(count)
            how(self.futures)

        thread = threading.Thread(target=wait_and_answer)
        thread.start()
        return thread


def run_of(segments: Iterator[Segment], share: ManualShare, depth: int = 4) -> OrderedRun:
    return OrderedRun(segments, lambda _: ScoutJob((240,)), cast(WorkerShare, share), depth=depth)


def segments(count: int) -> Iterator[Segment]:
    return (Segment([(index, 1)], PIXELS) for index in range(count))


def test_answers_come_in_order_however_they_finish() -> None:
    share = ManualShare()
    run = iter(run_of(segments(3), share))

    def backwards(futures: list[Future[Any]]) -> None:
        for index in (2, 0, 1):
            futures[index].set_result(index)

    share.answer(3, backwards)
    answers: list[tuple[int, Any]] = [(times[0][0], answer) for times, answer in run]
    assert answers == [(0, 0), (1, 1), (2, 2)]


def test_no_more_than_depth_segments_are_on_their_way() -> None:
    share = ManualShare()
    taken: list[int] = []

    def endless() -> Iterator[Segment]:
        for index in range(1000):
            taken.append(index)
            yield Segment([(index, 1)], PIXELS)

    run = iter(run_of(endless(), share, depth=3))
    feeder = share.answer(3, lambda futures: futures[0].set_result(0))
    next(run)
    feeder.join()
    assert len(taken) <= 3 + 2
    run.close()  # type: ignore[attr-defined]


def test_decoding_error_comes_after_the_answers_before_it() -> None:
    def breaks() -> Iterator[Segment]:
        yield Segment([(0, 1)], PIXELS)
        raise TruncatedMedia("cut off")

    share = ManualShare()
    share.answer(1, lambda futures: futures[0].set_result(0))
    run = iter(run_of(breaks(), share))
    assert next(run)[1] == 0
    with pytest.raises(TruncatedMedia):
        next(run)


def test_worker_error_ends_the_run_and_closes_the_decoder() -> None:
    closed = threading.Event()

    def watched() -> Iterator[Segment]:
        try:
            while True:
                yield Segment([(0, 1)], PIXELS)
        finally:
            closed.set()

    share = ManualShare()
    share.answer(1, lambda futures: futures[0].set_exception(InternalError("died")))
    with pytest.raises(InternalError, match="died"):
        list(run_of(watched(), share))
    assert closed.is_set()


def test_dropped_job_means_cancelled() -> None:
    share = ManualShare()
    share.answer(1, lambda futures: futures[0].cancel())
    with pytest.raises(RenderCancelled):
        list(run_of(segments(1), share))


def test_cancellation_closes_what_is_open_and_refuses_what_comes_later() -> None:
    cancellation, closed = Cancellation(), []
    with cancellation.closing(lambda: closed.append("early")):
        pass
    with cancellation.closing(lambda: closed.append("open")):
        cancellation.cancel()
        cancellation.cancel()
    assert closed == ["open"]
    with pytest.raises(RenderCancelled), cancellation.closing(lambda: None):
        pass


def test_frames_are_cut_into_segments_with_their_times() -> None:
    frames = (
        GrayFrame(gray=np.full((2, 2), index, np.uint8), pts=10 * index, time_base=Fraction(1, 90), duration=10)
        for index in range(5)
    )
    cut = list(cut_segments(frames, 2))
    assert [segment.times for segment in cut] == [[(0, 10), (10, 10)], [(20, 10), (30, 10)], [(40, 10)]]
    assert [segment.frames.shape for segment in cut] == [(2, 2, 2), (2, 2, 2), (1, 2, 2)]
