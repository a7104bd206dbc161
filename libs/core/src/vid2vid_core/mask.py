"""How landmarks become the generator's input. Training and rendering both draw here and nowhere else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from vid2vid_core.errors import InvalidSettings, MaskSpecMismatch
from vid2vid_core.landmarks import LANDMARK_GROUPS, check_landmarks

MASK_SPEC_VERSION = 1
"""Revision of the drawing rules. Any change of a pixel needs a new one."""

MIN_SIZE, MAX_SIZE, SIZE_STEP = 64, 1024, 16
"""Allowed mask sizes. Generators halve the picture four times, hence the step."""

MAX_LINE_WIDTH = 16

_SUBPIXEL_BITS = 4
"""OpenCV takes fixed-point coordinates; a sixteenth of a pixel keeps slow motion smooth."""

_NOSE_TIP, _LOWER_NOSE_MIDDLE = 30, 33


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskSpec:
    """How a mask is drawn. Equal specs draw equal pixels from equal landmarks."""

    version: int = MASK_SPEC_VERSION
    """Revision of the drawing rules."""
    size: int = 256
    """Width and height in pixels: the generator's own resolution."""
    line_width: int = 2
    """Width of the lines in mask pixels."""

    def __post_init__(self) -> None:
        """Check every field."""
        if self.version != MASK_SPEC_VERSION:
            raise MaskSpecMismatch(
                f"mask spec version {self.version}: this build draws version {MASK_SPEC_VERSION}", version=self.version
            )
        if not MIN_SIZE <= self.size <= MAX_SIZE or self.size % SIZE_STEP:
            raise InvalidSettings(
                f"mask size {self.size}: allowed are {MIN_SIZE} to {MAX_SIZE} in steps of {SIZE_STEP}", size=self.size
            )
        if not 1 <= self.line_width <= MAX_LINE_WIDTH:
            raise InvalidSettings(
                f"mask line width {self.line_width}: allowed are 1 to {MAX_LINE_WIDTH}", line_width=self.line_width
            )

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON: 64 hexadecimal digits."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what :meth:`to_json` wrote.

        Raises:
            MaskSpecMismatch: The text names a version or a field that this build does not know.
        """
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise MaskSpecMismatch(f"mask spec {text[:80]!r} is not known to this build") from error


def draw_mask(points: NDArray[np.floating], spec: MaskSpec) -> NDArray[np.uint8]:
    """Draw the landmark groups as white lines on black.

    Args:
        points: ``[68, 2]`` in crop coordinates: (0, 0) is the top left corner and (1, 1) the bottom right.
        spec: Size and line width.

    Returns:
        uint8 ``[size, size]``, 0 or 255.
    """
    canvas = np.zeros((spec.size, spec.size), dtype=np.uint8)
    # A pixel's centre lies half a pixel from its corner. Points far outside stay on the canvas's near side: OpenCV's
    # fixed point would overflow.
    pixels = np.clip(check_landmarks(points) * spec.size - 0.5, -spec.size, 2 * spec.size)
    fixed = np.rint(pixels * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    for group in LANDMARK_GROUPS.values():
        _draw_line(canvas, fixed[group.indices()], spec.line_width, closed=group.closed)
    # The bridge ends at the tip (30) and the lower nose starts at the nostril (31): tie them at the middle (33).
    _draw_line(canvas, fixed[[_NOSE_TIP, _LOWER_NOSE_MIDDLE]], spec.line_width, closed=False)
    return canvas


def _draw_line(canvas: NDArray[np.uint8], points: NDArray[np.int32], line_width: int, *, closed: bool) -> None:
    # Without anti-aliasing: OpenCV's anti-aliased lines ignore the width's parity and differ between its builds.
    cv2.polylines(canvas, [points], closed, 255, line_width, cv2.LINE_8, _SUBPIXEL_BITS)
