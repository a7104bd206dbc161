"""Small random changes of the face, so that the generator meets more poses and proportions than the style shows.

The warp is affine at the face's centre and fades to nothing around it: the face moves, the background and the
picture's edge stay. Frames are warped as pictures, masks are drawn anew from warped landmarks, so that
their lines keep the width and sharpness that they have when rendering.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentConfig:
    """How much a face may change. Deviations are standard deviations of normal distributions."""

    probability: float = 0.8
    """Share of the pairs that are changed."""
    rotation: float = 0.08
    """Radians."""
    scale: float = 0.05
    """Logarithm of the scale."""
    stretch: float = 0.03
    """Logarithm of height over width."""
    shift: float = 0.04
    """Crop sides, in x and in y."""


_FIELD_SIDE = 64
"""The displacement is smooth: it is computed on a grid of this size and interpolated."""
_INNER, _OUTER = 1.0, 1.8
"""The warp is full inside the first radius around the face and gone beyond the second, in face radii."""
_RADIUS_MARGIN = 1.2
_ITERATIONS = 8
_NO_MAP = np.empty(0, dtype=np.float32)
"""OpenCV's second map, which a map of x and y together does not need."""
_LIMIT = 2.5
"""Deviations are cut here, so that the inverse of the warp exists."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FaceWarp:
    """Where each point of the warped picture comes from: ``source(x) = x + displacement(x)``, in crop coordinates."""

    centre: NDArray[np.float64]
    """Middle of the face."""
    radius: float
    """Distance from the middle to the farthest landmark, with a margin."""
    matrix: NDArray[np.float64]
    """2x2 linear part of the displacement."""
    shift: NDArray[np.float64]
    """Constant part of the displacement."""

    @classmethod
    def draw(cls, points: NDArray[np.floating], config: AugmentConfig, random: np.random.Generator) -> Self:
        """A random warp around the face with these landmarks."""
        turn, scale, stretch, x, y = np.clip(random.standard_normal(5), -_LIMIT, _LIMIT)
        angle = turn * config.rotation
        wide = math.exp(scale * config.scale)
        high = wide * math.exp(stretch * config.stretch)
        rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        centre = points.mean(axis=0, dtype=np.float64)
        return cls(
            centre=centre,
            radius=float(np.abs(points - centre).max()) * _RADIUS_MARGIN,
            matrix=rotation @ np.diag([wide, high]) - np.eye(2),
            shift=np.array([x, y]) * config.shift,
        )

    def displacement(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Displacement of points ``[..., 2]`` of the warped picture."""
        offset = points - self.centre
        distance = np.sqrt((offset**2).sum(axis=-1, keepdims=True)) / self.radius
        share = np.clip((_OUTER - distance) / (_OUTER - _INNER), 0, 1)
        fade = share * share * (3 - 2 * share)
        moved: NDArray[np.float64] = (offset @ self.matrix.T + self.shift) * fade
        return moved

    def warp_points(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Where landmarks of the original lie in the warped picture: the inverse, by fixed-point iteration."""
        warped = points.astype(np.float64)
        for _ in range(_ITERATIONS):
            warped = points - self.displacement(warped)
        return warped.astype(np.float32)

    def warp_picture(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The warped picture, of the same shape ``[S, S, 3]``."""
        size = picture.shape[0]
        line = (np.arange(_FIELD_SIDE) + 0.5) / _FIELD_SIDE
        grid = np.stack(np.meshgrid(line, line), axis=-1)
        field = self.displacement(grid).astype(np.float32) * size
        field = cv2.resize(field, (size, size), interpolation=cv2.INTER_LINEAR)
        pixels = np.arange(size, dtype=np.float32)
        field[..., 0] += pixels[None, :]
        field[..., 1] += pixels[:, None]
        warped = cv2.remap(picture, field, _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(warped, dtype=np.uint8)
