"""Assembles the service: workers, servicer, gRPC server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vid2vid.landmarks.v1 import landmarks_pb2_grpc as pb_grpc
from vid2vid_core.rpc.server import GrpcServer
from vid2vid_landmarks.detector import find_predictor
from vid2vid_landmarks.metrics import LandmarkMetrics
from vid2vid_landmarks.servicer import SERVICE_NAME, LandmarkServicer
from vid2vid_landmarks.settings import LandmarksSettings
from vid2vid_landmarks.workers import WorkerPool


@contextmanager
def running_pool(settings: LandmarksSettings, metrics: LandmarkMetrics | None = None) -> Iterator[WorkerPool]:
    """The detector processes, stopped at the end.

    Raises:
        ConfigurationError: There is no usable predictor.
    """
    pool = WorkerPool(settings.workers, find_predictor(settings.predictor), metrics)
    try:
        yield pool
    finally:
        pool.close()


def make_server(settings: LandmarksSettings, pool: WorkerPool) -> GrpcServer:
    """A server that is ready to start; it serves the pool's metrics as its own."""
    servicer = LandmarkServicer(settings, pool, pool.metrics)
    return GrpcServer(
        settings,
        [SERVICE_NAME],
        lambda server: pb_grpc.add_LandmarkServiceServicer_to_server(servicer, server),
        registry=pool.metrics.registry,
    )
