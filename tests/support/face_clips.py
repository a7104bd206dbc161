"""Clips with a real face that moves: scikit-image's astronaut, a public-domain portrait, pasted into frames."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

HEAD_LEFT, HEAD_TOP, HEAD_SIDE = 110, 0, 220
"""The square of the astronaut portrait that holds the head; dlib's face box fills half of it."""


@cache
def head(side: int) -> Picture:
    """RGB ``[side, side, 3]`` of the astronaut's head."""
    portrait: Picture = skimage.data.astronaut()  # type: ignore[no-untyped-call]  # scikit-image has no types
    square = portrait[HEAD_TOP : HEAD_TOP + HEAD_SIDE, HEAD_LEFT : HEAD_LEFT + HEAD_SIDE]
    method = cv2.INTER_AREA if side < HEAD_SIDE else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(square, (side, side), interpolation=method), dtype=np.uint8)


def blank(width: int, height: int) -> Picture:
    """A picture without a face."""
    return np.full((height, width, 3), 90, dtype=np.uint8)


def with_head(picture: Picture, x: int, y: int, side: int) -> Picture:
    """The picture with the head's square at x, y; what does not fit is cut off."""
    result = picture.copy()
    height, width = picture.shape[:2]
    left, top = max(0, x), max(0, y)
    right, bottom = min(width, x + side), min(height, y + side)
    if right > left and bottom > top:
        result[top:bottom, left:right] = head(side)[top - y : bottom - y, left - x : right - x]
    return result


def write_clip(path: Path, frames: Iterable[Picture], *, rate: int = 30, options: tuple[str, ...] = ()) -> Path:
    """Encode RGB frames of one size as H.264."""
    pictures = list(frames)
    height, width = pictures[0].shape[:2]
    command = ["ffmpeg", "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{width}x{height}", "-r", str(rate), "-i", "pipe:0", "-c:v", "libx264", "-preset", "ultrafast"]
    command += ["-crf", "18", "-pix_fmt", "yuv420p", "-movflags", "+faststart", *options, str(path)]
    pixels = b"".join(picture.tobytes() for picture in pictures)
    done = subprocess.run(command, input=pixels, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return path


def face_clip(
    path: Path,
    *,
    frames: int = 30,
    width: int = 320,
    height: int = 320,
    side: int = 240,
    position: Callable[[int], tuple[int, int] | None] = lambda index: (40 + index % 10, 40),
    options: tuple[str, ...] = (),
) -> Path:
    """A clip with one head; ``position`` gives its top left corner in each frame, or None for no head."""

    def picture(index: int) -> Picture:
        place = position(index)
        ground = blank(width, height)
        return ground if place is None else with_head(ground, *place, side)

    return write_clip(path, map(picture, range(frames)), options=options)


def noise_clip(path: Path, *, frames: int = 12) -> Path:
    """A clip that shows nothing but noise."""
    random = np.random.default_rng(1)
    return write_clip(path, (random.integers(0, 256, (96, 128, 3), dtype=np.uint8) for _ in range(frames)))
