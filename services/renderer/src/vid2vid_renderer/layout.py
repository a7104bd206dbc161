"""The output picture from its parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.errors import InternalError
from vid2vid_renderer.order import Layout

Picture = NDArray[np.uint8]
"""``[H, W, 3]``, RGB."""


def picture_size(layout: Layout, size: int) -> tuple[int, int]:
    """Width and height of the output picture for a generator of ``size`` pixels."""
    return (size, size) if layout is Layout.SINGLE else (3 * size, size)


def compose(rendered: Picture, mask: NDArray[np.uint8], content: Picture | None) -> Picture:
    """The output picture.

    Args:
        rendered: uint8 ``[S, S, 3]``.
        mask: uint8 ``[S, S]``.
        content: uint8 ``[S, S, 3]`` for the side-by-side layout, None for the rendered frame alone.

    Returns:
        uint8 ``[S, S, 3]``, or ``[S, 3 S, 3]`` with content, mask and rendered frame from left to right.
    """
    if content is None:
        return rendered
    if content.shape != rendered.shape:
        raise InternalError(f"content frame of shape {content.shape} beside a rendered one of {rendered.shape}")
    return np.concatenate([content, np.repeat(mask[..., np.newaxis], 3, axis=2), rendered], axis=1)
