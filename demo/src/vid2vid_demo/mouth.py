"""What is seen between open lips: a dark cavity, the upper teeth, the tongue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vid2vid_demo.expression import FaceView

Grid = NDArray[np.float32]

_CAVITY = np.array([44, 14, 16], np.float32)
_TONGUE = np.array([158, 78, 78], np.float32)


def paint_mouth(face: Grid, teeth: Grid, view: FaceView, pixels_per_unit: float) -> Grid:
    """Lay the inside of the mouth over a face.

    Args:
        face: (height, width, 3) colours of the skin, 0..255.
        teeth: (height, width, 4) colours and alpha of the upper teeth, fixed to the skull, 0..255.
        view: where the lips are, for the same points.
        pixels_per_unit: sets the softness of the lips' edges to about a pixel.
    """
    gap = view.below_upper_lip + view.above_lower_lip
    inside = _edge(view.below_upper_lip, pixels_per_unit) * _edge(view.above_lower_lip, pixels_per_unit)
    inside *= np.abs(view.across) < 1
    tooth = teeth[..., 3:] / 255
    colour = _tongue_and_cavity(view, gap) * (1 - tooth) + teeth[..., :3] * tooth
    lit = colour * _shade(view)[..., None]
    return np.asarray(face * (1 - inside[..., None]) + lit * inside[..., None], np.float32)


def _edge(distance: Grid, pixels_per_unit: float) -> Grid:
    """Coverage 0..1 of a pixel at this signed distance from an edge."""
    return np.asarray(np.clip(distance * np.float32(pixels_per_unit * 0.8) + np.float32(0.5), 0, 1), np.float32)


def _tongue_and_cavity(view: FaceView, gap: Grid) -> Grid:
    height = np.clip(0.62 * gap - 1.0, 0, 9.0) * np.clip(1 - (view.across / 0.85) ** 2, 0, 1)
    tongue = np.clip((height - view.above_lower_lip) / 3.0, 0, 1)[..., None] * 0.9
    return np.asarray(_CAVITY * (1 - tongue) + _TONGUE * tongue, np.float32)


def _shade(view: FaceView) -> Grid:
    """Darker under the lips and towards the corners, where light does not reach."""
    under_upper = 0.55 + 0.45 * np.clip(view.below_upper_lip / 3.0, 0, 1)
    over_lower = 0.6 + 0.4 * np.clip(view.above_lower_lip / 2.0, 0, 1)
    sideways = 1 - 0.55 * np.clip((np.abs(view.across) - 0.35) / 0.6, 0, 1)
    return np.asarray(under_upper * over_lower * sideways, np.float32)
