"""One Render call from its settings to its summary."""

from __future__ import annotations

import contextvars
import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc

from vid2vid.renderer.v1 import renderer_pb2 as pb
from vid2vid_core.errors import RenderCancelled, Vid2VidError
from vid2vid_core.logging import current_render_id, get_logger
from vid2vid_core.rpc.uploads import TimedRequests, file_chunks, first_message, spool, work_folder
from vid2vid_renderer.convert import (
    RequestedRender,
    accepted_message,
    progress_message,
    requested_render,
    summary_message,
)
from vid2vid_renderer.generator import Generator, ResolvedModel
from vid2vid_renderer.order import RenderOrder, RenderReport, RenderStage
from vid2vid_renderer.pipeline import RenderPipeline, RunningRender
from vid2vid_renderer.progress import Progress
from vid2vid_renderer.readiness import PeerCheck
from vid2vid_renderer.retries import ask_again

PROGRESS_INTERVAL_S = 0.25

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderParts:
    """What every call works with."""

    generator: Generator
    """Resolves the model."""
    pipeline: RenderPipeline
    """Renders."""
    check_landmarks: PeerCheck
    """Asked before the upload is read."""
    max_upload_bytes: int
    """Largest content video."""
    upload_idle_timeout_s: float = 30.0
    """Longest wait for the settings, and for every further 64 KiB of the content video."""
    temp_dir: str | None = None
    """Folder for uploads and results in the making."""


def render_responses(
    parts: RenderParts, requests: Iterator[pb.RenderRequest], context: grpc.ServicerContext
) -> Iterator[pb.RenderResponse]:
    """The answers to one Render call, in the contract's order.

    Raises:
        Vid2VidError: Any refusal or failure; nothing of the call is left behind.
    """
    with TimedRequests(requests, parts.upload_idle_timeout_s) as timed:
        yield from _render_responses(parts, timed, context)


def _render_responses(
    parts: RenderParts, requests: TimedRequests[pb.RenderRequest], context: grpc.ServicerContext
) -> Iterator[pb.RenderResponse]:
    request = requested_render(first_message(requests).settings)
    model = parts.generator.resolve(request.model, request.version)
    ask_again(parts.check_landmarks)
    render_id = current_render_id()
    _log.info("render accepted", model=model.name, version=model.version, layout=request.layout.value)
    yield accepted_message(render_id, request, model, parts.max_upload_bytes)
    yield progress_message(Progress(stage=RenderStage.UPLOADING))
    with work_folder(parts.temp_dir) as folder:
        order = _order(folder, request, model, render_id)
        size = _receive(requests, order.content, parts.max_upload_bytes, context)
        parts.pipeline.metrics.upload_bytes.inc(size)
        yield from _render(parts.pipeline, order, context)


def _order(folder: Path, request: RequestedRender, model: ResolvedModel, render_id: str) -> RenderOrder:
    return RenderOrder(
        content=folder / "content",
        output=folder / "result.mp4",
        model=model,
        layout=request.layout,
        crop_mode=request.crop_mode,
        retarget=request.retarget,
        render_id=render_id,
    )


def _receive(requests: Iterator[pb.RenderRequest], path: Path, max_bytes: int, context: grpc.ServicerContext) -> int:
    size = spool(requests, path, max_bytes=max_bytes)
    if not context.is_active():  # the request stream of a cancelled call may look complete
        raise _caller_left()
    _log.info("content received", bytes=size)
    return size


def _render(pipeline: RenderPipeline, order: RenderOrder, context: grpc.ServicerContext) -> Iterator[pb.RenderResponse]:
    started = time.monotonic()
    render = pipeline.start(order)
    try:
        _cancel_with_call(context, render.cancel)
        yield from _progress(render)
        report = render.report()
    finally:
        render.close()
    elapsed_s = time.monotonic() - started
    _log.info("rendered", frames=report.tracking.frame_count, elapsed_s=round(elapsed_s, 2))
    yield from _result(order, report, elapsed_s)


def _progress(render: RunningRender) -> Iterator[pb.RenderResponse]:
    last: Progress | None = None
    while True:
        finished = render.wait(PROGRESS_INTERVAL_S)
        progress = render.progress()
        if finished:
            return
        if progress != last:
            yield progress_message(progress)
        last = progress


def _result(order: RenderOrder, report: RenderReport, elapsed_s: float) -> Iterator[pb.RenderResponse]:
    digest, size = hashlib.sha256(), 0
    count = report.tracking.frame_count
    yield progress_message(
        Progress(
            stage=RenderStage.MUXING,
            frames_done=count,
            frames_total=count,
            frames_per_second=count / elapsed_s if elapsed_s > 0 else 0.0,
        )
    )
    for chunk in file_chunks(order.output):
        digest.update(chunk)
        size += len(chunk)
        yield pb.RenderResponse(chunk=chunk)
    yield summary_message(order.model, report, result_bytes=size, result_sha256=digest.hexdigest(), elapsed_s=elapsed_s)


def _cancel_with_call(context: grpc.ServicerContext, cancel: Callable[[Vid2VidError], None]) -> None:
    """Stop the render when the call ends, however it ends; after a finished render that has no effect."""
    log_context = contextvars.copy_context()  # gRPC calls back from a thread that knows no render id
    if not context.add_callback(lambda: log_context.run(cancel, _caller_left())):
        cancel(_caller_left())


def _caller_left() -> RenderCancelled:
    return RenderCancelled("the caller cancelled, or its deadline passed")
