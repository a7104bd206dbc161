"""The contact sheet."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.videos import make_clip
from vid2vid_core.errors import OutputNotWritable, UnsupportedMedia
from vid2vid_demo.contact_sheet import choose_moments, compose_sheet, read_frames, write_contact_sheet

RED, GREEN, BLUE = (200, 30, 30), (30, 200, 30), (30, 30, 200)


def side_by_side(size: int = 64) -> np.ndarray:
    frame = np.zeros((size, 3 * size, 3), np.uint8)
    for column, colour in enumerate((RED, GREEN, BLUE)):
        frame[:, column * size : (column + 1) * size] = colour
    return frame


def has_colour(sheet: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Rows and columns of the sheet that show a colour: [[top, left], [bottom, right]]."""
    found = np.argwhere((sheet == colour).all(axis=2))
    return np.array([found.min(axis=0), found.max(axis=0)]) if len(found) else found


def test_moments_are_those_that_differ_most() -> None:
    points = np.zeros((30, 68, 2), np.float32)
    points[10, 66, 1], points[20, 37:39, 1], points[25] = 0.3, 0.2, 0.4
    assert {10, 20, 25} <= set(choose_moments(points, 4))
    assert choose_moments(points, 4) == sorted(choose_moments(points, 4))


def test_short_clip_has_as_many_moments_as_frames() -> None:
    assert choose_moments(np.random.default_rng(1).random((3, 68, 2), np.float32), 8) == [0, 1, 2]


def test_sheet_stacks_content_mask_and_result_and_shows_the_style_beside() -> None:
    yellow = np.full((50, 50, 3), (220, 220, 0), np.uint8)
    sheet = compose_sheet([(side_by_side(), 0.0), (side_by_side(), 1.5)], yellow)
    boxes = [has_colour(sheet, colour) for colour in (RED, GREEN, BLUE, (220, 220, 0))]
    assert all(len(box) == 2 for box in boxes)
    content, mask, result, style = boxes
    assert content[1, 0] < mask[0, 0] < mask[1, 0] < result[0, 0]
    assert style[0, 1] > result[1, 1]


def test_frame_that_is_not_three_squares_fails() -> None:
    with pytest.raises(UnsupportedMedia, match="side-by-side frame of 64x64: three squares"):
        compose_sheet([(np.zeros((64, 64, 3), np.uint8), 0.0)], None)


def test_frames_are_read_with_their_times(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4")
    frames = read_frames(clip, [0, 3])
    assert len(frames) == 2
    assert frames[0][1] < frames[1][1]


def test_sheet_is_written_as_it_was_drawn(tmp_path: Path) -> None:
    sheet = compose_sheet([(side_by_side(), 0.0)], None)
    write_contact_sheet(tmp_path / "sheet.png", sheet)
    written = cv2.imread(str(tmp_path / "sheet.png"))
    assert written is not None
    assert np.array_equal(written[..., ::-1], sheet)
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_sheet_without_a_folder_fails(tmp_path: Path) -> None:
    with pytest.raises(OutputNotWritable):
        write_contact_sheet(tmp_path / "missing" / "sheet.png", side_by_side())
