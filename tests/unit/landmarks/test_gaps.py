"""Gap filling."""

import numpy as np
import pytest

from tests.support.faces import FRONTAL_FACE
from vid2vid_core.errors import NoFaceDetected
from vid2vid_core.landmarks import FrameLandmarks, LandmarkSource
from vid2vid_landmarks.gaps import Sighting, fill_gaps

FACE = FRONTAL_FACE.astype(np.float64)
DETECTED, BRIDGED, HELD = LandmarkSource.DETECTED, LandmarkSource.INTERPOLATED, LandmarkSource.HELD


def fill(pattern: list[float | None], pts: list[int] | None = None, limit: int = 3) -> list[FrameLandmarks]:
    times = pts or list(range(len(pattern)))
    sightings = [
        Sighting(index=index, pts=time, duration=1, points=None if shift is None else FACE + shift)
        for index, (shift, time) in enumerate(zip(pattern, times, strict=True))
    ]
    return list(fill_gaps(sightings, max_gap_frames=limit))


def shifts(frames: list[FrameLandmarks]) -> list[float]:
    return [float((frame.points - FACE).mean()) for frame in frames]


def test_short_gap_is_bridged_by_presentation_time() -> None:
    frames = fill([0.0, None, None, 0.1], pts=[0, 10, 30, 100])
    assert [frame.source for frame in frames] == [DETECTED, BRIDGED, BRIDGED, DETECTED]
    assert shifts(frames) == pytest.approx([0, 0.01, 0.03, 0.1], abs=1e-6)


def test_long_gap_holds_the_nearer_detection() -> None:
    frames = fill([0.0, None, None, None, None, 0.1])
    assert [frame.source for frame in frames] == [DETECTED, HELD, HELD, HELD, HELD, DETECTED]
    assert shifts(frames) == pytest.approx([0, 0, 0, 0.1, 0.1, 0.1], abs=1e-6)


def test_gap_across_a_cut_is_not_bridged() -> None:
    assert [frame.source for frame in fill([0.0, None, 2.0])] == [DETECTED, HELD, DETECTED]


def test_ends_hold_their_only_neighbour() -> None:
    frames = fill([None, None, 0.1, 0.2, None])
    assert [frame.source for frame in frames] == [HELD, HELD, DETECTED, DETECTED, HELD]
    assert shifts(frames) == pytest.approx([0.1, 0.1, 0.1, 0.2, 0.2], abs=1e-6)


def test_every_frame_keeps_its_index_and_time() -> None:
    frames = fill([None, 0.0, None, 0.1], pts=[-5, 3, 4, 9])
    assert [(frame.index, frame.pts, frame.duration) for frame in frames] == [
        (0, -5, 1),
        (1, 3, 1),
        (2, 4, 1),
        (3, 9, 1),
    ]


def test_clip_without_a_face_fails() -> None:
    with pytest.raises(NoFaceDetected, match="2 frames"):
        fill([None, None])
