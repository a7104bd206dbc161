"""The renderer as a real gRPC server in this process, around whatever parts a test brings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vid2vid_core.landmarks_client import Landmarks
from vid2vid_core.rpc.server import GrpcServer
from vid2vid_renderer.__main__ import register
from vid2vid_renderer.admission import Admission
from vid2vid_renderer.ffmpeg_media import FfmpegMedia
from vid2vid_renderer.generator import Generator
from vid2vid_renderer.media import Media
from vid2vid_renderer.pipeline import PipelineLimits, RenderPipeline
from vid2vid_renderer.render_call import RenderParts
from vid2vid_renderer.servicer import SERVICE, RenderServicer
from vid2vid_renderer.settings import RendererSettings


@dataclass(frozen=True, kw_only=True)
class RendererServer:
    """A running renderer."""

    target: str
    """``host:port``."""
    temp_dir: Path
    """Where it keeps uploads and results; empty between calls."""
    admission: Admission
    """Renders under way."""
    server: GrpcServer
    """Its gRPC shell."""


@contextmanager
def running_renderer(
    folder: Path,
    *,
    generator: Generator,
    landmarks: Landmarks,
    media: Media | None = None,
    check_landmarks: Callable[[], None] = lambda: None,
    limits: PipelineLimits | None = None,
    max_concurrent_calls: int = 2,
    max_upload_bytes: int = 2**20,
    upload_idle_timeout_s: float = 30.0,
    drain_timeout_s: float = 0.0,
    tls: tuple[Path, Path] | None = None,
) -> Iterator[RendererServer]:
    """Serve on a free port; at the end drain, which cancels what still runs after the time given.

    ``tls`` names the certificate's file and its key's.
    """
    temp_dir = folder / "renderer-temp"
    temp_dir.mkdir()
    pipeline = RenderPipeline(
        landmarks=landmarks,
        generator=generator,
        media=media or FfmpegMedia(),
        limits=limits or PipelineLimits(batch_size=4),
    )
    parts = RenderParts(
        generator=generator,
        pipeline=pipeline,
        check_landmarks=check_landmarks,
        max_upload_bytes=max_upload_bytes,
        upload_idle_timeout_s=upload_idle_timeout_s,
        temp_dir=str(temp_dir),
    )
    admission = Admission(max_concurrent_calls)
    servicer = RenderServicer(parts, admission)
    certificate, key = tls or (None, None)
    settings = RendererSettings(
        listen="127.0.0.1:0",
        max_concurrent_calls=max_concurrent_calls,
        drain_timeout_s=drain_timeout_s,
        tls_certificate=certificate,
        tls_key=key,
    )
    server = GrpcServer(settings, [SERVICE], lambda grpc_server: register(servicer, grpc_server))
    port = server.start()
    try:
        yield RendererServer(target=f"127.0.0.1:{port}", temp_dir=temp_dir, admission=admission, server=server)
    finally:
        server.drain()
