from __future__ import annotations

import pytest

from vid2vid_trainer.schedule import Budget, Clock, LearningRate


def test_budget_of_images_counts_images() -> None:
    clock = Clock(Budget(images=200))
    assert [clock.progress(seen) for seen in (0, 50, 200, 300)] == [0, 0.25, 1, 1]


def test_budget_of_minutes_counts_seconds() -> None:
    now = 1000.0
    clock = Clock(Budget(minutes=2), now=lambda: now)
    assert clock.progress(10**6) == 0
    now = 1030.0
    assert clock.progress(0) == 0.25
    now = 1500.0
    assert clock.progress(0) == 1


def test_learning_rate_rises_stays_and_falls_to_zero() -> None:
    rate = LearningRate(warmup_images=100, plateau=0.5)
    assert rate.factor(9, 0.0) == pytest.approx(0.1)
    assert rate.factor(5000, 0.5) == 1
    assert rate.factor(5000, 0.75) == pytest.approx(0.5)
    assert rate.factor(5000, 1.0) == pytest.approx(0, abs=1e-12)
