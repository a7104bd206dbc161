"""What the main job is asked for, checked before anything long begins."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from vid2vid_core.errors import ConfigurationError, InvalidSettings, OutputNotWritable
from vid2vid_core.identifiers import validate_model_name
from vid2vid_core.media import VideoInfo, probe

MINUTES = (0.05, 600.0)
"""Shortest and longest training."""


RECIPES = ("debug", "fast", "balanced")
"""What the trainer offers; a test compares. Asking the trainer itself would cost a second before the first word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """The main job's settings."""

    out: Path
    """Folder for everything that the job makes."""
    style: Path | None = None
    """None makes one."""
    content: Path | None = None
    """None makes one."""
    model: str = "demo"
    """Name of the style in Triton."""
    recipe: str = "fast"
    """The trainer's recipe."""
    minutes: float | None = None
    """Length of the training; None leaves it to the recipe."""
    images: int | None = None
    """Ends the training after this many images instead."""
    size: int = 256
    """Width and height of the rendered picture in pixels."""
    keep_models: bool = False
    """Publish into the checkout's model repository instead of one that is thrown away."""


def check_options(options: JobOptions) -> None:
    """Refuse what can't succeed, and make the output folder.

    Raises:
        Vid2VidError: One line that names the value and what is allowed.
    """
    validate_model_name(options.model)
    if options.minutes is not None and not MINUTES[0] <= options.minutes <= MINUTES[1]:
        raise InvalidSettings(f"minutes {options.minutes:g}: allowed are {MINUTES[0]:g} to {MINUTES[1]:g}")
    if options.size not in range(64, 1025, 16):
        raise InvalidSettings(f"size {options.size}: allowed are 64 to 1024 in steps of 16")
    if options.recipe not in RECIPES:
        raise InvalidSettings(f"recipe {options.recipe!r}: allowed are {', '.join(RECIPES)}")
    if options.minutes is not None and options.images is not None:
        raise InvalidSettings("minutes and images: only one of them can end the training")
    for program in ("ffmpeg", "ffprobe"):
        if shutil.which(program) is None:
            raise ConfigurationError(f"{program} is not installed; run 'make setup'")
    for role, clip in (("style", options.style), ("content", options.content)):
        if clip is not None:
            check_clip(role, clip, options.out)
    check_folder(options.out)


def check_clip(role: str, clip: Path, out: Path) -> VideoInfo:
    """Probe a clip that was given.

    Raises:
        Vid2VidError: It is no video, or the job would overwrite it.
    """
    if clip.resolve().parent == out.resolve() and clip.name in OUTPUT_NAMES:
        raise InvalidSettings(f"{role} video {clip} would be overwritten; choose another output folder or name")
    return probe(clip, name=f"{role} video {clip}")


def check_folder(out: Path) -> None:
    """Make the output folder and try to write into it.

    Raises:
        OutputNotWritable: That fails.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise OutputNotWritable(f"output folder {out} can't be written: {error.strerror}") from None


OUTPUT_NAMES = frozenset({"result.mp4", "side_by_side.mp4", "contact_sheet.png", "summary.json"})
"""What every job writes; the clips that it makes come on top."""
