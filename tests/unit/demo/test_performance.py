"""What the portrait does over time."""

from __future__ import annotations

import numpy as np

from vid2vid_demo.performance import WIDEST_OPENING, Temperament, perform
from vid2vid_demo.speech import mouth_opening, plan_speech

TIMES = np.arange(0, 12, 0.04)
SYLLABLES = plan_speech(12.0, seed=3)
MOMENTS = perform(SYLLABLES, TIMES, seed=3)


def test_mouth_opens_with_the_speech() -> None:
    opening = np.array([moment.expression.opening for moment in MOMENTS])
    assert np.allclose(opening, WIDEST_OPENING * mouth_opening(SYLLABLES, TIMES))


def test_head_moves_slowly_and_within_its_temperament() -> None:
    lively = Temperament()
    yaw = np.array([moment.pose.yaw for moment in MOMENTS])
    assert np.abs(yaw).max() <= lively.yaw
    assert np.ptp(yaw) > lively.yaw / 2
    assert np.abs(np.diff(yaw)).max() < 0.03


def test_eyes_close_fully_and_are_open_most_of_the_time() -> None:
    blink = np.array([moment.expression.blink for moment in MOMENTS])
    assert blink.max() > 0.95
    assert 0.6 < (blink < 0.05).mean() < 0.97


def test_same_seed_performs_the_same() -> None:
    assert perform(SYLLABLES, TIMES, seed=3) == MOMENTS
    assert perform(SYLLABLES, TIMES, seed=4) != MOMENTS
