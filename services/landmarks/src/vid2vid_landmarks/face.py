"""Where a face is: its upright square, and patches of the picture in which it stands upright at a known size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""``[68, 2]``, x and y in pixels."""

_RIGHT_EYE, _LEFT_EYE = slice(36, 42), slice(42, 48)

_BOX_PER_SPREAD = 2.72
"""Side of dlib's face box over the landmarks' root mean square distance from their centre: measured on the boxes that
the detector gives for talking heads, because the predictor was trained on such boxes."""

_BOX_RISE_PER_SPREAD = 0.16
"""How far the box's centre lies above the landmarks' centre, in the same unit."""


@dataclass(frozen=True, slots=True)
class FacePose:
    """The square that dlib's detector would draw around an upright face, turned with the head."""

    x: float
    """Centre in pixels."""
    y: float
    """Centre in pixels."""
    size: float
    """Side of the square in pixels: about the width of the head."""
    roll: float = 0.0
    """Turn of the head in the picture in radians, clockwise as shown."""

    def distance(self, other: FacePose) -> float:
        """Distance of the centres in units of the larger face."""
        return float(np.hypot(self.x - other.x, self.y - other.y)) / max(self.size, other.size)

    def scale_ratio(self, other: FacePose) -> float:
        """How much the sizes differ, 1 or more."""
        return max(self.size, other.size) / min(self.size, other.size)

    def mapped(self, scale: float, offset_x: float = 0.0, offset_y: float = 0.0) -> FacePose:
        """The same face in a picture whose pixel is ``pixel * scale + offset``."""
        return FacePose(self.x * scale + offset_x, self.y * scale + offset_y, self.size * scale, self.roll)


def pose_of(points: Points) -> FacePose:
    """The pose that landmarks imply. Unlike a detector's box it moves smoothly with the face."""
    centre = points.mean(axis=0)
    spread = float(np.sqrt(((points - centre) ** 2).sum(axis=1).mean()))
    eyes = points[_LEFT_EYE].mean(axis=0) - points[_RIGHT_EYE].mean(axis=0)
    roll = float(np.arctan2(eyes[1], eyes[0]))
    rise = _BOX_RISE_PER_SPREAD * spread
    return FacePose(
        float(centre[0] + np.sin(roll) * rise),
        float(centre[1] - np.cos(roll) * rise),
        _BOX_PER_SPREAD * spread,
        roll,
    )


def between(first: FacePose, second: FacePose, share: float) -> FacePose:
    """The pose ``share`` of the way from the first to the second."""
    a = np.array([first.x, first.y, first.size, first.roll])
    b = np.array([second.x, second.y, second.size, second.roll])
    x, y, size, roll = (float(value) for value in a + (b - a) * share)
    return FacePose(x, y, size, roll)


@dataclass(frozen=True, slots=True, eq=False)
class FacePatch:
    """A square cut out of a picture around a pose: upright, with the face at a known size."""

    gray: NDArray[np.uint8]
    """``[side, side]``; the picture's edge is repeated outside of it."""
    to_patch: NDArray[np.float64]
    """``[2, 3]``: picture pixels to patch pixels."""
    roll: float
    """Turn of the patch in the picture in radians."""

    @property
    def scale(self) -> float:
        """Patch pixels per picture pixel."""
        return float(np.hypot(self.to_patch[0, 0], self.to_patch[0, 1]))

    def to_picture(self, points: Points) -> Points:
        """Map patch pixels to picture pixels."""
        inverse = cv2.invertAffineTransform(self.to_patch)
        return np.asarray(points @ inverse[:, :2].T + inverse[:, 2], dtype=np.float64)


def cut_patch(gray: NDArray[np.uint8], pose: FacePose, *, face_size: int, side: int) -> FacePatch:
    """Cut the square around ``pose`` out of a picture.

    Args:
        gray: ``[H, W]``.
        pose: What becomes the patch's middle, upright.
        face_size: Side of the face's square in the patch, in pixels.
        side: Side of the patch, in pixels.
    """
    scale = face_size / pose.size
    cos, sin = np.cos(pose.roll) * scale, np.sin(pose.roll) * scale
    # Pixel centres: the pose's centre, not its corner, lands on the patch's middle.
    matrix = np.array([[cos, sin, 0.0], [-sin, cos, 0.0]])
    matrix[:, 2] = (side - 1) / 2 - matrix[:, :2] @ np.array([pose.x, pose.y])
    # Bilinear sampling skips pixels below half size; the face is rarely that large, and then mild aliasing is harmless.
    patch = cv2.warpAffine(gray, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return FacePatch(np.asarray(patch, dtype=np.uint8), matrix, pose.roll)
