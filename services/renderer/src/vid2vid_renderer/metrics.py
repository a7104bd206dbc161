"""What the renderer counts for Prometheus, beside the calls that the server shell counts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from vid2vid_renderer.admission import Admission

BATCH_BUCKETS = (1, 2, 4, 6, 8, 12, 16)
"""Frames per inference request; 16 is the contract's largest."""

QUEUES = ("tracked", "decoded", "rendered")
"""Queues of a render: before the generator, beside it (side by side only), and before the encoder."""

Waiting = Callable[[], int]
"""Says how many frames wait in one queue."""


class RenderMetrics:
    """One service's metrics; every render adds to the same ones."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Register the metrics.

        Args:
            registry: Where they are read; a new one if unset.
        """
        self.registry = registry or CollectorRegistry()
        self.frames = Counter(
            "vid2vid_rendered_frames",
            "Frames that were written into a result.",
            ["model", "version"],
            registry=self.registry,
        )
        self._stage_seconds = Counter(
            "vid2vid_stage_busy_seconds",
            "Time that a stage spent at work, not waiting for its neighbours.",
            ["stage"],
            registry=self.registry,
        )
        self.batch_frames = Histogram(
            "vid2vid_inference_batch_frames",
            "Frames per inference request.",
            buckets=BATCH_BUCKETS,
            registry=self.registry,
        )
        self.upload_bytes = Counter(
            "vid2vid_upload_bytes", "Size of the clips that were received whole.", registry=self.registry
        )
        self._active = Gauge(
            "vid2vid_renders_active", "Renders under way, from their admission on.", registry=self.registry
        )
        self._limit = Gauge("vid2vid_renders_limit", "Renders that may run at the same time.", registry=self.registry)
        self._queues = _QueueWatch(self.registry)
        ProcessCollector(registry=self.registry)

    def watch_admission(self, admission: Admission) -> None:
        """Read the renders under way from here."""
        self._active.set_function(lambda: admission.active)
        self._limit.set(admission.limit)

    def watch_queues(self, waiting: Mapping[str, Waiting]) -> Callable[[], None]:
        """Count the frames in a render's queues (:data:`QUEUES`) until the returned function is called."""
        return self._queues.watch(waiting)

    def busy(self, stage: str) -> Callable[[float], None]:
        """A function that counts seconds as a stage's work."""
        return self._stage_seconds.labels(stage).inc


class _QueueWatch:
    """A gauge per queue name that asks every render's queue when it is read: nothing to do for each frame."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lock = threading.Lock()
        self._renders: list[Mapping[str, Waiting]] = []
        gauge = Gauge(
            "vid2vid_queue_frames",
            "Frames that wait between two stages, over all renders.",
            ["queue"],
            registry=registry,
        )
        for name in QUEUES:
            gauge.labels(name).set_function(partial(self._waiting, name))

    def watch(self, waiting: Mapping[str, Waiting]) -> Callable[[], None]:
        with self._lock:
            self._renders.append(waiting)
        return lambda: self._forget(waiting)

    def _forget(self, waiting: Mapping[str, Waiting]) -> None:
        with self._lock:
            self._renders = [render for render in self._renders if render is not waiting]

    def _waiting(self, name: str) -> int:
        with self._lock:
            return sum(render[name]() for render in self._renders if name in render)
