"""One more try for a question that a peer's short absence left unanswered."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from vid2vid_core.errors import Unavailable

T = TypeVar("T")

RETRY_DELAYS_S = (0.2, 0.5)
"""A peer that is restarting its listener is back within a second; one that is down should be reported soon."""


def ask_again(question: Callable[[], T], *, delays_s: tuple[float, ...] = RETRY_DELAYS_S) -> T:
    """Ask, and ask again after each delay while the peer is unavailable.

    Only for questions without effect: a failed inference or upload is not repeated.
    """
    for delay_s in delays_s:
        try:
            return question()
        except Unavailable:
            time.sleep(delay_s)
    return question()
