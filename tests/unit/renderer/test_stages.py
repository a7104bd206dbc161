from __future__ import annotations

import errno
import threading
import time

import pytest

from vid2vid_core.errors import InternalError, RenderCancelled, StorageFull
from vid2vid_renderer.stages import BusyClock, Handover, StageGroup, StageQueue, StageStopped


def fail_with(error: Exception) -> None:
    raise error


def test_group_ends_when_every_stage_has_ended() -> None:
    group = StageGroup()
    release = threading.Event()
    group.start("one", lambda: None)
    group.start("two", release.wait)
    assert not group.wait(0.05)
    release.set()
    assert group.wait(5)
    group.raise_error()


def test_first_failure_is_the_one_that_is_reported() -> None:
    group = StageGroup()
    queue: StageQueue[int] = StageQueue(group, 1)

    def falls_later() -> None:
        try:
            next(queue)
        except StageStopped:
            raise InternalError("a consequence") from None

    group.start("later", falls_later)
    group.start("first", lambda: fail_with(InternalError("the cause")))
    assert group.join(5)
    with pytest.raises(InternalError, match="the cause"):
        group.raise_error()


def test_unexpected_exception_becomes_an_internal_error_that_names_the_stage() -> None:
    group = StageGroup()
    group.start("encode", lambda: fail_with(ValueError("boom")))
    group.join(5)
    with pytest.raises(InternalError, match="stage encode failed: ValueError"):
        group.raise_error()


def test_full_disk_becomes_storage_full() -> None:
    group = StageGroup()
    group.start("encode", lambda: fail_with(OSError(errno.ENOSPC, "no space")))
    group.join(5)
    with pytest.raises(StorageFull):
        group.raise_error()


def test_stop_runs_every_callback_even_if_one_fails() -> None:
    group = StageGroup()
    called: list[str] = []
    group.on_stop(lambda: called.append("first"))
    group.on_stop(lambda: fail_with(ValueError("in a callback")))
    group.on_stop(lambda: called.append("last"))
    group.stop(RenderCancelled("enough"))
    group.on_stop(lambda: called.append("registered late"))
    assert called == ["first", "last", "registered late"]


def test_stop_runs_callbacks_once() -> None:
    group = StageGroup()
    called: list[str] = []
    group.on_stop(lambda: called.append("once"))
    group.stop(RenderCancelled("enough"))
    group.stop(RenderCancelled("again"))
    assert called == ["once"]


def test_queue_keeps_order_and_ends_when_closed() -> None:
    queue: StageQueue[int] = StageQueue(StageGroup(), 3)
    for number in range(3):
        queue.put(number)
    queue.close()
    assert list(queue) == [0, 1, 2]


def test_full_queue_holds_the_producer_back() -> None:
    group = StageGroup()
    queue: StageQueue[int] = StageQueue(group, 2)
    produced: list[int] = []

    def produce() -> None:
        for number in range(10):
            queue.put(number)
            produced.append(number)
        queue.close()

    group.start("produce", produce)
    time.sleep(0.1)
    assert produced == [0, 1]
    assert list(queue) == list(range(10))


@pytest.mark.parametrize("side", ["producer", "consumer", "receiver"])
def test_stop_wakes_a_waiting_stage_at_once(side: str) -> None:
    group = StageGroup()
    queue: StageQueue[int] = StageQueue(group, 1)
    handover: Handover[int] = Handover(group)

    def produce() -> None:
        queue.put(1)
        queue.put(2)

    waits = {"producer": produce, "consumer": lambda: next(queue), "receiver": handover.get}
    group.start(side, waits[side])
    assert not group.wait(0.05)
    started = time.monotonic()
    group.stop(RenderCancelled("enough"))
    assert group.join(5)
    assert time.monotonic() - started < 1


def test_handover_gives_the_value_to_several_stages() -> None:
    group = StageGroup()
    handover: Handover[int] = Handover(group)
    got: list[int] = []
    for name in ("one", "two"):
        group.start(name, lambda: got.append(handover.get()))
    handover.set(7)
    assert group.wait(5)
    assert got == [7, 7]


def test_busy_clock_counts_overlapping_work_once() -> None:
    clock = BusyClock()
    clock.begin()
    clock.begin()
    time.sleep(0.05)
    clock.end()
    clock.end()
    time.sleep(0.05)
    assert 0.05 <= clock.seconds < 0.1
