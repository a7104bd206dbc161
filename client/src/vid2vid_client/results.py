"""What a render is asked for, how far it is and what it came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from vid2vid.renderer.v1 import renderer_pb2 as pb
from vid2vid_core.crop import CropMode
from vid2vid_core.errors import InvalidSettings

Layout = Literal["single", "side-by-side"]
"""``single``: the rendered frame alone; ``side-by-side``: content, mask and rendered frame."""

Stage = Literal["uploading", "analysing", "rendering", "muxing"]
"""Step of a render."""

_LAYOUTS: dict[str, pb.Layout] = {"single": pb.LAYOUT_SINGLE, "side-by-side": pb.LAYOUT_SIDE_BY_SIDE}
_CROP_MODES: dict[str, pb.CropMode] = {"portrait": pb.CROP_MODE_PORTRAIT, "none": pb.CROP_MODE_NONE}
_STAGES: dict[int, Stage] = {
    pb.RENDER_STAGE_UPLOADING: "uploading",
    pb.RENDER_STAGE_ANALYSING: "analysing",
    pb.RENDER_STAGE_RENDERING: "rendering",
    pb.RENDER_STAGE_MUXING: "muxing",
}
_AUDIO: dict[int, str] = {
    pb.AUDIO_HANDLING_COPIED: "copied",
    pb.AUDIO_HANDLING_TRANSCODED: "transcoded",
    pb.AUDIO_HANDLING_NONE: "none",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderProgress:
    """A moment of a render."""

    stage: Stage
    """What is going on."""
    done: int
    """Bytes while uploading, frames otherwise."""
    total: int
    """How many there are, 0 while unknown."""
    frames_per_second: float = 0.0
    """Since the stage began; 0 for bytes."""


ProgressCallback = Callable[[RenderProgress], None]
"""Called from the thread that waits for the render and, during the upload, from the one that sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderResult:
    """A finished render."""

    output: Path
    """The file, complete."""
    render_id: str
    """Names this render in the logs of every service."""
    model: str
    """The style."""
    version: int
    """The version that rendered every frame."""
    frame_count: int
    """As many as the content video has."""
    detected_count: int
    """Content frames with a face that was found."""
    interpolated_count: int
    """Content frames bridged between two detections."""
    held_count: int
    """Content frames that repeat the nearest detection."""
    multiple_face_count: int
    """Searched content frames that showed more than one face."""
    width: int
    """Of the picture, in pixels."""
    height: int
    """Of the picture, in pixels."""
    audio: str
    """``copied``, ``transcoded`` or ``none``."""
    size_bytes: int
    """Of the file."""
    sha256: str
    """Of the file."""
    elapsed_s: float
    """From the end of the upload to the finished file at the renderer."""
    stage_seconds: Mapping[str, float]
    """Busy time of each stage; stages overlap."""
    mean_batch_size: float
    """Average number of frames per inference request."""

    @property
    def frames_per_second(self) -> float:
        """Frames per second of the whole render."""
        return self.frame_count / self.elapsed_s if self.elapsed_s > 0 else 0.0


def settings_message(
    *, model: str, version: int | None, layout: Layout, crop: CropMode, retarget: bool
) -> pb.RenderSettings:
    """The wire's form of a request.

    Raises:
        InvalidSettings: A value outside its range.
    """
    if version is not None and not 1 <= version < 2**31:
        raise InvalidSettings(f"version {version}: allowed are 1 to {2**31 - 1}, or none", version=version)
    if layout not in _LAYOUTS:
        raise InvalidSettings(f"layout {layout!r}: allowed are {', '.join(get_args(Layout))}", layout=layout)
    if crop not in _CROP_MODES:
        raise InvalidSettings(f"crop {crop!r}: allowed are {', '.join(_CROP_MODES)}", crop=crop)
    return pb.RenderSettings(
        model=model,
        version=version or 0,
        layout=_LAYOUTS[layout],
        crop_mode=_CROP_MODES[crop],
        retarget_mode=pb.RETARGET_MODE_ON if retarget else pb.RETARGET_MODE_OFF,
    )


def progress_from_pb(message: pb.RenderProgress) -> RenderProgress:
    """Read the wire's form; a stage that this build does not know counts as rendering."""
    return RenderProgress(
        stage=_STAGES.get(message.stage, "rendering"),
        done=message.frames_done,
        total=message.frames_total,
        frames_per_second=message.frames_per_second,
    )


def result_from_pb(output: Path, render_id: str, summary: pb.RenderSummary) -> RenderResult:
    """Read the wire's form."""
    return RenderResult(
        output=output,
        render_id=render_id,
        model=summary.model,
        version=summary.version,
        frame_count=summary.frame_count,
        detected_count=summary.detected_count,
        interpolated_count=summary.interpolated_count,
        held_count=summary.held_count,
        multiple_face_count=summary.multiple_face_count,
        width=summary.width,
        height=summary.height,
        audio=_AUDIO.get(summary.audio, "unknown"),
        size_bytes=summary.result_bytes,
        sha256=summary.result_sha256,
        elapsed_s=summary.elapsed_seconds,
        stage_seconds={stage.name: stage.seconds for stage in summary.stage_seconds},
        mean_batch_size=summary.mean_batch_size,
    )
