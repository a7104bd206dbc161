"""Ctrl-C and SIGTERM end a training in the same orderly way, with the exit code a shell expects."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(BaseException):
    """A signal asked the process to end. Not an Exception: nothing but the edge may catch it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number
        """130 after Ctrl-C, 143 after SIGTERM."""
        self.consequence = "nothing was published; the run folder keeps the checkpoint of a training that had begun"
        """What the person should know."""


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Raise :class:`Stopped` in the main thread at the first SIGINT or SIGTERM.

    Later ones change nothing, so that what is being tidied up can finish.
    """
    stopping = False

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            raise Stopped(number)

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
