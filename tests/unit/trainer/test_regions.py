from __future__ import annotations

import numpy as np

from tests.support.faces import FRONTAL_FACE
from vid2vid_trainer.regions import REDUCTION, RegionConfig, region_weights


def weight_at(point: np.ndarray, size: int = 128) -> float:
    weights = region_weights(FRONTAL_FACE, size, RegionConfig(weight=4.0))
    x, y = (point * size / REDUCTION).astype(int)
    return float(weights[y, x])


def test_eyes_and_mouth_count_fully() -> None:
    for group in (slice(36, 42), slice(42, 48), slice(48, 60)):
        assert weight_at(FRONTAL_FACE[group].mean(axis=0)) == 4.0


def test_the_rest_counts_once() -> None:
    assert weight_at(np.array([0.02, 0.02])) == 1.0
    assert weight_at(FRONTAL_FACE[8]) == 1.0


def test_closed_eyes_keep_a_region_of_some_height() -> None:
    closed = FRONTAL_FACE.copy()
    closed[36:42, 1] = closed[36:42, 1].mean()
    weights = region_weights(closed, 256, RegionConfig(weight=4.0))
    column = weights[:, int(closed[36:42, 0].mean() * 64)]
    assert (column == 4.0).sum() >= 2
