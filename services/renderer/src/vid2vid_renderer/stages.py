"""Threads that live and die together, and the bounded queues between them.

A render is a handful of stages that wait for each other. The first that fails stops all others: queues wake up,
registered callbacks cancel what blocks outside (a stream, an FFmpeg process, an inference request), and the first
error is the one that the caller sees; what the others raise while they fall is a consequence.
"""

from __future__ import annotations

import contextvars
import errno
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from vid2vid_core.errors import InternalError, StorageFull, Vid2VidError
from vid2vid_core.logging import get_logger

T = TypeVar("T")

_log = get_logger(__name__)


class StageStopped(Exception):
    """Raised inside a stage when the group is stopping."""


class StageGroup:
    """The stages of one render."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._running = 0
        self._threads: list[threading.Thread] = []
        self._on_stop: list[Callable[[], object]] = []
        self._error: Vid2VidError | None = None

    @property
    def stopping(self) -> bool:
        """Whether a stage has failed or the render was cancelled."""
        return self._error is not None

    def on_stop(self, callback: Callable[[], object]) -> None:
        """Have ``callback`` called once when the group stops; at once if it is stopping already."""
        with self._lock:
            if self._error is None:
                self._on_stop.append(callback)
                return
        callback()

    def start(self, name: str, stage: Callable[[], object]) -> None:
        """Run a stage in a thread of its own, with the caller's logging context."""
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=lambda: context.run(self._run, name, stage), name=f"render-{name}", daemon=True
        )
        with self._lock:
            self._running += 1
            self._threads.append(thread)
        thread.start()

    def stop(self, error: Vid2VidError) -> None:
        """Stop every stage. The error of the first call is the group's; later ones are consequences."""
        with self._changed:
            if self._error is not None:
                return
            self._error = error
            callbacks, self._on_stop = self._on_stop, []
            self._changed.notify_all()
        for callback in callbacks:
            try:
                callback()
            except Exception:  # noqa: BLE001 - one callback must not keep the others from running
                _log.warning("a stage could not be stopped", exc_info=True)

    def wait(self, timeout_s: float) -> bool:
        """Wait until every stage has ended or the group is stopping; False when the time is over before that."""
        with self._changed:
            return self._changed.wait_for(lambda: self._running == 0 or self._error is not None, timeout_s)

    def join(self, timeout_s: float) -> bool:
        """Wait for the threads themselves; False if one is still running after the time given."""
        deadline = time.monotonic() + timeout_s
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def raise_error(self) -> None:
        """Raise the error that stopped the group, if one did."""
        if self._error is not None:
            raise self._error

    def _run(self, name: str, stage: Callable[[], object]) -> None:
        try:
            stage()
        except StageStopped:
            pass
        except Vid2VidError as error:
            self.stop(error)
        except Exception as error:  # noqa: BLE001 - the edge of a thread: what escapes here would be lost
            self._stop_unexpectedly(name, error)
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _stop_unexpectedly(self, name: str, error: Exception) -> None:
        if self.stopping:
            _log.debug("stage fell with the others", stage=name, error=repr(error))
        elif isinstance(error, OSError) and error.errno == errno.ENOSPC:
            self.stop(StorageFull("no space left for the render's temporary files"))
        else:
            _log.error("stage failed", stage=name, exc_info=error)
            self.stop(InternalError(f"stage {name} failed: {type(error).__name__}"))


class StageQueue(Generic[T]):
    """A bounded queue between two stages. A full queue holds the producer back: backpressure."""

    def __init__(self, group: StageGroup, depth: int) -> None:
        self._group = group
        self._depth = depth
        self._items: deque[T] = deque()
        self._closed = False
        self._changed = threading.Condition()
        group.on_stop(self._wake)

    def put(self, item: T) -> None:
        """Append an item, waiting for room.

        Raises:
            StageStopped: The group is stopping.
        """
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self._depth or self._group.stopping)
            self._leave_if_stopping()
            self._items.append(item)
            self._changed.notify_all()

    def waiting(self) -> int:
        """How many items are in it."""
        return len(self._items)

    def close(self) -> None:
        """Say that no further item will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        """Take items until the queue is closed and empty."""
        return self

    def __next__(self) -> T:
        """Take the oldest item, waiting for one.

        Raises:
            StopIteration: The queue is closed and empty.
            StageStopped: The group is stopping.
        """
        with self._changed:
            self._changed.wait_for(lambda: bool(self._items) or self._closed or self._group.stopping)
            self._leave_if_stopping()
            if not self._items:
                raise StopIteration
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def _leave_if_stopping(self) -> None:
        if self._group.stopping:
            raise StageStopped

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


class Handover(Generic[T]):
    """One value that a stage hands to several others."""

    def __init__(self, group: StageGroup) -> None:
        self._group = group
        self._value: T | None = None
        self._changed = threading.Condition()
        group.on_stop(self._wake)

    def set(self, value: T) -> None:
        """Hand the value over."""
        with self._changed:
            self._value = value
            self._changed.notify_all()

    def get(self) -> T:
        """Wait for the value.

        Raises:
            StageStopped: The group is stopping.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._value is not None or self._group.stopping)
            if self._value is None:
                raise StageStopped
            return self._value

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


class BusyClock:
    """The time during which at least one piece of work was going on."""

    def __init__(self, count: Callable[[float], object] = lambda _seconds: None) -> None:
        """Start at zero; ``count`` gets the seconds as they pass, whenever a piece begins or ends."""
        self._count = count
        self._lock = threading.Lock()
        self._depth = 0
        self._since = 0.0
        self._total_s = 0.0

    def begin(self) -> None:
        """A piece of work begins; pieces may overlap."""
        with self._lock:
            self._advance()
            self._depth += 1

    def end(self) -> None:
        """A piece of work ends."""
        with self._lock:
            self._advance()
            self._depth -= 1

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Count the block."""
        self.begin()
        try:
            yield
        finally:
            self.end()

    @property
    def seconds(self) -> float:
        """Busy time until a piece last began or ended."""
        with self._lock:
            return self._total_s

    def _advance(self) -> None:
        now = time.monotonic()
        if self._depth > 0:
            self._total_s += now - self._since
            self._count(now - self._since)
        self._since = now
