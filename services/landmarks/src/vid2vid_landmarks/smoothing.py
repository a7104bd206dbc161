"""Takes the detector's jitter out of landmarks without delaying or flattening the motion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.landmarks import LANDMARK_COUNT, LANDMARK_GROUPS, FrameLandmarks, LandmarkSource
from vid2vid_landmarks.face import FacePose, pose_of

_CALM, _LIVELY = 0.25, 0.06
"""Weight w of each neighbour in time; a motion of f Hz keeps 1 - 2w (1 - cos(2 pi f / rate)) of its size. At
30 frames/s that is 93 % of a 2.5 Hz nod for the calm parts and 94 % of a 5 Hz syllable for lips and eyelids."""

_LIVELY_GROUPS = ("right_eye", "left_eye", "outer_lip", "inner_lip")

_JUMP = 0.2
"""Move of the face between two frames, in face sizes, that is a cut and no motion."""
_JUMP_RATIO = 1.2


def _neighbour_weights() -> NDArray[np.float32]:
    weights = np.full((LANDMARK_COUNT, 1), _CALM, dtype=np.float32)
    for name in _LIVELY_GROUPS:
        weights[LANDMARK_GROUPS[name].indices()] = _LIVELY
    return weights


_WEIGHTS = _neighbour_weights()


def smooth(frames: Iterable[FrameLandmarks]) -> Iterator[FrameLandmarks]:
    """A symmetric three-tap filter in time: no delay in the result, one frame of look-ahead.

    A frame stays as it is at the clip's ends, where it or a neighbour is held, and beside cuts and jumps.
    """
    previous: _Posed | None = None
    current: _Posed | None = None
    for frame in frames:
        following = _Posed(frame, pose_of(frame.points.astype(np.float64)))
        if current is not None:
            yield _smoothed(previous, current, following)
        previous, current = current, following
    if current is not None:
        yield current.frame


class _Posed(NamedTuple):
    frame: FrameLandmarks
    pose: FacePose


def _smoothed(previous: _Posed | None, current: _Posed, following: _Posed) -> FrameLandmarks:
    # One-sided filters shift motion in time, so both neighbours count or none does.
    if previous is None or not (_continuous(previous, current) and _continuous(current, following)):
        return current.frame
    change = previous.frame.points + following.frame.points - 2 * current.frame.points
    return replace(current.frame, points=current.frame.points + _WEIGHTS * change)


def _continuous(first: _Posed, second: _Posed) -> bool:
    if LandmarkSource.HELD in {first.frame.source, second.frame.source}:
        return False
    return first.pose.distance(second.pose) <= _JUMP and first.pose.scale_ratio(second.pose) <= _JUMP_RATIO
