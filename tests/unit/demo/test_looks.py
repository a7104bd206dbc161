"""Two characters out of one portrait."""

from __future__ import annotations

import numpy as np

from vid2vid_demo.looks import CONTENT_LOOK, STYLE_LOOK, Look, Reshape, dress
from vid2vid_demo.photo import PORTRAIT_SIZE
from vid2vid_demo.portrait import DETAIL, Layers


def proportions(points: np.ndarray) -> np.ndarray:
    """Mouth width, nose width, eye height and face height in inter-ocular distances."""
    eyes = np.linalg.norm(points[36] - points[45])
    pairs = [(48, 54), (31, 35), (37, 41), (27, 8)]
    return np.array([np.linalg.norm(points[a] - points[b]) / eyes for a, b in pairs])


def test_mirroring_twice_gives_the_same_face(layers: Layers) -> None:
    mirror = Look(mirrored=True)
    twice = dress(dress(layers, mirror), mirror)
    assert np.allclose(twice.landmarks, layers.landmarks, atol=1e-3)


def test_mirrored_landmarks_keep_their_meaning(layers: Layers) -> None:
    mirrored = dress(layers, Look(mirrored=True)).landmarks
    assert np.all(np.diff(mirrored[:9, 1]) > 0), "the jaw still runs down from the picture's left"
    assert mirrored[36, 0] < mirrored[39, 0] < mirrored[42, 0] < mirrored[45, 0]
    assert mirrored[62, 1] < mirrored[66, 1]
    assert np.isclose(mirrored[30, 0], PORTRAIT_SIZE - layers.landmarks[30, 0])


def test_reshaping_moves_the_picture_with_the_landmarks(layers: Layers) -> None:
    shaped = dress(layers, Look(shapes={"eyes": Reshape(down=6.0)}))
    x, y = layers.landmarks[36:42].mean(axis=0)

    def darkest_row(head: np.ndarray, centre: float) -> float:
        top = round(float(centre - 6) * DETAIL)
        column = slice(round(float(x - 3) * DETAIL), round(float(x + 3) * DETAIL))
        rows = head[top : top + 12 * DETAIL, column, :3].mean(axis=(1, 2))
        return (top + int(np.argmin(rows))) / DETAIL

    moved = darkest_row(shaped.head, y + 6) - darkest_row(layers.head, y)
    assert abs(moved - 6.0) < 1.5


def test_the_two_characters_differ_in_geometry_and_colour(layers: Layers) -> None:
    style, content = dress(layers, STYLE_LOOK), dress(layers, CONTENT_LOOK)
    difference = proportions(content.landmarks) / proportions(style.landmarks) - 1
    assert np.abs(difference).max() > 0.15
    assert np.abs(difference).mean() > 0.06
    hair = (slice(30 * DETAIL, 50 * DETAIL), slice(90 * DETAIL, 130 * DETAIL))
    for picture_style, picture_content in ((style.head, content.head), (style.background, content.background)):
        colours = picture_style[hair].mean(axis=(0, 1))[:3], picture_content[hair].mean(axis=(0, 1))[:3]
        assert np.abs(colours[0] - colours[1]).max() > 30
