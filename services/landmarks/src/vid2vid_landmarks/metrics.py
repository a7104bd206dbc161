"""What the landmark service counts for Prometheus, beside the calls that the server shell counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from vid2vid_core.landmarks import LandmarkSource
from vid2vid_core.landmarks_client import TrackSummary

T = TypeVar("T")

COVERAGE_BUCKETS = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 1.0)
"""Fine where clips should be: nearly every frame of a usable one has its own detection."""


class LandmarkMetrics:
    """One service's metrics; every clip adds to the same ones."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Register the metrics.

        Args:
            registry: Where they are read; a new one if unset.
        """
        self.registry = registry or CollectorRegistry()
        self._frames = Counter(
            "vid2vid_tracked_frames",
            "Frames that got landmarks, by where those come from.",
            ["source"],
            registry=self.registry,
        )
        self._coverage = Histogram(
            "vid2vid_face_coverage_ratio",
            "Share of a clip's frames in which the face was detected.",
            buckets=COVERAGE_BUCKETS,
            registry=self.registry,
        )
        self._stage_seconds = Counter(
            "vid2vid_stage_busy_seconds",
            "Time that a stage spent at work, not waiting for the caller to take frames.",
            ["stage"],
            registry=self.registry,
        )
        self.upload_bytes = Counter(
            "vid2vid_upload_bytes", "Size of the clips that were received whole.", registry=self.registry
        )
        self.worker_restarts = Counter(
            "vid2vid_landmark_worker_restarts",
            "Detector processes that were replaced because they had ended or hung.",
            registry=self.registry,
        )
        self.worker_seconds = Counter(
            "vid2vid_landmark_worker_busy_seconds", "Time that detector processes worked.", registry=self.registry
        )
        self._workers = Gauge("vid2vid_landmark_workers", "Detector processes.", registry=self.registry)
        self._waiting = Gauge(
            "vid2vid_landmark_jobs_waiting", "Jobs that wait for a detector process.", registry=self.registry
        )
        for source in LandmarkSource:
            self._frames.labels(source.name.lower())
        ProcessCollector(registry=self.registry)

    def watch_workers(self, count: int, waiting: Callable[[], int]) -> None:
        """Read the waiting jobs of ``count`` workers from here."""
        self._workers.set(count)
        self._waiting.set_function(waiting)

    def count_frame(self, source: LandmarkSource) -> None:
        """A frame has its landmarks."""
        self._frames.labels(source.name.lower()).inc()

    def count_clip(self, summary: TrackSummary) -> None:
        """A clip has been tracked to its end."""
        self._coverage.observe(summary.detected_count / summary.frame_count)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block's duration as work of a stage."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._stage_seconds.labels(name).inc(time.monotonic() - started)

    def timed(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """Hand items on; only the time that they take to come is a stage's work."""
        iterator = iter(items)
        while True:
            with self.stage(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item
