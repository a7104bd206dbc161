"""What a render is asked to do and what it reports back: plain values between the wire and the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from vid2vid_core.crop import CropMode
from vid2vid_core.landmarks_client import TrackSummary
from vid2vid_core.media.audio import AudioHandling
from vid2vid_renderer.generator import ResolvedModel


class Layout(Enum):
    """What stands in the output picture."""

    SINGLE = "single"
    """The rendered frame alone."""
    SIDE_BY_SIDE = "side-by-side"
    """Content, mask and rendered frame, left to right."""


class RenderStage(Enum):
    """How far a render has come."""

    UPLOADING = "uploading"
    """The content video is being received."""
    ANALYSING = "analysing"
    """The face is being looked for in the whole clip."""
    RENDERING = "rendering"
    """Frames run through landmarks, generator and encoder at once."""
    MUXING = "muxing"
    """The file is being finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOrder:
    """One render: everything that its stages need to know."""

    content: Path
    """The content video."""
    output: Path
    """The MP4 to write."""
    model: ResolvedModel
    """The pinned model version."""
    layout: Layout = Layout.SINGLE
    """What stands in the output picture."""
    crop_mode: CropMode = "portrait"
    """How the square around the content's face is chosen."""
    retarget: bool = True
    """Whether the content's motion is mapped onto the style's face."""
    render_id: str = ""
    """Names this render in the logs of every service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderReport:
    """What a finished render amounts to."""

    tracking: TrackSummary
    """The landmark service's counts."""
    width: int
    """Of the output picture, in pixels."""
    height: int
    """Of the output picture, in pixels."""
    audio: AudioHandling
    """What became of the content's audio."""
    stage_seconds: Mapping[str, float]
    """Busy time of each stage; stages overlap."""
    mean_batch_size: float
    """Average number of frames per inference request."""
