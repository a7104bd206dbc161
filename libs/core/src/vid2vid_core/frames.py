"""Decoded pictures and the moments they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.errors import InvalidFrame


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoFrame:
    """One decoded colour picture and the moment it is shown."""

    rgb: NDArray[np.uint8]
    """Height x width x 3."""
    pts: int
    """Presentation time in units of time_base."""
    time_base: Fraction
    """Unit of pts and duration, in seconds."""
    duration: int = 0
    """How long the frame is shown, in units of time_base; 0 where the container does not say."""

    def __post_init__(self) -> None:
        """Check the shape."""
        if self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or self.rgb.dtype != np.uint8:
            raise InvalidFrame(f"expected uint8 (height, width, 3), got {self.rgb.dtype} {self.rgb.shape}")

    def __repr__(self) -> str:
        """Shape and time instead of pixels."""
        height, width, _ = self.rgb.shape
        return f"VideoFrame({width}x{height}, pts={self.pts}, time_base={self.time_base})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GrayFrame:
    """One decoded picture without colour and the moment it is shown."""

    gray: NDArray[np.uint8]
    """Height x width."""
    pts: int
    """Presentation time in units of time_base."""
    time_base: Fraction
    """Unit of pts and duration, in seconds."""
    duration: int = 0
    """How long the frame is shown, in units of time_base; 0 where the container does not say."""

    def __post_init__(self) -> None:
        """Check the shape."""
        if self.gray.ndim != 2 or self.gray.dtype != np.uint8:
            raise InvalidFrame(f"expected uint8 (height, width), got {self.gray.dtype} {self.gray.shape}")

    def __repr__(self) -> str:
        """Shape and time instead of pixels."""
        height, width = self.gray.shape
        return f"GrayFrame({width}x{height}, pts={self.pts}, time_base={self.time_base})"
