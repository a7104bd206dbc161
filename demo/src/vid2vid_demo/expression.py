"""Facial expression: which point of the resting portrait is seen at each point of the moving face.

All maps run backwards (from the shown face to the portrait), as image warping needs them. Lips and upper eyelids are
cut along their edges: what lies on either side of a cut moves by its own rule, and what opens between the lips is
painted by `mouth.py`. Coordinates are portrait units (see `portrait.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float32]
Points = NDArray[np.float32]

_SEAM = 0.42
"""Where closed lips meet, as a share of the way from the portrait's upper to its lower lip (it smiles)."""
_UPPER_SHARE = 0.16
"""Share of an opening that the upper lip's rise contributes."""
_JAW_SHARE = 0.78
"""How far the chin drops for an opening of 1."""

_RESTING_SHARE = 0.45
"""Share of the portrait's own opening at which the chin is where the portrait has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """One moment of a speaking face."""

    opening: float = 0.0
    """Distance between the inner lips in inter-ocular distances (outer eye corners). Range: 0 to about 0.4."""
    width: float = 1.0
    """Mouth width relative to the portrait's smile. Range: 0.7 (rounded) to 1.05."""
    smile: float = 0.0
    """Raised (1) or lowered (-1) mouth corners."""
    blink: float = 0.0
    """0 open, 1 closed."""
    brows: float = 0.0
    """Raised (1) or lowered (-1) brows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FaceView:
    """What is seen at each point of a region of the shown face; arrays are (height, width)."""

    x: Grid
    """Portrait x of the skin seen."""
    y: Grid
    """Portrait y of the skin seen."""
    across: Grid
    """Place along the mouth: -1 and 1 at its corners."""
    below_upper_lip: Grid
    """Distance under the upper lip's edge, negative above it; portrait units."""
    above_lower_lip: Grid
    """Distance over the lower lip's edge, negative below it; portrait units."""


class _Curve:
    """A contour y(u) through a few landmarks, u running from -1 to 1 between the corners."""

    def __init__(self, points: Points, centre: float, half_width: float) -> None:
        across = (points[:, 0] - centre) / half_width
        order = np.argsort(across)
        fit = np.polynomial.Polynomial.fit(across[order], points[order, 1], deg=min(3, len(points) - 1))
        self._us = np.linspace(-1.0, 1.0, 257)
        self._ys = fit(self._us).astype(np.float32)

    def __call__(self, across: Grid) -> Grid:
        return np.asarray(np.interp(across, self._us, self._ys), np.float32)


@dataclass(slots=True)
class ExpressionMap:
    """Turns expressions into warps for the face with these (68, 2) landmarks."""

    landmarks: Points
    _mouth: tuple[float, float, float] = field(init=False)
    _upper: _Curve = field(init=False)
    _lower: _Curve = field(init=False)

    def __post_init__(self) -> None:
        points = self.landmarks
        left, right = points[[48, 60]].mean(axis=0), points[[54, 64]].mean(axis=0)
        centre, half_width = float(left[0] + right[0]) / 2, float(right[0] - left[0]) / 2
        self._mouth = (centre, float(left[1] + right[1]) / 2, half_width)
        corners = np.stack([left, right])
        self._upper = _Curve(np.concatenate([corners, points[61:64]]), centre, half_width)
        self._lower = _Curve(np.concatenate([corners, points[65:68]]), centre, half_width)

    @property
    def interocular(self) -> float:
        """Distance of the outer eye corners in portrait units."""
        return float(np.linalg.norm(self.landmarks[36] - self.landmarks[45]))

    def view(self, x: Grid, y: Grid, expression: Expression) -> FaceView:
        """Which skin is seen at the points (x, y) of the posed-back face."""
        y_up = self._undo_brows_and_smile(x, y, expression)
        y_up = self._undo_blink(x, y_up, expression)
        return self._undo_mouth(x, y_up, expression)

    def _undo_brows_and_smile(self, x: Grid, y: Grid, expression: Expression) -> Grid:
        points = self.landmarks
        for brow in (points[17:22], points[22:27]):
            centre = brow.mean(axis=0)
            y = y + np.float32(3.2 * expression.brows) * _bump(x, centre[0], 17) * _bump(y, centre[1], 9)
        for corner in (points[48], points[54]):
            y = y + np.float32(2.4 * expression.smile) * _bump(x, corner[0], 11) * _bump(y, corner[1], 12)
        return y

    def _undo_blink(self, x: Grid, y: Grid, expression: Expression) -> Grid:
        if expression.blink <= 0:
            return y
        for eye in (self.landmarks[36:42], self.landmarks[42:48]):
            y = _pull_lid(eye, x, y, expression.blink)
        return y

    def _undo_mouth(self, x: Grid, y: Grid, expression: Expression) -> FaceView:
        gap = expression.opening * self.interocular
        drop = _JAW_SHARE * (gap - _RESTING_SHARE * self._resting_gap())
        portrait_x = self._undo_width(x, y, expression.width, gap)
        across = (portrait_x - np.float32(self._mouth[0])) / np.float32(self._mouth[2])
        upper, lower = self._upper(across), self._lower(across)
        upper_edge, lower_edge = self._lip_edges(x, across, gap, drop)
        jaw = self._jaw(x, y, drop)
        above = (upper_edge - upper - jaw) * _fade(upper_edge - y, 9.0)
        below = (lower_edge - lower - self._jaw(x, lower_edge, drop)) * _fade(y - lower_edge, 13.0)
        lips = np.where(y < (upper_edge + lower_edge) / 2, above, below)
        return FaceView(
            x=portrait_x,
            y=np.asarray(y - jaw - np.where(np.abs(across) < 1, lips, 0), np.float32),
            across=across,
            below_upper_lip=y - upper_edge,
            above_lower_lip=lower_edge - y,
        )

    def _undo_width(self, x: Grid, y: Grid, width: float, gap: float) -> Grid:
        centre, level, half_width = self._mouth
        reach = _bump(x, centre, 1.9 * half_width) * _bump(y, level + 5 + gap / 2, 17 + gap / 2)
        return np.asarray(x + (x - np.float32(centre)) * np.float32(1 / width - 1) * reach, np.float32)

    def _lip_edges(self, x: Grid, across: Grid, gap: float, drop: float) -> tuple[Grid, Grid]:
        """Inner edges of the moved lips: y of the upper one, y of the lower one."""
        inside = np.clip(1 - across**2, 0, 1)
        arch = inside**0.75
        upper = self._upper(across)
        seam = upper + np.float32(_SEAM) * (self._lower(across) - upper)
        upper_edge = seam - np.float32(_UPPER_SHARE * gap) * arch + self._jaw(x, seam, drop) * (1 - inside)
        return upper_edge, upper_edge + np.float32(gap) * arch

    def _resting_gap(self) -> float:
        middle = np.zeros(1, np.float32)
        return float(self._lower(middle)[0] - self._upper(middle)[0])

    def _jaw(self, x: Grid, y: Grid, drop: float) -> Grid:
        """How far the lower face is moved down."""
        chin, nose = self.landmarks[8], self.landmarks[33]
        along = np.clip((y - nose[1]) / (chin[1] + max(drop, 0.0) - nose[1]), 0, 1)
        side = np.clip(np.abs(x - chin[0]) / 62, 0, 1)
        return np.asarray(drop * along**2 * (3 - 2 * along) * np.cos(side * np.pi / 2) ** 2, np.float32)


def _pull_lid(eye: Points, x: Grid, y: Grid, blink: float) -> Grid:
    centre, half_width = float(eye[[0, 3], 0].mean()), float(eye[3, 0] - eye[0, 0]) / 2 * 1.12
    across = (x - np.float32(centre)) / np.float32(half_width)
    corners = eye[[0, 3]] + np.array([[-0.06, 0.0], [0.06, 0.0]], np.float32) * 2 * half_width
    lash = _Curve(np.concatenate([corners, eye[1:3]]), centre, half_width)(across) - np.float32(0.6)
    lower = _Curve(np.concatenate([corners, eye[4:6]]), centre, half_width)(across) + np.float32(0.4)
    drop = np.float32(blink) * np.clip(lower - lash, 0, None) * (np.abs(across) < 1)
    edge = lash + drop
    return np.asarray(np.where(y < edge, y - drop * _fade(edge - y, 8.0), y), np.float32)


def _bump(values: Grid, centre: float, width: float) -> Grid:
    return np.asarray(np.exp(-(((values - np.float32(centre)) / np.float32(width)) ** 2)), np.float32)


def _fade(distance: Grid, reach: float) -> Grid:
    return np.asarray(np.exp(-((np.maximum(distance, 0) / np.float32(reach)) ** 2)), np.float32)
