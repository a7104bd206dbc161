"""Head pose."""

from __future__ import annotations

import numpy as np
import pytest

from vid2vid_demo.pose import Pose, Relief

RELIEF = Relief(eyes=(110.0, 102.0), nose=(109.0, 127.0))


def test_photograph_pose_moves_nothing() -> None:
    x, y = np.meshgrid(np.linspace(0, 220, 12, dtype=np.float32), np.linspace(0, 220, 12, dtype=np.float32))
    seen_x, seen_y = RELIEF.project(x, y, Pose())
    assert np.allclose(seen_x, x, atol=1e-4)
    assert np.allclose(seen_y, y, atol=1e-4)


@pytest.mark.parametrize(
    "pose",
    [Pose(yaw=0.22), Pose(pitch=-0.12), Pose(roll=0.1), Pose(yaw=-0.2, pitch=0.1, roll=-0.1, x=6, y=-3, scale=1.08)],
    ids=["turned", "raised", "tilted", "everything at once"],
)
def test_unproject_inverts_project_on_the_face(pose: Pose) -> None:
    x, y = np.meshgrid(np.linspace(50, 170, 25, dtype=np.float32), np.linspace(20, 185, 25, dtype=np.float32))
    back_x, back_y = RELIEF.unproject(*RELIEF.project(x, y, pose), pose)
    assert np.abs(back_x - x).max() < 0.1
    assert np.abs(back_y - y).max() < 0.1


def test_turning_moves_the_nose_further_than_the_ears() -> None:
    x, y = np.array([109.0, 64.0, 156.0], np.float32), np.array([127.0, 105.0, 105.0], np.float32)
    seen_x, _ = RELIEF.project(x, y, Pose(yaw=0.2))
    nose, left_ear, right_ear = seen_x - x
    assert nose > 5
    assert nose > max(left_ear, right_ear) + 2
