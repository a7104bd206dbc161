"""Similarity transforms between point sets: turn, scale and shift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vid2vid_landmarks.face import Points

_PROCRUSTES_ROUNDS = 4
"""The mean shape settles to below a thousandth of the face size within three."""


@dataclass(frozen=True, slots=True, eq=False)
class Similarity:
    """``p -> linear @ p + shift`` where linear is a turn times a scale."""

    linear: NDArray[np.float64]
    """``[2, 2]``."""
    shift: NDArray[np.float64]
    """``[2]``."""

    @property
    def scale(self) -> float:
        """How much lengths grow."""
        return float(np.hypot(self.linear[0, 0], self.linear[1, 0]))

    def apply(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map ``[..., 2]`` points."""
        return np.asarray(points @ self.linear.T + self.shift, dtype=np.float64)

    def inverse(self) -> Similarity:
        """The transform back."""
        back = np.linalg.inv(self.linear)
        return Similarity(np.asarray(back, dtype=np.float64), np.asarray(-back @ self.shift, dtype=np.float64))


def fit_similarity(source: Points, target: Points) -> Similarity:
    """The similarity that maps ``source`` onto ``target`` with the least squared error.

    In the plane it has a closed form: with centred points as complex numbers z and w, the best factor is
    sum(conj(z) w) / sum(|z|^2), a turn and scale in one number.
    """
    source_centre, target_centre = source.mean(axis=0), target.mean(axis=0)
    z = (source - source_centre) @ np.array([1.0, 1.0j])
    w = (target - target_centre) @ np.array([1.0, 1.0j])
    factor = complex((z.conj() * w).sum() / max(float((np.abs(z) ** 2).sum()), 1e-12))
    linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return Similarity(linear, np.asarray(target_centre - linear @ source_centre, dtype=np.float64))


def mean_shape(shapes: Sequence[Points]) -> Points:
    """The average of shapes after each is aligned (generalised Procrustes), at their average place, size and turn."""
    stack = np.stack(shapes)
    mean: Points = stack.mean(axis=0)
    aligned = mean
    for _ in range(_PROCRUSTES_ROUNDS):
        aligned = np.mean([fit_similarity(shape, aligned).apply(shape) for shape in stack], axis=0)
        # Alignment shrinks the mean a little; the plain average has the right place and turn, the shapes the size.
        aligned = fit_similarity(aligned, mean).apply(aligned)
    sizes = [_spread(shape) for shape in stack]
    centre = aligned.mean(axis=0)
    return np.asarray(centre + (aligned - centre) * (np.mean(sizes) / max(_spread(aligned), 1e-12)), dtype=np.float64)


def _spread(points: Points) -> float:
    return float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))
