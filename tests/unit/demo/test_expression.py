"""Facial expression as a warp."""

from __future__ import annotations

import numpy as np
import pytest

from vid2vid_demo.expression import Expression, ExpressionMap, FaceView
from vid2vid_demo.photo import LANDMARKS

FACE = ExpressionMap(LANDMARKS)
Y, X = np.mgrid[60:200, 40:180].astype(np.float32)


def view(expression: Expression) -> FaceView:
    return FACE.view(X, Y, expression)


def gap_at_centre(expression: Expression) -> float:
    """Height of the opening in the column through the middle of the lips."""
    seen = view(expression)
    inside = (seen.below_upper_lip > 0) & (seen.above_lower_lip > 0) & (np.abs(seen.across) < 1)
    return float(inside[:, round(float(LANDMARKS[62, 0])) - 40].sum())


@pytest.mark.parametrize("opening", [0.1, 0.2, 0.36])
def test_lips_part_by_the_opening_asked_for(opening: float) -> None:
    assert gap_at_centre(Expression(opening=opening)) == pytest.approx(opening * FACE.interocular, abs=1.5)


def test_closed_lips_touch() -> None:
    assert gap_at_centre(Expression(opening=0.0)) == 0


def test_rounding_narrows_the_mouth() -> None:
    wide, narrow = (np.abs(view(Expression(opening=0.2, width=width)).across) < 1 for width in (1.0, 0.75))
    row = round(float(LANDMARKS[62, 1])) - 60
    assert narrow[row].sum() == pytest.approx(0.75 * wide[row].sum(), rel=0.12)


def test_blink_shows_lid_where_the_iris_was() -> None:
    eye = LANDMARKS[36:42].mean(axis=0)
    row, column = round(float(eye[1])) - 60, round(float(eye[0])) - 40
    opened, closed = view(Expression()), view(Expression(blink=1.0))
    assert closed.y[row, column] < LANDMARKS[37:39, 1].mean(), "the skin seen there comes from above the lashes"
    assert opened.y[row, column] == pytest.approx(eye[1], abs=1.5)


def test_raised_brows_take_the_skin_from_below() -> None:
    brow = LANDMARKS[19]
    row, column = round(float(brow[1])) - 60, round(float(brow[0])) - 40
    assert view(Expression(brows=1.0)).y[row, column] > view(Expression()).y[row, column] + 2


@pytest.mark.parametrize("opening", [0.0, 0.36])
def test_warp_never_folds_the_skin(opening: float) -> None:
    seen = view(Expression(opening=opening, width=0.75, smile=-0.7, brows=1.0))
    skin = (seen.below_upper_lip < 0) | (seen.above_lower_lip < 0) | (np.abs(seen.across) > 1)
    both = skin[1:] & skin[:-1] & (np.sign(seen.below_upper_lip[1:]) == np.sign(seen.below_upper_lip[:-1]))
    assert np.diff(seen.y, axis=0)[both].min() > 0
