"""Between the wire's messages and the renderer's own values. Nothing further in sees a protobuf message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from vid2vid.renderer.v1 import renderer_pb2 as pb
from vid2vid_core.crop import CropMode
from vid2vid_core.errors import InvalidSettings
from vid2vid_core.identifiers import validate_model_name, validate_version
from vid2vid_core.media.audio import AudioHandling
from vid2vid_renderer.generator import ModelState, ModelStatus, ResolvedModel, VersionStatus
from vid2vid_renderer.order import Layout, RenderReport, RenderStage
from vid2vid_renderer.progress import Progress

T = TypeVar("T")

_LAYOUTS: dict[int, Layout] = {
    pb.LAYOUT_UNSPECIFIED: Layout.SINGLE,
    pb.LAYOUT_SINGLE: Layout.SINGLE,
    pb.LAYOUT_SIDE_BY_SIDE: Layout.SIDE_BY_SIDE,
}
_CROP_MODES: dict[int, CropMode] = {
    pb.CROP_MODE_UNSPECIFIED: "portrait",
    pb.CROP_MODE_PORTRAIT: "portrait",
    pb.CROP_MODE_NONE: "none",
}
_RETARGET_MODES: dict[int, bool] = {
    pb.RETARGET_MODE_UNSPECIFIED: True,
    pb.RETARGET_MODE_ON: True,
    pb.RETARGET_MODE_OFF: False,
}
_STAGES = {
    RenderStage.UPLOADING: pb.RENDER_STAGE_UPLOADING,
    RenderStage.ANALYSING: pb.RENDER_STAGE_ANALYSING,
    RenderStage.RENDERING: pb.RENDER_STAGE_RENDERING,
    RenderStage.MUXING: pb.RENDER_STAGE_MUXING,
}
_AUDIO = {
    AudioHandling.COPIED: pb.AUDIO_HANDLING_COPIED,
    AudioHandling.TRANSCODED: pb.AUDIO_HANDLING_TRANSCODED,
    AudioHandling.NONE: pb.AUDIO_HANDLING_NONE,
}
_STATES = {
    ModelState.UNKNOWN: pb.MODEL_STATE_UNSPECIFIED,
    ModelState.LOADING: pb.MODEL_STATE_LOADING,
    ModelState.READY: pb.MODEL_STATE_READY,
    ModelState.UNLOADING: pb.MODEL_STATE_UNLOADING,
    ModelState.UNAVAILABLE: pb.MODEL_STATE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedRender:
    """What a caller asks for, defaults filled in, the version not yet resolved."""

    model: str
    """The style's name, unchecked."""
    version: int
    """0 for the highest that is ready."""
    layout: Layout
    """What stands in the output picture."""
    crop_mode: CropMode
    """How the square around the content's face is chosen."""
    retarget: bool
    """Whether the content's motion is mapped onto the style's face."""


def requested_render(settings: pb.RenderSettings) -> RequestedRender:
    """Read a request's settings.

    Raises:
        InvalidModelName: A name that no model can have.
        InvalidSettings: A version that no model can have, or an enum value that this build does not know.
    """
    return RequestedRender(
        model=validate_model_name(settings.model),
        version=settings.version and validate_version(settings.version),
        layout=_known(_LAYOUTS, settings.layout, "layout"),
        crop_mode=_known(_CROP_MODES, settings.crop_mode, "crop_mode"),
        retarget=_known(_RETARGET_MODES, settings.retarget_mode, "retarget_mode"),
    )


def accepted_message(
    render_id: str, request: RequestedRender, model: ResolvedModel, max_upload_bytes: int
) -> pb.RenderResponse:
    """The first answer: the effective settings."""
    settings = pb.RenderSettings(
        model=model.name,
        version=model.version,
        layout=pb.LAYOUT_SINGLE if request.layout is Layout.SINGLE else pb.LAYOUT_SIDE_BY_SIDE,
        crop_mode=pb.CROP_MODE_PORTRAIT if request.crop_mode == "portrait" else pb.CROP_MODE_NONE,
        retarget_mode=pb.RETARGET_MODE_ON if request.retarget else pb.RETARGET_MODE_OFF,
    )
    accepted = pb.RenderAccepted(render_id=render_id, settings=settings, max_upload_bytes=max_upload_bytes)
    return pb.RenderResponse(accepted=accepted)


def progress_message(progress: Progress) -> pb.RenderResponse:
    """A moment of a render."""
    return pb.RenderResponse(
        progress=pb.RenderProgress(
            stage=_STAGES[progress.stage],
            frames_done=progress.frames_done,
            frames_total=progress.frames_total,
            frames_per_second=progress.frames_per_second,
        )
    )


def summary_message(
    model: ResolvedModel, report: RenderReport, *, result_bytes: int, result_sha256: str, elapsed_s: float
) -> pb.RenderResponse:
    """The last answer."""
    tracking = report.tracking
    return pb.RenderResponse(
        summary=pb.RenderSummary(
            frame_count=tracking.frame_count,
            detected_count=tracking.detected_count,
            interpolated_count=tracking.interpolated_count,
            held_count=tracking.held_count,
            multiple_face_count=tracking.multiple_face_count,
            model=model.name,
            version=model.version,
            width=report.width,
            height=report.height,
            audio=_AUDIO[report.audio],
            result_bytes=result_bytes,
            result_sha256=result_sha256,
            elapsed_seconds=elapsed_s,
            stage_seconds=[pb.StageTime(name=name, seconds=s) for name, s in sorted(report.stage_seconds.items())],
            mean_batch_size=report.mean_batch_size,
        )
    )


def model_message(status: ModelStatus) -> pb.Model:
    """One style."""
    spec = None if status.card is None else status.card.mask_spec
    return pb.Model(
        name=status.name,
        versions=[_version_message(status, version) for version in status.versions],
        size=0 if spec is None else spec.size,
        mask_spec_hash="" if spec is None else spec.hash,
        max_batch_size=status.max_batch_size,
    )


def _version_message(status: ModelStatus, version: VersionStatus) -> pb.ModelVersion:
    card = None if status.card is None else status.card.versions.get(version.version)
    return pb.ModelVersion(
        version=version.version,
        state=_STATES[version.state],
        reason=version.reason,
        device=version.device,
        training_run="" if card is None else card.training_run,
        onnx_sha256="" if card is None else card.onnx_sha256,
    )


def _known(table: dict[int, T], value: int, field: str) -> T:
    if value not in table:
        allowed = ", ".join(str(number) for number in sorted(table))
        raise InvalidSettings(f"{field} {value} is not known; allowed are {allowed}", field=field, value=value)
    return table[value]
