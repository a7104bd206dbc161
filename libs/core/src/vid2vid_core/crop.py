"""The square of the picture that masks and training frames show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.errors import InvalidSettings

CropMode = Literal["portrait", "none"]
"""``portrait``: one stable square around the face; ``none``: the whole picture, which must be square."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A square in pixels of the picture as shown: upright and with square pixels.

    It may reach outside the picture where a face demands it; the picture's edge is repeated there.
    """

    x: int
    """Left edge."""
    y: int
    """Top edge."""
    size: int
    """Side of the square."""

    def __post_init__(self) -> None:
        """Check the size."""
        if self.size < 1:
            raise InvalidSettings(f"crop size {self.size}: allowed are 1 and above", size=self.size)

    def to_crop_coordinates(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Map pixels of the picture to crop coordinates, where the square is (0, 0) to (1, 1).

        Args:
            points: ``[..., 2]``, x and y in pixels of the picture as shown.

        Returns:
            float32 of the same shape.
        """
        offset = np.array([self.x, self.y], dtype=np.float64)
        return ((np.asarray(points, dtype=np.float64) - offset) / self.size).astype(np.float32)

    def padding(self, width: int, height: int) -> tuple[int, int, int, int]:
        """How far the square reaches outside a picture: left, top, right, bottom, in pixels."""
        return (
            max(0, -self.x),
            max(0, -self.y),
            max(0, self.x + self.size - width),
            max(0, self.y + self.size - height),
        )
