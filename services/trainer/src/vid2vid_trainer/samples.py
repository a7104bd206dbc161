"""The sample grid: mask, real and fake of the same few frames, for the eye."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vid2vid_core.errors import OutputNotWritable
from vid2vid_trainer.files import atomic_path

SAMPLE_COUNT = 8
"""Columns of the grid."""


def spread(count: int, wanted: int) -> NDArray[np.intp]:
    """At most ``wanted`` indices spread evenly over ``count`` frames."""
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).round().astype(np.intp))


def sample_grid(masks: NDArray[np.uint8], real: NDArray[np.uint8], fake: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Three rows, masks ``[N,S,S]``, real and fake ``[N,S,S,3]``, as one picture ``[3S, N*S, 3]``."""
    rows = [np.repeat(masks[..., None], 3, axis=-1), real, fake]
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)


def write_png(path: Path, rgb: NDArray[np.uint8]) -> None:
    """Write a picture, completely or not at all.

    Raises:
        OutputNotWritable: OpenCV could not encode it.
    """
    encoded, content = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    if not encoded:
        raise OutputNotWritable(f"{path}: the picture can't be encoded")
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.tobytes())
