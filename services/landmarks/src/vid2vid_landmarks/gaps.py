"""Frames without a usable face keep their place in time: bridged across short gaps, held across long ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.errors import NoFaceDetected
from vid2vid_core.landmarks import FrameLandmarks, LandmarkSource
from vid2vid_landmarks.face import Points, pose_of

_MAX_BRIDGE_DISTANCE = 0.8
_MAX_BRIDGE_RATIO = 1.4
"""A face that is elsewhere after a gap has cut, not moved: nothing lies between. In face sizes, and in size."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sighting:
    """What the detector says about one frame."""

    index: int
    """Frame number from 0."""
    pts: int
    """Presentation time in units of the clip's time base."""
    duration: int
    """How long the frame is shown, in the same unit; 0 where the container does not say."""
    points: Points | None
    """``[68, 2]`` in crop coordinates; None where no face was found."""


def fill_gaps(sightings: Iterable[Sighting], *, max_gap_frames: int) -> Iterator[FrameLandmarks]:
    """Give every frame landmarks.

    A gap of at most ``max_gap_frames`` is bridged in a straight line by presentation time. A longer one, and one
    across a cut, holds the detection that is nearer in time; the clip's ends hold their only neighbour. A gap is
    answered at its end: what waits meanwhile has no pixels.

    Raises:
        NoFaceDetected: Not one frame has a face.
    """
    last: Sighting | None = None
    gap: list[Sighting] = []
    for sighting in sightings:
        if sighting.points is None:
            gap.append(sighting)
            continue
        yield from _close_gap(last, gap, sighting, max_gap_frames)
        gap.clear()
        yield _frame(sighting, sighting.points, LandmarkSource.DETECTED)
        last = sighting
    if last is None:
        raise NoFaceDetected(f"no face in any of the clip's {len(gap)} frames", frames=len(gap))
    yield from _hold(gap, last, last)


def _close_gap(
    before: Sighting | None, gap: Sequence[Sighting], after: Sighting, max_gap_frames: int
) -> Iterator[FrameLandmarks]:
    if before is not None and len(gap) <= max_gap_frames and _bridgeable(before, after):
        yield from _bridge(gap, before, after)
    else:
        yield from _hold(gap, before or after, after)


def _bridgeable(before: Sighting, after: Sighting) -> bool:
    assert before.points is not None and after.points is not None  # noqa: S101, PT018 - for the type checker
    first, second = pose_of(before.points), pose_of(after.points)
    return first.distance(second) <= _MAX_BRIDGE_DISTANCE and first.scale_ratio(second) <= _MAX_BRIDGE_RATIO


def _bridge(gap: Sequence[Sighting], before: Sighting, after: Sighting) -> Iterator[FrameLandmarks]:
    assert before.points is not None and after.points is not None  # noqa: S101, PT018 - for the type checker
    for sighting in gap:
        share = (sighting.pts - before.pts) / max(after.pts - before.pts, 1)
        points = before.points + (after.points - before.points) * share
        yield _frame(sighting, points, LandmarkSource.INTERPOLATED)


def _hold(gap: Sequence[Sighting], before: Sighting, after: Sighting) -> Iterator[FrameLandmarks]:
    for sighting in gap:
        earlier_is_nearer = abs(sighting.pts - before.pts) <= abs(after.pts - sighting.pts)
        nearest = before if earlier_is_nearer else after
        assert nearest.points is not None  # noqa: S101 - for the type checker
        yield _frame(sighting, nearest.points, LandmarkSource.HELD)


def _frame(sighting: Sighting, points: NDArray[np.float64], source: LandmarkSource) -> FrameLandmarks:
    return FrameLandmarks(
        index=sighting.index,
        pts=sighting.pts,
        duration=sighting.duration,
        source=source,
        points=points.astype(np.float32),
    )
