"""The babble: planned, heard, seen."""

from __future__ import annotations

import numpy as np

from vid2vid_demo.speech import SAMPLE_RATE, mouth_opening, mouth_width, plan_speech, synthesise

SECONDS = 4.0
SYLLABLES = plan_speech(SECONDS, seed=5)
TIMES = np.arange(0, SECONDS, 0.02)


def loudness(samples: np.ndarray) -> np.ndarray:
    """RMS per TIMES step."""
    return np.asarray(np.sqrt((samples.reshape(len(TIMES), -1) ** 2).mean(axis=1)))


def test_plan_stays_within_the_clip_and_has_pauses() -> None:
    assert SYLLABLES[0].start >= 0.2
    assert SYLLABLES[-1].start + SYLLABLES[-1].length <= SECONDS
    silent = mouth_opening(SYLLABLES, TIMES) < 0.02
    assert 0.05 < silent.mean() < 0.5


def test_plan_covers_closed_to_wide_open() -> None:
    opening = mouth_opening(plan_speech(20.0, seed=5), np.arange(0, 20, 0.04))
    assert opening.min() == 0
    assert opening.max() > 0.85


def test_sound_follows_the_mouth() -> None:
    samples = synthesise(SYLLABLES, SECONDS, pitch=120, seed=5)
    assert len(samples) == SECONDS * SAMPLE_RATE
    opening = mouth_opening(SYLLABLES, TIMES + 0.01)
    assert np.corrcoef(loudness(samples), opening)[0, 1] > 0.8


def test_pauses_are_silent_and_nothing_clips() -> None:
    samples = synthesise(SYLLABLES, SECONDS, pitch=120, seed=5)
    assert np.abs(samples).max() <= 0.71
    assert np.abs(samples[: int(0.1 * SAMPLE_RATE)]).max() < 0.01


def test_same_seed_says_the_same_and_another_does_not() -> None:
    assert plan_speech(SECONDS, seed=5) == SYLLABLES
    assert plan_speech(SECONDS, seed=6) != SYLLABLES
    first, second = (synthesise(SYLLABLES, SECONDS, pitch=120, seed=5) for _ in range(2))
    assert np.array_equal(first, second)


def test_mouth_width_returns_to_rest_in_pauses() -> None:
    assert np.isclose(mouth_width(SYLLABLES, np.zeros(1), rest=0.86)[0], 0.86)
