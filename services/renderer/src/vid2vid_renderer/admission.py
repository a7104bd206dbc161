"""How many renders run at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from vid2vid_core.errors import QueueFull


class Admission:
    """Lets a limited number in and turns the rest away at once, rather than letting them wait without a word."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._active = 0

    @property
    def limit(self) -> int:
        """How many may be inside."""
        return self._limit

    @property
    def active(self) -> int:
        """How many are inside."""
        return self._active

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Hold a place for the block.

        Raises:
            QueueFull: All places are taken.
        """
        with self._lock:
            if self._active >= self._limit:
                raise QueueFull(
                    f"{self._active} renders are running, at most {self._limit} may: try again later", limit=self._limit
                )
            self._active += 1
        try:
            yield
        finally:
            with self._lock:
                self._active -= 1
