"""C's motion on S's face."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.faces import FRONTAL_FACE
from vid2vid_core.landmarks import FaceGeometry, FrameLandmarks, LandmarkSource, mouth_opening
from vid2vid_landmarks.retarget import Retargeter
from vid2vid_landmarks.similarity import fit_similarity

CONTENT = FRONTAL_FACE.astype(np.float64)
STYLE = CONTENT.copy()
STYLE[:17] = (STYLE[:17] - 0.5) * (1.15, 1.05) + 0.5
STYLE[48:] = (STYLE[48:] - STYLE[48:].mean(axis=0)) * (1.2, 1.3) + STYLE[48:].mean(axis=0) + (0, 0.02)
STYLE = STYLE * 0.9 + (0.02, 0.06)
UPPER, LOWER = [61, 62, 63], [67, 66, 65]


def geometry(points: NDArray[np.float64]) -> FaceGeometry:
    return FaceGeometry(points.astype(np.float32))


def retargeter() -> Retargeter:
    return Retargeter(geometry(CONTENT), geometry(STYLE))


def with_gap(gap: float) -> np.ndarray:
    """C with its inner lips this far apart."""
    points = CONTENT.copy()
    middle = (points[UPPER, 1] + points[LOWER, 1]) / 2
    shift = gap / 2 - (points[LOWER, 1] - points[UPPER, 1]) / 2
    points[UPPER, 1], points[LOWER, 1] = middle - gap / 2, middle + gap / 2
    points[[49, 50, 51, 52, 53], 1] -= shift.mean()
    points[[59, 58, 57, 56, 55], 1] += shift.mean()
    return points


def test_own_geometry_changes_nothing() -> None:
    same = Retargeter(geometry(CONTENT), geometry(CONTENT))
    moved = with_gap(0.08) @ np.array([[0.99, 0.1], [-0.1, 0.99]]) * 1.1 + (0.05, -0.03)
    assert same.retarget_points(moved) == pytest.approx(moved, abs=1e-6)


def test_content_at_rest_becomes_the_style_at_rest() -> None:
    points = retargeter().retarget_points(CONTENT)
    assert points[:48] == pytest.approx(STYLE[:48], abs=0.01)
    assert points[[48, 54]] == pytest.approx(STYLE[[48, 54]], abs=0.01)


def test_closed_mouth_stays_closed() -> None:
    points = retargeter().retarget_points(with_gap(0.0))
    assert points[LOWER, 1] - points[UPPER, 1] == pytest.approx(0, abs=1e-6)


def test_crossed_lips_become_closed_lips() -> None:
    points = retargeter().retarget_points(with_gap(-0.01))
    assert points[LOWER, 1] - points[UPPER, 1] == pytest.approx(0, abs=1e-6)


def test_mouth_opening_follows_the_content() -> None:
    gaps = np.linspace(0, 0.2, 15)
    content = [mouth_opening(with_gap(gap)) for gap in gaps]
    style = [mouth_opening(retargeter().retarget_points(with_gap(gap))) for gap in gaps]
    assert np.corrcoef(content, style)[0, 1] > 0.999
    assert 0.7 < np.ptp(style) / np.ptp(content) < 1.5


def test_outer_lips_keep_the_style_s_thickness() -> None:
    closed = retargeter().retarget_points(with_gap(0.0))
    style_thickness = (STYLE[57, 1] - STYLE[51, 1]) - (STYLE[66, 1] - STYLE[62, 1])
    assert closed[57, 1] - closed[51, 1] == pytest.approx(style_thickness, rel=0.15)


def test_closed_eyes_stay_closed() -> None:
    blink = CONTENT.copy()
    for upper, lower in [(37, 41), (38, 40), (43, 47), (44, 46)]:
        blink[[upper, lower], 1] = blink[[upper, lower], 1].mean()
    points = retargeter().retarget_points(blink)
    assert points[[41, 40, 47, 46], 1] - points[[37, 38, 43, 44], 1] == pytest.approx(0, abs=1e-5)


def test_head_motion_is_passed_on_in_face_sizes() -> None:
    angle = 0.2
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    rest = retargeter().retarget_points(CONTENT)
    moved = retargeter().retarget_points(CONTENT @ turn.T * 1.1 + (0.1, 0.0))
    motion = fit_similarity(rest, moved)
    assert motion.scale == pytest.approx(1.1, abs=0.01)
    assert np.arctan2(motion.linear[1, 0], motion.linear[0, 0]) == pytest.approx(angle, abs=0.01)


def test_raised_brows_rise_on_the_style() -> None:
    raised = CONTENT.copy()
    raised[17:27, 1] -= 0.03
    difference = retargeter().retarget_points(raised) - retargeter().retarget_points(CONTENT)
    assert (difference[17:27, 1] < -0.02).all()
    assert np.abs(difference[27:]).max() < 1e-6


def test_frame_keeps_its_time_and_source() -> None:
    frame = FrameLandmarks(index=7, pts=70, duration=10, source=LandmarkSource.HELD, points=CONTENT.astype(np.float32))
    result = retargeter().retarget(frame)
    assert (result.index, result.pts, result.duration, result.source) == (7, 70, 10, LandmarkSource.HELD)
