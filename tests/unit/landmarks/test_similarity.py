"""Similarity fits and mean shapes."""

import numpy as np
import pytest

from tests.support.faces import FRONTAL_FACE
from vid2vid_landmarks.similarity import Similarity, fit_similarity, mean_shape

FACE = FRONTAL_FACE.astype(np.float64)


def similarity(angle: float, scale: float, x: float, y: float) -> Similarity:
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return Similarity(linear, np.array([x, y]))


def test_fit_recovers_a_known_similarity() -> None:
    known = similarity(0.3, 1.7, 4, -2)
    found = fit_similarity(FACE, known.apply(FACE))
    assert found.linear == pytest.approx(known.linear)
    assert found.shift == pytest.approx(known.shift)
    assert found.scale == pytest.approx(1.7)


def test_inverse_maps_back() -> None:
    known = similarity(-0.8, 0.4, 1, 2)
    assert known.inverse().apply(known.apply(FACE)) == pytest.approx(FACE)


def test_mean_of_one_shape_in_many_poses_is_that_shape() -> None:
    shapes = [
        similarity(angle, scale, x, 0).apply(FACE) for angle, scale, x in [(-0.4, 1, 0), (0.4, 1.2, 1), (0, 0.8, 2)]
    ]
    mean = mean_shape(shapes)
    assert fit_similarity(FACE, mean).apply(FACE) == pytest.approx(mean, abs=1e-6)
    assert mean.mean(axis=0)[0] == pytest.approx(np.mean([shape.mean(axis=0)[0] for shape in shapes]), abs=1e-6)
    assert fit_similarity(FACE, mean).scale == pytest.approx(1.0, abs=1e-6)
