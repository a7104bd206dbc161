"""One picture that shows a render: content, mask and result at a few moments, and the style for comparison."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vid2vid_core.crop import Crop
from vid2vid_core.errors import OutputNotWritable, UnsupportedMedia
from vid2vid_core.media import FrameReader, probe

Image = NDArray[np.uint8]

MOMENTS = 8
"""Columns of the sheet."""
_CELL = 192
_MARGIN = 6
_LABEL_WIDTH = 92
_PAPER, _INK = (250, 250, 248), (40, 40, 46)
_ROWS = ("content", "mask", "result")


def choose_moments(points: NDArray[np.float32], count: int = MOMENTS) -> list[int]:
    """Frames that differ most from each other, in order of time.

    Farthest-point sampling on landmarks, where mouth and eyes count more than their size suggests.

    Args:
        points: [frames, 68, 2], crop coordinates.
        count: How many; fewer if there are fewer frames.
    """
    weights = np.ones(68, np.float32)
    weights[36:48], weights[48:68] = 2.0, 2.5
    shapes = (points * weights[:, None]).reshape(len(points), -1)
    chosen = [int(np.argmin(np.linalg.norm(shapes - np.median(shapes, axis=0), axis=1)))]
    distance = np.linalg.norm(shapes - shapes[chosen[0]], axis=1)
    while len(chosen) < min(count, len(points)):
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.linalg.norm(shapes - shapes[chosen[-1]], axis=1))
    return sorted(chosen)


def read_frames(clip: Path, indices: list[int], crop: Crop | None = None) -> list[tuple[Image, float]]:
    """The frames with these indices, in order, each with its time in seconds.

    Raises:
        Vid2VidError: The clip can't be decoded.
    """
    info = probe(clip, name=clip.name)
    wanted, found = set(indices), []
    with FrameReader(clip, info, crop=crop) as reader:
        for index, frame in enumerate(reader):
            if index in wanted:
                found.append((frame.rgb, float(frame.pts * info.time_base)))
            if index >= max(indices):
                break
    return found


def compose_sheet(panels: list[tuple[Image, float]], style: Image | None) -> Image:
    """Lay out the sheet.

    Args:
        panels: side-by-side frames [S, 3 S, 3] (content, mask, result) with their times in seconds.
        style: One style frame, any size; shown at the right.

    Raises:
        UnsupportedMedia: A frame is not three squares side by side.
    """
    columns = len(panels) + (style is not None)
    step = _CELL + _MARGIN
    header = 26
    sheet = np.full((header + 3 * step + _MARGIN, _LABEL_WIDTH + columns * step + _MARGIN, 3), _PAPER, np.uint8)
    for row, label in enumerate(_ROWS):
        _write(sheet, label, 10, header + row * step + _CELL // 2)
    for column, (frame, seconds) in enumerate(panels):
        left = _LABEL_WIDTH + column * step
        _write(sheet, f"{seconds:.2f} s", left + 2, 18)
        for row, picture in enumerate(_split(frame)):
            _paste(sheet, picture, left, header + row * step)
    if style is not None:
        left = _LABEL_WIDTH + len(panels) * step
        _write(sheet, "style", left + 2, header + 2 * step - 10)
        _paste(sheet, style, left, header + 2 * step)
    return sheet


def write_contact_sheet(path: Path, sheet: Image) -> None:
    """Write the sheet as PNG, under a temporary name first.

    Raises:
        OutputNotWritable: The file can't be written.
    """
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(sheet[..., ::-1]))
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_bytes(encoded.tobytes())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputNotWritable(f"{path} can't be written: {error.strerror}") from None


def _split(frame: Image) -> list[Image]:
    height, width = frame.shape[:2]
    if width != 3 * height:
        raise UnsupportedMedia(f"side-by-side frame of {width}x{height}: three squares are expected")
    return [frame[:, row * height : (row + 1) * height] for row in range(3)]


def _paste(sheet: Image, picture: Image, left: int, top: int) -> None:
    shrinks = picture.shape[0] > _CELL
    resized = cv2.resize(picture, (_CELL, _CELL), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    sheet[top : top + _CELL, left : left + _CELL] = resized


def _write(sheet: Image, text: str, left: int, baseline: int) -> None:
    cv2.putText(sheet, text, (left, baseline), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)
