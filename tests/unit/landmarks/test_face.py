"""Poses and patches."""

import numpy as np
import pytest

from tests.support.faces import FRONTAL_FACE
from vid2vid_landmarks.face import FacePose, between, cut_patch, pose_of

FACE = FRONTAL_FACE.astype(np.float64) * 200


def turned(points: np.ndarray, angle: float) -> np.ndarray:
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(points @ matrix.T)


def test_pose_follows_shift_scale_and_turn() -> None:
    upright = pose_of(FACE)
    moved = pose_of(turned(FACE * 1.5, 0.3) + np.array([40, -7]))
    centre = turned(np.array([upright.x, upright.y]) * 1.5, 0.3) + np.array([40, -7])
    assert (moved.x, moved.y) == pytest.approx(tuple(centre))
    assert moved.size == pytest.approx(1.5 * upright.size)
    assert moved.roll == pytest.approx(upright.roll + 0.3)


def test_patch_maps_back_to_the_picture() -> None:
    patch = cut_patch(np.zeros((50, 60), np.uint8), FacePose(31, 17, 20, 0.4), face_size=80, side=121)
    assert patch.to_picture(np.array([[60.0, 60.0]]))[0] == pytest.approx((31, 17))
    assert patch.scale == pytest.approx(4)


def test_patch_shows_a_turned_face_upright() -> None:
    picture = np.zeros((101, 101), np.uint8)
    # The head is turned by a quarter clockwise: what is on its right in the patch is below it in the picture.
    picture[79:82, 49:52] = 255
    patch = cut_patch(picture, FacePose(50, 50, 50, np.pi / 2), face_size=50, side=101)
    y, x = np.unravel_index(patch.gray.argmax(), patch.gray.shape)
    assert abs(int(x) - 80) <= 1
    assert abs(int(y) - 50) <= 1


def test_distance_is_in_face_sizes() -> None:
    assert FacePose(0, 0, 100).distance(FacePose(30, 40, 50)) == pytest.approx(0.5)
    assert FacePose(0, 0, 100).scale_ratio(FacePose(0, 0, 50)) == 2


def test_between_is_halfway_at_one_half() -> None:
    assert between(FacePose(0, 0, 10), FacePose(10, 20, 30, 0.2), 0.5) == FacePose(5, 10, 20, 0.1)
