"""The portrait, drawn in a pose."""

from __future__ import annotations

import numpy as np
import pytest

from vid2vid_demo.expression import Expression
from vid2vid_demo.photo import PORTRAIT_SIZE
from vid2vid_demo.portrait import Layers
from vid2vid_demo.pose import Pose
from vid2vid_demo.puppet import Puppet

SIZE = 160
UNIT = SIZE / PORTRAIT_SIZE


@pytest.fixture(scope="module")
def puppet(layers: Layers) -> Puppet:
    return Puppet(layers, SIZE)


def around(picture: np.ndarray, point: np.ndarray, radius: int = 3) -> np.ndarray:
    column, row = (round(float(value) * UNIT) for value in point)
    return picture[row - radius : row + radius + 1, column - radius : column + radius + 1].astype(float)


def test_picture_has_the_size_asked_for(puppet: Puppet) -> None:
    picture = puppet.draw(Pose(), Expression())
    assert picture.shape == (SIZE, SIZE, 3)
    assert picture.dtype == np.uint8


def test_open_mouth_shows_a_dark_cavity_under_light_teeth(puppet: Puppet) -> None:
    upper = puppet.layers.landmarks[62]
    opened = puppet.draw(Pose(), Expression(opening=0.36))
    teeth = around(opened, upper + np.array([0, 2.5], np.float32), 1).mean()
    cavity = around(opened, upper + np.array([0, 10], np.float32), 1).mean()
    assert teeth > 110
    assert cavity < 70


def test_closed_mouth_shows_neither(puppet: Puppet) -> None:
    lips = around(puppet.draw(Pose(), Expression()), puppet.layers.landmarks[[62, 66]].mean(axis=0), 2)
    assert lips.mean() > 90
    assert (lips[..., 0] - lips[..., 1]).mean() > 20, "lips are red"


def test_background_stands_still_while_the_head_moves(puppet: Puppet) -> None:
    pictures = [puppet.draw(Pose(yaw=yaw, roll=yaw / 2, x=20 * yaw), Expression(opening=0.2)) for yaw in (-0.2, 0.2)]
    difference = np.abs(pictures[0].astype(int) - pictures[1]).max(axis=2)
    assert difference[: SIZE // 2, :8].max() == 0
    assert difference[: SIZE // 2, -8:].max() == 0
    assert difference[SIZE // 4 : SIZE // 2, SIZE // 3 : 2 * SIZE // 3].mean() > 8


def test_blink_hides_the_dark_iris(puppet: Puppet) -> None:
    eye = puppet.layers.landmarks[36:42].mean(axis=0)
    opened, closed = (around(puppet.draw(Pose(), Expression(blink=blink)), eye, 1).mean() for blink in (0.0, 1.0))
    assert closed > opened + 25
