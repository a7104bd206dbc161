"""How far a training is, and what follows from it: its end, the learning rate, the discriminator's entry."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """When the training ends: after some minutes, or after some images. Exactly one is set."""

    minutes: float | None = None
    """Wall time of the training loop. Unit: minutes."""
    images: int | None = None
    """Training images seen; unlike minutes, the same on every machine."""

    def describe(self) -> str:
        """For people."""
        return f"{self.images} images" if self.images is not None else f"{self.minutes:g} minutes"


class Clock:
    """Progress of a training from 0 to 1."""

    def __init__(self, budget: Budget, now: Callable[[], float] = time.monotonic) -> None:
        self._budget = budget
        self._now = now
        self._start = now()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self._now() - self._start

    def progress(self, images_seen: int) -> float:
        """Share of the budget that is spent, 1 at the end."""
        if self._budget.images is not None:
            return min(1.0, images_seen / self._budget.images)
        return min(1.0, self.elapsed_s / ((self._budget.minutes or 0) * 60 or math.inf))


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRate:
    """A short warm-up, a plateau, then half a cosine down to zero."""

    generator: float = 5e-4
    """Peak rate of the generator's Adam."""
    discriminator: float = 2e-4
    """Peak rate of the discriminator's Adam."""
    warmup_images: int = 160
    """Images over which the rate rises from zero."""
    plateau: float = 0.3
    """Share of the training before the rate begins to fall."""

    def factor(self, images_seen: int, progress: float) -> float:
        """Share of the peak rate at this point, 0 to 1."""
        warmup = min(1.0, (images_seen + 1) / self.warmup_images)
        if progress <= self.plateau:
            return warmup
        return warmup * 0.5 * (1 + math.cos(math.pi * (progress - self.plateau) / (1 - self.plateau)))
