"""Start the renderer: ``vid2vid-renderer``. Settings come from the environment; see the README."""

from __future__ import annotations

import sys

import grpc

from vid2vid.renderer.v1 import renderer_pb2_grpc as pb_grpc
from vid2vid_core.errors import Vid2VidError
from vid2vid_core.landmarks_client import LandmarksClient
from vid2vid_core.logging import configure_logging, get_logger
from vid2vid_core.rpc.server import GrpcServer
from vid2vid_core.usage import check_arguments
from vid2vid_renderer.admission import Admission
from vid2vid_renderer.ffmpeg_media import FfmpegMedia
from vid2vid_renderer.generator_client import TritonGenerator
from vid2vid_renderer.metrics import RenderMetrics
from vid2vid_renderer.pipeline import PipelineLimits, RenderPipeline
from vid2vid_renderer.readiness import LandmarksHealth, ReadinessWatch
from vid2vid_renderer.render_call import RenderParts
from vid2vid_renderer.servicer import SERVICE, RenderServicer
from vid2vid_renderer.settings import RendererSettings
from vid2vid_renderer.triton_metrics import TritonDevices

_JOB = "Serves rendering of fake clips over gRPC, until SIGTERM. Everything is set in the environment."


def main() -> None:
    """Run until SIGTERM or SIGINT; a wrong setting ends with status 1 and one line."""
    check_arguments("vid2vid-renderer", _JOB, RendererSettings)
    try:
        settings = RendererSettings.from_environment()
        configure_logging("renderer", level=settings.log_level, log_format=settings.log_format)
        serve(settings)
    except Vid2VidError as error:
        sys.exit(f"vid2vid-renderer: error: {error.message}")


def serve(settings: RendererSettings) -> None:
    """Assemble the service, serve until a signal, drain."""
    get_logger(__name__).info("settings", **settings.model_dump())
    generator = TritonGenerator(
        settings.triton,
        peer_timeout_s=settings.peer_timeout_s,
        devices=TritonDevices(settings.triton_metrics),
        control_key=settings.triton_control_key,
    )
    landmarks = LandmarksClient(settings.landmarks)
    landmarks_health = LandmarksHealth(settings.landmarks, timeout_s=settings.peer_timeout_s)
    metrics = RenderMetrics()
    servicer = build_servicer(settings, generator, landmarks, landmarks_health, metrics)
    server = GrpcServer(
        settings, [SERVICE], lambda grpc_server: register(servicer, grpc_server), registry=metrics.registry
    )
    watch = ReadinessWatch(
        [generator.check, landmarks_health],
        lambda ready: server.set_ready(SERVICE, ready=ready),
        interval_s=settings.readiness_interval_s,
    )
    server.start()
    watch.start()
    server.serve_until_signal()
    watch.stop()
    landmarks_health.close()
    landmarks.close()
    generator.close()


def build_servicer(
    settings: RendererSettings,
    generator: TritonGenerator,
    landmarks: LandmarksClient,
    landmarks_health: LandmarksHealth,
    metrics: RenderMetrics,
) -> RenderServicer:
    """Put the parts of a servicer together."""
    pipeline = RenderPipeline(
        landmarks=landmarks,
        generator=generator,
        media=FfmpegMedia(settings.media_limits),
        limits=PipelineLimits(
            batch_size=settings.batch_size,
            inflight=settings.inflight,
            queue_depth=settings.queue_depth,
            infer_timeout_s=settings.infer_timeout_s,
        ),
        label_output=settings.label_output,
        metrics=metrics,
    )
    parts = RenderParts(
        generator=generator,
        pipeline=pipeline,
        check_landmarks=landmarks_health,
        max_upload_bytes=settings.max_upload_bytes,
        upload_idle_timeout_s=settings.upload_idle_timeout_s,
        temp_dir=settings.temp_dir,
    )
    admission = Admission(settings.max_concurrent_calls)
    metrics.watch_admission(admission)
    return RenderServicer(parts, admission)


def register(servicer: RenderServicer, server: grpc.Server) -> None:
    """Add the servicer to a gRPC server."""
    pb_grpc.add_RenderServiceServicer_to_server(servicer, server)


if __name__ == "__main__":
    main()
