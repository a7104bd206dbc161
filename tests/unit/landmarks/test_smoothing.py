"""Smoothing in time."""

import numpy as np
import pytest

from tests.support.faces import FRONTAL_FACE
from vid2vid_core.landmarks import FrameLandmarks, LandmarkSource, mouth_opening
from vid2vid_landmarks.smoothing import smooth

FACE = FRONTAL_FACE.copy()


def frames(shapes: list[np.ndarray], sources: list[LandmarkSource] | None = None) -> list[FrameLandmarks]:
    kinds = sources or [LandmarkSource.DETECTED] * len(shapes)
    return [
        FrameLandmarks(index=index, pts=index, duration=1, source=kind, points=shape)
        for index, (shape, kind) in enumerate(zip(shapes, kinds, strict=True))
    ]


def test_smoothing_halves_the_jitter_of_the_jaw() -> None:
    random = np.random.default_rng(0)
    noisy = [FACE + random.normal(0, 0.003, FACE.shape).astype(np.float32) for _ in range(60)]
    result = np.stack([frame.points for frame in smooth(frames(noisy))])
    before, after = np.stack(noisy)[1:-1, :17].std(axis=0).mean(), result[1:-1, :17].std(axis=0).mean()
    assert after < 0.7 * before


def test_smoothing_does_not_shift_steady_motion_in_time() -> None:
    moving = [FACE + np.float32(0.01 * step) for step in range(10)]
    result = [frame.points for frame in smooth(frames(moving))]
    assert np.stack(result) == pytest.approx(np.stack(moving), abs=1e-6)


def test_smoothing_keeps_the_opening_of_a_fast_syllable() -> None:
    def speaking(step: int) -> np.ndarray:
        shape = FACE.copy()
        shape[60:68][5:8, 1] += 0.05 * (1 - np.cos(2 * np.pi * step * 5 / 30)) / 2
        return shape

    shapes = [speaking(step) for step in range(30)]
    before = [mouth_opening(shape) for shape in shapes]
    after = [mouth_opening(frame.points) for frame in smooth(frames(shapes))]
    assert np.ptp(after) > 0.92 * np.ptp(before)


def test_smoothing_stops_at_a_cut() -> None:
    cut = [FACE, FACE, FACE + np.float32(0.5), FACE + np.float32(0.5)]
    result = [frame.points for frame in smooth(frames(cut))]
    assert np.stack(result) == pytest.approx(np.stack(cut))


def test_held_frames_and_their_neighbours_stay_as_they_are() -> None:
    shapes = [FACE, FACE + np.float32(0.02), FACE + np.float32(0.02), FACE]
    kinds = [LandmarkSource.DETECTED, LandmarkSource.DETECTED, LandmarkSource.HELD, LandmarkSource.DETECTED]
    result = [frame.points for frame in smooth(frames(shapes, kinds))]
    assert np.stack(result) == pytest.approx(np.stack(shapes))


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_every_frame_comes_out_once_in_order(count: int) -> None:
    assert [frame.index for frame in smooth(frames([FACE] * count))] == list(range(count))
