"""The stable square around a clip's face, and the part of the picture that is searched for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vid2vid_core.crop import Crop
from vid2vid_landmarks.face import FacePose

_SIDE, _ABOVE, _BELOW = 0.9, 1.05, 0.85
"""Margins around the centre of the face's square, in face sizes: hair above, chin and neck below. With them the face
fills about half of the crop, which is what talking-head generators are trained on."""

_CORE = 0.6
"""What must be inside at all events, in face sizes around the centre: brows to chin, ear to ear."""

_OUTLIERS = 0.01
"""Share of positions on each side that may be wrong detections; a short clip has none to spare."""

_ANALYSIS_MARGIN = 0.12
"""What is searched around the crop, in crop sides, because the detector needs to see around a face."""


def portrait_crop(poses: Sequence[FacePose], width: int, height: int) -> Crop:
    """One square for the whole clip: around all face positions, inside the picture unless the face itself isn't.

    Args:
        poses: Where the face was seen, in pixels of the picture.
        width: Picture width.
        height: Picture height.
    """
    left, top, right, bottom = _hull(poses, _SIDE, _ABOVE, _SIDE, _BELOW)
    core_left, core_top, core_right, core_bottom = _hull(poses, _CORE, _CORE, _CORE, _CORE)
    wanted = max(right - left, bottom - top)
    # Faces can stick out of the picture; nothing is gained by following them there.
    needed = max(min(core_right, width) - max(core_left, 0.0), min(core_bottom, height) - max(core_top, 0.0))
    size = _even(max(min(wanted, width, height), needed))
    return Crop(
        _place((left + right) / 2, size, width, core_left, core_right),
        _place((top + bottom) / 2, size, height, core_top, core_bottom),
        size,
    )


def whole_picture(width: int) -> Crop:
    """The crop of a square picture that is taken as it is."""
    return Crop(0, 0, width)


def analysis_square(crop: Crop, width: int, height: int) -> Crop:
    """The square that the main pass decodes: the crop and some of its surroundings, as far as the picture has them."""
    size = max(crop.size, min(_even(crop.size * (1 + 2 * _ANALYSIS_MARGIN)), width, height))
    x = _inside(crop.x - (size - crop.size) // 2, size, width, crop.x, crop.size)
    y = _inside(crop.y - (size - crop.size) // 2, size, height, crop.y, crop.size)
    return Crop(x, y, size)


def _hull(
    poses: Sequence[FacePose], left: float, above: float, right: float, below: float
) -> tuple[float, float, float, float]:
    x = np.array([pose.x for pose in poses])
    y = np.array([pose.y for pose in poses])
    size = np.array([pose.size for pose in poses])
    return (
        float(np.quantile(x - left * size, _OUTLIERS, method="lower")),
        float(np.quantile(y - above * size, _OUTLIERS, method="lower")),
        float(np.quantile(x + right * size, 1 - _OUTLIERS, method="higher")),
        float(np.quantile(y + below * size, 1 - _OUTLIERS, method="higher")),
    )


def _place(centre: float, size: int, extent: int, core_low: float, core_high: float) -> int:
    """Where a side of the square starts: centred, inside the picture; too large for it: centred on the core."""
    if size > extent:
        middle = (max(core_low, 0.0) + min(core_high, float(extent))) / 2
        # Everything of the picture is inside already if it can be: padding goes where the face is not.
        return round(min(0.0, max(extent - size, middle - size / 2)))
    start = round(centre - size / 2)
    start = max(0, min(start, extent - size))
    return min(start - start % 2, extent - size)


def _inside(start: int, size: int, extent: int, crop_start: int, crop_size: int) -> int:
    low, high = crop_start + crop_size - size, crop_start
    wanted = min(max(start, 0), max(extent - size, 0))
    return max(low, min(high, wanted))


def _even(value: float) -> int:
    """Even sizes keep the crop on the chroma grid of 4:2:0 video."""
    return max(2, int(value) // 2 * 2)
