"""The gRPC edge: receives a clip, hands it to the pipeline, sends what comes out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from vid2vid.landmarks.v1 import landmarks_pb2 as pb
from vid2vid.landmarks.v1 import landmarks_pb2_grpc as pb_grpc
from vid2vid_core.errors import QueueFull
from vid2vid_core.logging import get_logger
from vid2vid_core.rpc.uploads import TimedRequests, first_message, spool, work_folder
from vid2vid_landmarks.convert import frames_to_pb, header_to_pb, options_from_pb, summary_to_pb
from vid2vid_landmarks.metrics import LandmarkMetrics
from vid2vid_landmarks.pipeline import ClipTracking, TrackOptions
from vid2vid_landmarks.segments import Cancellation
from vid2vid_landmarks.settings import LandmarksSettings
from vid2vid_landmarks.workers import WorkerPool

SERVICE_NAME = "vid2vid.landmarks.v1.LandmarkService"

_log = get_logger(__name__)


class LandmarkServicer(pb_grpc.LandmarkServiceServicer):
    """``vid2vid.landmarks.v1.LandmarkService``."""

    def __init__(self, settings: LandmarksSettings, pool: WorkerPool, metrics: LandmarkMetrics | None = None) -> None:
        """Serve with these workers."""
        self._metrics = metrics or LandmarkMetrics()
        self._settings = settings
        self._pool = pool
        self._calls = threading.BoundedSemaphore(settings.max_concurrent_calls)

    def TrackVideo(  # noqa: N802 - gRPC's name
        self, request_iterator: Iterator[pb.TrackVideoRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.TrackVideoResponse]:
        """One clip in, one mask and one landmark set per frame out, in order.

        Raises:
            Vid2VidError: See the proto; the server's interceptor turns it into a status.
        """
        cancellation = Cancellation()
        # The callback comes at every end of the call, also the good one, when there is nothing left to close.
        if not context.add_callback(cancellation.cancel):
            cancellation.cancel()
        with self._admitted(), work_folder(self._settings.temp_dir) as folder:
            path = folder / "upload"
            options = self._receive(request_iterator, path)
            with self._pool.share() as share, cancellation.closing(share.close):
                tracking = ClipTracking(
                    path,
                    options,
                    settings=self._settings,
                    pool=self._pool,
                    share=share,
                    cancellation=cancellation,
                )
                yield header_to_pb(tracking.header)
                yield from frames_to_pb(tracking)
                summary = tracking.summary
                _log.info("clip done", frames=summary.frame_count, seconds=round(summary.elapsed_s, 3))
                self._metrics.count_clip(summary)
                yield summary_to_pb(summary)

    def _receive(self, request_iterator: Iterator[pb.TrackVideoRequest], path: Path) -> TrackOptions:
        with TimedRequests(request_iterator, self._settings.upload_idle_timeout_s) as requests:
            options = options_from_pb(first_message(requests).settings)
            with self._metrics.stage("upload"):
                size = spool(requests, path, max_bytes=self._settings.max_upload_bytes)
        self._metrics.upload_bytes.inc(size)
        _log.info("clip received", bytes=size)
        return options

    @contextmanager
    def _admitted(self) -> Iterator[None]:
        if not self._calls.acquire(blocking=False):
            limit = self._settings.max_concurrent_calls
            raise QueueFull(f"{limit} clips are being tracked, the most that is allowed: try again later", limit=limit)
        try:
            yield
        finally:
            self._calls.release()
