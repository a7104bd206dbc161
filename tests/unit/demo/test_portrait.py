"""The photograph, cut into layers."""

from __future__ import annotations

import numpy as np

from vid2vid_demo.portrait import DETAIL, TEXTURE_SIZE, Layers, cut_layers


def alpha_at(picture: np.ndarray, x: float, y: float) -> int:
    return int(picture[round(y * DETAIL), round(x * DETAIL), 3])


def test_layers_have_the_texture_size(layers: Layers) -> None:
    assert layers.background.shape == (TEXTURE_SIZE, TEXTURE_SIZE, 3)
    for picture in (layers.torso, layers.head, layers.teeth):
        assert picture.shape == (TEXTURE_SIZE, TEXTURE_SIZE, 4)
        assert picture.dtype == np.uint8


def test_head_layer_holds_every_landmark_and_no_backdrop(layers: Layers) -> None:
    inner = layers.landmarks[17:]
    assert all(alpha_at(layers.head, x, y) == 255 for x, y in inner)
    corners = [(5, 5), (215, 5), (5, 130), (215, 130), (110, 215)]
    assert all(alpha_at(layers.head, x, y) == 0 for x, y in corners)


def test_torso_layer_continues_the_neck_behind_the_chin(layers: Layers) -> None:
    chin_x, chin_y = layers.landmarks[8]
    assert alpha_at(layers.torso, chin_x, chin_y - 15) == 255
    assert alpha_at(layers.torso, chin_x, chin_y + 20) == 255
    assert alpha_at(layers.torso, 110, 100) == 0


def test_head_layer_shows_lip_where_the_photograph_shows_teeth(layers: Layers) -> None:
    x, y = layers.landmarks[[62, 66]].mean(axis=0)
    row, column = round(float(y) * DETAIL), round(float(x) * DETAIL)
    teeth, head = layers.teeth[row, column].astype(int), layers.head[row, column].astype(int)
    assert teeth[3] > 200
    assert abs(teeth[0] - teeth[1]) < 30, "teeth are nearly white"
    assert head[0] - head[1] > 30, "lips are red"


def test_background_is_without_the_person(layers: Layers) -> None:
    middle = layers.background[60 * DETAIL : 180 * DETAIL, 60 * DETAIL : 160 * DETAIL].astype(int)
    assert middle.std(axis=(0, 1)).max() < 15


def test_cutting_twice_gives_the_same_layers(layers: Layers) -> None:
    again = cut_layers()
    assert np.array_equal(again.head, layers.head)
    assert np.array_equal(again.torso, layers.torso)
