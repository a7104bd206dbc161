"""What the landmark service counts."""

import time
from collections.abc import Iterator

import pytest

from vid2vid_core.landmarks import LandmarkSource
from vid2vid_core.landmarks_client import TrackSummary
from vid2vid_landmarks.metrics import LandmarkMetrics


def value(metrics: LandmarkMetrics, name: str, **labels: str) -> float:
    found = metrics.registry.get_sample_value(name, labels)
    assert found is not None
    return found


def test_time_that_the_caller_takes_is_no_work_of_the_stage() -> None:
    metrics = LandmarkMetrics()

    def frames() -> Iterator[int]:
        for number in range(3):
            time.sleep(0.01)
            yield number

    got = []
    for frame in metrics.timed("track", frames()):
        got.append(frame)
        time.sleep(0.1)
    assert got == [0, 1, 2]
    assert 0.03 <= value(metrics, "vid2vid_stage_busy_seconds_total", stage="track") < 0.2


def test_stage_that_fails_is_counted_and_its_error_passes() -> None:
    metrics = LandmarkMetrics()

    def frames() -> Iterator[int]:
        yield 1
        time.sleep(0.01)
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(metrics.timed("track", frames()))
    assert value(metrics, "vid2vid_stage_busy_seconds_total", stage="track") >= 0.01


def test_coverage_counts_detected_frames_only() -> None:
    metrics = LandmarkMetrics()
    metrics.count_clip(
        TrackSummary(
            frame_count=4, detected_count=3, interpolated_count=1, held_count=0, multiple_face_count=0, elapsed_s=1.0
        )
    )
    assert value(metrics, "vid2vid_face_coverage_ratio_sum") == 0.75
    assert value(metrics, "vid2vid_face_coverage_ratio_bucket", le="0.5") == 0
    assert value(metrics, "vid2vid_face_coverage_ratio_bucket", le="0.75") == 1


def test_every_source_is_there_before_its_first_frame() -> None:
    metrics = LandmarkMetrics()
    metrics.count_frame(LandmarkSource.HELD)
    assert value(metrics, "vid2vid_tracked_frames_total", source="held") == 1
    assert value(metrics, "vid2vid_tracked_frames_total", source="interpolated") == 0


def test_waiting_jobs_are_read_when_they_are_asked_for() -> None:
    metrics, jobs = LandmarkMetrics(), [1, 2]
    metrics.watch_workers(4, lambda: len(jobs))
    assert value(metrics, "vid2vid_landmark_jobs_waiting") == 2
    jobs.clear()
    assert value(metrics, "vid2vid_landmark_jobs_waiting") == 0
    assert value(metrics, "vid2vid_landmark_workers") == 4
