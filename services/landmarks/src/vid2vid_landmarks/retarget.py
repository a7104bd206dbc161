"""Maps the content's face motion onto the style's face.

C is the content's face, S the style's; M and G are their mean shapes. A frame of C becomes a frame of S in five steps:

1. *Head pose.* The similarity from C's mean to the frame, fitted to the points that facial expression leaves alone.
   Undoing it gives the frame's expression as a frontal face in C's mean position.
2. *Common frame.* The similarity that lays C's mean onto S's mean is applied to expression and mean alike, so that from
   here on both faces have one unit and one upright.
3. *Relative motion* for every part: S's mean plus C's difference from its own mean, scaled by the ratio of the parts'
   sizes. S keeps its own chin, brows and lips, and they move like C's; what is askew in C's mean alone (a head that
   never faces the camera) stays with C.
4. *Openings* of mouth and eyes, by scale: a difference from the mean would do harm here, for C's closed lips would
   become S's average opening minus C's, which is rarely closed. The gap between the inner lips is C's gap times the
   ratio of the mouths' widths, so zero stays zero; the outer lips add S's lip thickness; eyelids like inner lips, by
   the ratio of the eyes' mean openings. Each pair of points stays where relative motion has put its middle.
5. *Head motion.* C's turn and scale change about S's centre, and C's shift in units of face size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.landmarks import LANDMARK_GROUPS, FaceGeometry, FrameLandmarks
from vid2vid_landmarks.face import Points
from vid2vid_landmarks.similarity import Similarity, fit_similarity

_RIGID = [0, 16, 27, 28, 29, 30, 36, 39, 42, 45]
"""Jaw ends, nose bridge and eye corners: bone, not muscle."""

_PARTS = (
    ("jaw",),
    ("right_eyebrow",),
    ("left_eyebrow",),
    ("nose_bridge", "lower_nose"),
    ("right_eye",),
    ("left_eye",),
)
_MOUTH = ("outer_lip", "inner_lip")
_MOUTH_CORNERS = [48, 54]

_EYES = (((37, 41), (38, 40)), ((43, 47), (44, 46)))
"""Upper and lower lid, per eye."""

_INNER_LIPS = ((61, 67), (62, 66), (63, 65))
_OUTER_LIPS = ((49, 59), (50, 58), (51, 57), (52, 56), (53, 55))
_INNER_SHARES = np.array([[0.5, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0.5]])
"""How much of each inner gap lies between the outer lips: next to the corners, half of their neighbour's."""

_LEAST_RATIO, _MOST_RATIO = 0.6, 1.6
"""Faces differ by less; beyond it one of the means is not a neutral face."""

_LEAST = 1e-6
"""Keeps divisions by a size defined, in crop sides."""


@dataclass(frozen=True, slots=True, eq=False)
class _Openings:
    """How far S's mouth and eyes open where C's do."""

    inner_lips: float
    """S's gap over C's."""
    lips: NDArray[np.float64]
    """S's lip thickness over C's, ``[5]``."""
    eyes: tuple[float, float]
    """S's opening over C's, right and left."""


class Retargeter:
    """Maps frames of one clip onto one face."""

    def __init__(self, content: FaceGeometry, style: FaceGeometry) -> None:
        """Compare the two faces.

        Args:
            content: The clip's own mean shape, in its crop's coordinates.
            style: The shape to map onto, in the style's crop coordinates.
        """
        self._content_mean = content.points.astype(np.float64)
        self._style_mean = style.points.astype(np.float64)
        self._to_style = fit_similarity(self._content_mean, self._style_mean)
        self._common_mean = self._to_style.apply(self._content_mean)
        self._ratios = _motion_ratios(self._common_mean, self._style_mean)
        self._openings = _compare_openings(self._common_mean, self._style_mean)

    def retarget(self, frame: FrameLandmarks) -> FrameLandmarks:
        """The frame as S would show it, in the style's crop coordinates."""
        return replace(frame, points=self.retarget_points(frame.points.astype(np.float64)).astype(np.float32))

    def retarget_points(self, points: Points) -> Points:
        """Map ``[68, 2]`` points of C's crop to points of S's crop."""
        head = fit_similarity(self._content_mean[_RIGID], points[_RIGID])
        expression = self._to_style.apply(head.inverse().apply(points))
        face = self._style_mean + (expression - self._common_mean) * self._ratios
        self._open(face, expression)
        return self._move_head(face, head)

    def _open(self, face: Points, expression: Points) -> None:
        inner = np.maximum(_gaps(expression, _INNER_LIPS), 0.0)
        thickness = np.maximum(_gaps(expression, _OUTER_LIPS) - _INNER_SHARES @ inner, 0.0)
        inner = inner * self._openings.inner_lips
        _set_gaps(face, _INNER_LIPS, inner)
        _set_gaps(face, _OUTER_LIPS, _INNER_SHARES @ inner + thickness * self._openings.lips)
        for lids, ratio in zip(_EYES, self._openings.eyes, strict=True):
            _set_gaps(face, lids, np.maximum(_gaps(expression, lids), 0.0) * ratio)

    def _move_head(self, face: Points, head: Similarity) -> Points:
        centre = self._content_mean[_RIGID].mean(axis=0)
        shift = self._to_style.linear @ (head.apply(centre) - centre)
        # The turn happens in C's crop; the common frame is turned against it by a constant, which turns commute with.
        style_centre = self._style_mean[_RIGID].mean(axis=0)
        return np.asarray(style_centre + shift + (face - style_centre) @ head.linear.T, dtype=np.float64)


def _motion_ratios(content: Points, style: Points) -> Points:
    """``[68, 1]``: how large a motion of C is on S, per landmark."""
    ratios = np.ones((len(content), 1))
    for names in _PARTS:
        indices = _indices(names)
        ratios[indices] = _bounded(_spread(style[indices]) / _spread(content[indices]))
    ratios[_indices(_MOUTH)] = _bounded(_mouth_width(style) / _mouth_width(content))
    return ratios


def _compare_openings(content: Points, style: Points) -> _Openings:
    thickness = [_gaps(mean, _OUTER_LIPS) - _INNER_SHARES @ _gaps(mean, _INNER_LIPS) for mean in (content, style)]
    right, left = (
        _bounded(float(_gaps(style, lids).sum()) / max(float(_gaps(content, lids).sum()), _LEAST)) for lids in _EYES
    )
    return _Openings(
        inner_lips=_bounded(_mouth_width(style) / _mouth_width(content)),
        lips=np.clip(thickness[1] / np.maximum(thickness[0], _LEAST), _LEAST_RATIO, _MOST_RATIO),
        eyes=(right, left),
    )


def _gaps(points: Points, pairs: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """How far below its upper point each lower point lies; the face is upright."""
    upper, lower = np.array(pairs).T
    return np.asarray(points[lower, 1] - points[upper, 1], dtype=np.float64)


def _set_gaps(points: Points, pairs: Sequence[tuple[int, int]], gaps: NDArray[np.float64]) -> None:
    upper, lower = np.array(pairs).T
    middle = (points[upper, 1] + points[lower, 1]) / 2
    points[upper, 1], points[lower, 1] = middle - gaps / 2, middle + gaps / 2


def _mouth_width(points: Points) -> float:
    return max(float(np.linalg.norm(np.diff(points[_MOUTH_CORNERS], axis=0))), _LEAST)


def _indices(names: tuple[str, ...]) -> NDArray[np.intp]:
    return np.concatenate([np.arange(LANDMARK_GROUPS[name].start, LANDMARK_GROUPS[name].stop) for name in names])


def _spread(points: Points) -> float:
    return max(float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean())), _LEAST)


def _bounded(ratio: float) -> float:
    return float(np.clip(ratio, _LEAST_RATIO, _MOST_RATIO))
