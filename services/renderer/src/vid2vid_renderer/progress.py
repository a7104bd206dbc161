"""How far a render has come, written by its stages and read by whoever reports it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from vid2vid_renderer.order import RenderStage


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A moment of a render."""

    stage: RenderStage
    """What is going on."""
    frames_done: int = 0
    """Frames through the stage."""
    frames_total: int = 0
    """How many there are, 0 while unknown; an estimate."""
    frames_per_second: float = 0.0
    """Since the stage began."""


class ProgressMeter:
    """Counts frames per stage; safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stage = RenderStage.ANALYSING
        self._since = time.monotonic()
        self._done = 0
        self._total = 0

    def enter(self, stage: RenderStage, *, total: int = 0, done: int = 0) -> None:
        """Begin a stage; rates count from here."""
        with self._lock:
            self._stage, self._total, self._done = stage, total, done
            self._since = time.monotonic()

    def advance(self) -> None:
        """One more frame is through."""
        with self._lock:
            self._done += 1

    def read(self) -> Progress:
        """The current moment. The estimate of the total never falls behind what is done."""
        with self._lock:
            elapsed_s = time.monotonic() - self._since
            rate = self._done / elapsed_s if self._stage is RenderStage.RENDERING and elapsed_s > 0 else 0.0
            total = max(self._total, self._done) if self._total else 0
            return Progress(stage=self._stage, frames_done=self._done, frames_total=total, frames_per_second=rate)
