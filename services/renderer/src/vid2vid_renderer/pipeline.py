"""A render: landmarks, generator and encoder (and a decoder, side by side) at work at the same time.

::

    content ─► landmark stream ─► queue ─► batches in flight ─► queue ─► encoder ─► MP4
            └► decoder (side by side) ──────────────────────► queue ──┘

Every arrow is bounded, so memory follows queue depth and the slowest stage sets the pace.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from vid2vid_core.errors import InternalError, MaskSpecMismatch, RenderCancelled, Vid2VidError
from vid2vid_core.frames import VideoFrame
from vid2vid_core.landmarks_client import Landmarks, TrackedFrame, TrackHeader, Tracking, TrackSummary
from vid2vid_core.logging import get_logger
from vid2vid_core.media.probe import VideoInfo
from vid2vid_renderer.generator import Generator
from vid2vid_renderer.inference_stage import InferenceStage, RenderedFrame
from vid2vid_renderer.labels import output_metadata
from vid2vid_renderer.layout import compose, picture_size
from vid2vid_renderer.media import Media, ResultWriter
from vid2vid_renderer.metrics import RenderMetrics
from vid2vid_renderer.order import Layout, RenderOrder, RenderReport, RenderStage
from vid2vid_renderer.progress import Progress, ProgressMeter
from vid2vid_renderer.stages import BusyClock, Handover, StageGroup, StageQueue

_JOIN_TIMEOUT_S = 10.0

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineLimits:
    """How much a render may have under way."""

    batch_size: int = 8
    """Frames per inference request."""
    inflight: int = 3
    """Inference requests at the same time."""
    queue_depth: int = 32
    """Frames between two stages."""
    infer_timeout_s: float = 120.0
    """Deadline of an inference request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderPipeline:
    """The parts that renders are made of. Shared by all of them; every render has its own threads and queues."""

    landmarks: Landmarks
    """The landmark service."""
    generator: Generator
    """Triton."""
    media: Media
    """Decoder and encoder."""
    limits: PipelineLimits = PipelineLimits()
    """How much a render may have under way."""
    label_output: bool = True
    """Whether the result says that it is AI-generated."""
    metrics: RenderMetrics = field(default_factory=RenderMetrics)
    """Counts what all renders do."""

    def start(self, order: RenderOrder) -> RunningRender:
        """Start a render.

        Raises:
            UnsupportedMedia, NoVideoStream, EmptyMedia, MediaTooLong, PictureTooLarge: The content can't be rendered.
        """
        render = RunningRender(self, order, self.media.probe(order.content))
        render.start()
        return render


class RunningRender:
    """One render under way. :meth:`close` must be called at the end, whatever the outcome."""

    def __init__(self, pipeline: RenderPipeline, order: RenderOrder, content: VideoInfo) -> None:
        limits, metrics = pipeline.limits, pipeline.metrics
        self._pipeline = pipeline
        self._order = order
        self._content = content
        self._group = StageGroup()
        self._meter = ProgressMeter()
        self._header: Handover[TrackHeader] = Handover(self._group)
        self._tracked: StageQueue[TrackedFrame] = StageQueue(self._group, limits.queue_depth)
        self._rendered: StageQueue[RenderedFrame] = StageQueue(self._group, limits.queue_depth)
        self._decoded: StageQueue[VideoFrame] = StageQueue(self._group, limits.queue_depth)
        self._clocks = {name: BusyClock(metrics.busy(name)) for name in ("landmarks", "decode", "encode")}
        self._frames = metrics.frames.labels(order.model.name, order.model.version)
        self._summary: TrackSummary | None = None
        self._inference = InferenceStage(
            self._group,
            pipeline.generator,
            order.model,
            batch_size=limits.batch_size,
            inflight=limits.inflight,
            timeout_s=limits.infer_timeout_s,
            clock=BusyClock(metrics.busy("infer")),
            on_batch=metrics.batch_frames.observe,
        )
        self._forget_queues = metrics.watch_queues(
            {
                "tracked": self._tracked.waiting,
                "decoded": self._decoded.waiting,
                "rendered": self._rendered.waiting,
            }
        )

    def start(self) -> None:
        """Start every stage."""
        self._group.start("landmarks", self._track)
        self._group.start("infer", lambda: self._inference.run(self._tracked, self._rendered))
        if self._order.layout is Layout.SIDE_BY_SIDE:
            self._group.start("decode", self._decode)
        self._group.start("encode", self._encode)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end; False if it has not come after the time given."""
        return self._group.wait(timeout_s)

    def progress(self) -> Progress:
        """How far it has come."""
        return self._meter.read()

    def cancel(self, error: Vid2VidError) -> None:
        """Stop every stage; safe from any thread, and after the end."""
        self._group.stop(error)

    def close(self) -> None:
        """Stop what still runs and wait for its threads, so that nothing uses the render's files any more."""
        if not self._group.wait(0):
            self.cancel(RenderCancelled("the render was given up"))
        if not self._group.join(_JOIN_TIMEOUT_S):
            _log.error("a stage did not stop", timeout_s=_JOIN_TIMEOUT_S)
        self._forget_queues()

    def report(self) -> RenderReport:
        """What the render amounts to, after its end.

        Raises:
            Vid2VidError: What the first failing stage raised.
        """
        self._group.raise_error()
        if self._summary is None:
            raise InternalError("the render has not ended")
        width, height = picture_size(self._order.layout, self._order.model.mask_spec.size)
        seconds = {name: clock.seconds for name, clock in self._clocks.items()}
        seconds["infer"] = self._inference.clock.seconds
        if self._order.layout is Layout.SINGLE:
            del seconds["decode"]
        return RenderReport(
            tracking=self._summary,
            width=width,
            height=height,
            audio=self._content.audio_handling,
            stage_seconds=seconds,
            mean_batch_size=self._inference.mean_batch_size,
        )

    def _track(self) -> None:
        order, clock = self._order, self._clocks["landmarks"]
        with self._pipeline.landmarks.track(
            order.content,
            mask_spec=order.model.mask_spec,
            crop_mode=order.crop_mode,
            retarget_to=order.model.reference_geometry if order.retarget else None,
            render_id=order.render_id,
        ) as tracking:
            self._group.on_stop(tracking.cancel)
            with clock.busy():
                header = tracking.header
            _check_mask_spec(order, header)
            self._header.set(header)
            self._meter.enter(RenderStage.RENDERING, total=header.frame_count_from_header)
            self._pass_on_tracked(tracking)
            self._summary = tracking.summary
        self._tracked.close()

    def _pass_on_tracked(self, tracking: Tracking) -> None:
        clock, count = self._clocks["landmarks"], 0
        frames = iter(tracking)
        while True:
            with clock.busy():
                frame = next(frames, None)
            if frame is None:
                break
            if frame.landmarks.index != count:
                raise InternalError(f"the landmark service sent frame {frame.landmarks.index} instead of {count}")
            self._tracked.put(frame)
            count += 1
        if tracking.summary.frame_count != count or count == 0:
            raise InternalError(f"the landmark service sent {count} of {tracking.summary.frame_count} frames")

    def _decode(self) -> None:
        header, clock = self._header.get(), self._clocks["decode"]
        size = self._order.model.mask_spec.size
        media, content = self._pipeline.media, self._order.content
        with media.open_reader(content, self._content, crop=header.crop, size=size) as reader:
            self._group.on_stop(reader.close)
            frames = iter(reader)
            while True:
                with clock.busy():
                    frame = next(frames, None)
                if frame is None:
                    break
                self._decoded.put(frame)
        self._decoded.close()

    def _encode(self) -> None:
        header = self._header.get()
        writer = self._pipeline.media.open_writer(
            self._order.output,
            size=picture_size(self._order.layout, self._order.model.mask_spec.size),
            header=header,
            content=self._order.content,
            audio=self._content.audio_handling,
            metadata=output_metadata(self._order.model, label=self._pipeline.label_output),
        )
        self._group.on_stop(writer.abort)
        try:
            self._write_frames(writer, header.time_base)
        except BaseException:
            writer.abort()
            raise

    def _write_frames(self, writer: ResultWriter, time_base: Fraction) -> None:
        clock, count = self._clocks["encode"], 0
        for frame in self._rendered:
            content = self._content_frame(frame, time_base)
            with clock.busy():
                picture = compose(frame.rgb, frame.mask, None if content is None else content.rgb)
                writer.write(picture, frame.landmarks.pts, frame.landmarks.duration)
            self._meter.advance()
            self._frames.inc()
            count += 1
        self._check_decoder_is_done(count)
        self._meter.enter(RenderStage.MUXING, total=count, done=count)
        with clock.busy():
            writer.close()

    def _content_frame(self, frame: RenderedFrame, time_base: Fraction) -> VideoFrame | None:
        if self._order.layout is Layout.SINGLE:
            return None
        content = next(self._decoded, None)
        landmarks = frame.landmarks
        if content is None:
            raise InternalError(f"the content video ended at frame {landmarks.index}, but it has landmarks for more")
        if content.pts * content.time_base != landmarks.pts * time_base:
            raise InternalError(f"content and landmarks disagree about the time of frame {landmarks.index}")
        return content

    def _check_decoder_is_done(self, count: int) -> None:
        if self._order.layout is Layout.SIDE_BY_SIDE and next(self._decoded, None) is not None:
            raise InternalError(f"the content video has more than the {count} frames that have landmarks")


def _check_mask_spec(order: RenderOrder, header: TrackHeader) -> None:
    wanted = order.model.mask_spec
    if header.mask_spec.hash != wanted.hash:
        raise MaskSpecMismatch(
            f"model {order.model.name} needs masks of {wanted.to_json()}, "
            f"the landmark service draws {header.mask_spec.to_json()}"
        )
