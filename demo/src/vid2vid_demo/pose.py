"""Head pose: where a point of the portrait is seen when the head turns, nods, tilts and moves.

The photograph is flat; a smooth depth map gives it the relief of a head, so that turning it moves the nose further
than the ears. Coordinates are portrait units (see `portrait.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float32]

_PIVOT_BELOW_EYES = 60.0
"""Tilting and nodding happen about the neck, this far below the eyes."""
_DEPTH_OF_PIVOT = 24.0
_INVERSION_STEPS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """A rigid head pose; the default is the photograph's own."""

    yaw: float = 0.0
    """Radians, positive towards the picture's right."""
    pitch: float = 0.0
    """Radians, positive downwards."""
    roll: float = 0.0
    """Radians, clockwise."""
    x: float = 0.0
    """Portrait units to the right."""
    y: float = 0.0
    """Portrait units down."""
    scale: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Relief:
    """The head's shape: where its face is and how far its parts stand out."""

    eyes: tuple[float, float]
    """Centre between the eyes."""
    nose: tuple[float, float]
    """Tip of the nose."""

    def depth(self, x: Grid, y: Grid) -> Grid:
        """Height of the head's surface above the picture plane, in portrait units; (…) in, (…) out."""
        skull = 62 * np.exp(-(((x - self.eyes[0]) / 72) ** 2) - ((y - self.eyes[1] - 15) / 95) ** 2)
        nose = 11 * np.exp(-(((x - self.nose[0]) / 10) ** 2) - ((y - self.nose[1] + 4) / 15) ** 2)
        return np.asarray(skull + nose, np.float32)

    def project(self, x: Grid, y: Grid, pose: Pose) -> tuple[Grid, Grid]:
        """Where the portrait's points (x, y) are seen in this pose."""
        pivot_x, pivot_y = self.eyes[0], self.eyes[1] + _PIVOT_BELOW_EYES
        dx, dy, dz = x - pivot_x, y - pivot_y, self.depth(x, y) - _DEPTH_OF_PIVOT
        # Only the turned relief moves points: (cos - 1) of a few degrees is kept for the foreshortening.
        right = dx * np.cos(pose.yaw) + dz * np.sin(pose.yaw)
        down = dy * np.cos(pose.pitch) + dz * np.sin(pose.pitch)
        cos, sin = np.cos(pose.roll) * pose.scale, np.sin(pose.roll) * pose.scale
        return (
            np.asarray(pivot_x + pose.x + cos * right - sin * down, np.float32),
            np.asarray(pivot_y + pose.y + sin * right + cos * down, np.float32),
        )

    def unproject(self, seen_x: Grid, seen_y: Grid, pose: Pose) -> tuple[Grid, Grid]:
        """The inverse of `project`, by fixed-point iteration; exact to a hundredth of a unit for speaking poses."""
        x, y = seen_x - np.float32(pose.x), seen_y - np.float32(pose.y)
        for _ in range(_INVERSION_STEPS):
            x_now, y_now = self.project(x, y, pose)
            x, y = x + (seen_x - x_now), y + (seen_y - y_now)
        return x, y
