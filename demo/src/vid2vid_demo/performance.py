"""What the portrait does over time: talking, blinking, looking around. Deterministic for a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vid2vid_demo.expression import Expression
from vid2vid_demo.pose import Pose
from vid2vid_demo.speech import Syllable, mouth_opening, mouth_width

Curve = NDArray[np.float64]

WIDEST_OPENING = 0.36
"""Inner-lip distance at full openness, in inter-ocular distances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Temperament:
    """How lively the head is; angles in radians, shifts in portrait units."""

    yaw: float = 0.2
    pitch: float = 0.1
    roll: float = 0.09
    shift: float = 5.0
    zoom: float = 0.04
    nearer: float = 1.0
    """Mean scale."""
    blinks_per_second: float = 0.45


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One frame of a performance."""

    pose: Pose
    expression: Expression


def perform(
    syllables: tuple[Syllable, ...], times: Curve, *, seed: int, temperament: Temperament | None = None
) -> list[Moment]:
    """The moments at these times (seconds)."""
    lively = temperament or Temperament()
    random = np.random.default_rng(seed)
    opening = mouth_opening(syllables, times)
    width = mouth_width(syllables, times)
    yaw, pitch, roll, right, down, zoom, brows, mood = (_wander(times, random) for _ in range(8))
    blink = _blinks(times, random, lively.blinks_per_second)
    return [
        Moment(
            pose=Pose(
                yaw=lively.yaw * yaw[i],
                pitch=lively.pitch * (pitch[i] - 0.15 * opening[i]),
                roll=lively.roll * roll[i],
                x=lively.shift * right[i],
                y=lively.shift * 0.5 * down[i],
                scale=lively.nearer + lively.zoom * zoom[i],
            ),
            expression=Expression(
                opening=WIDEST_OPENING * opening[i],
                width=float(width[i]),
                smile=-0.3 + 0.3 * mood[i] - 0.4 * opening[i],
                blink=blink[i],
                brows=0.8 * brows[i],
            ),
        )
        for i in range(len(times))
    ]


def _wander(times: Curve, random: np.random.Generator) -> Curve:
    """A slow smooth curve within -1 and 1: three sines without common period."""
    curve = np.zeros_like(times)
    for frequency, strength in ((0.13, 0.5), (0.31, 0.33), (0.67, 0.17)):
        drift = random.uniform(0.85, 1.15)
        curve += strength * np.sin(2 * np.pi * (frequency * drift * times + random.uniform()))
    return curve


def _blinks(times: Curve, random: np.random.Generator, per_second: float) -> Curve:
    """0 open, 1 closed: a tenth of a second down, a little longer up."""
    closed = np.zeros_like(times)
    now = float(random.uniform(0.5, 1.2))
    while now < times[-1]:
        since = times - now
        closed = np.maximum(closed, np.clip(np.minimum((since + 0.16) / 0.12, (0.22 - since) / 0.18), 0, 1))
        now += float(random.uniform(0.6, 1.4)) / per_second
    return np.asarray(closed * closed * (3 - 2 * closed))
