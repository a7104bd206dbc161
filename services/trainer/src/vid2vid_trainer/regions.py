"""Which pixels matter most: people look at eyes and mouth, which are a small part of the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.landmarks import LANDMARK_GROUPS

REDUCTION = 4
"""Weight maps are this much smaller than the picture; they are smooth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionConfig:
    """How much more eyes and mouth count than the rest."""

    weight: float = 4.0
    """Weight of a pixel inside; outside it is 1."""
    margin: float = 1.35
    """Half-axes of the ellipse around a group, in half-widths of the group."""


_REGIONS = ("right_eye", "left_eye", "outer_lip")
_ROUNDEST = 0.5
"""An ellipse is at least this high for its width: closed eyes and lips still have lids and skin that move."""


def region_weights(points: NDArray[np.floating], size: int, config: RegionConfig) -> NDArray[np.float32]:
    """Weight of each pixel in the pixel-wise loss.

    Args:
        points: Landmarks ``[68, 2]`` in crop coordinates.
        size: Picture size.
        config: Weight and margin.

    Returns:
        float32 ``[size // 4, size // 4]``, from 1 to config.weight with soft edges.
    """
    side = size // REDUCTION
    line = (np.arange(side, dtype=np.float32) + 0.5) / side
    inside = np.zeros((side, side), dtype=np.float32)
    for name in _REGIONS:
        group = points[LANDMARK_GROUPS[name].indices()]
        centre = (group.min(axis=0) + group.max(axis=0)) / 2
        half_axes = np.maximum(np.ptp(group, axis=0) / 2, 1e-3)
        half_axes = np.maximum(half_axes, _ROUNDEST * half_axes.max()) * config.margin
        x, y = (line - centre[0]) / half_axes[0], (line - centre[1]) / half_axes[1]
        distance = np.sqrt(x[None, :] ** 2 + y[:, None] ** 2)
        np.maximum(inside, np.clip(3 - 2 * distance, 0, 1), out=inside)
    return 1 + (config.weight - 1) * inside
