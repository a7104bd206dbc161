"""Makes the demo's two clips, offline: a style video and a content video that differ in look and face geometry.

``python -m vid2vid_demo.clips --out FOLDER`` writes ``style.mp4`` and ``content.mp4``.
"""

from __future__ import annotations

import sys
import tempfile
import wave
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from vid2vid_core.errors import InvalidSettings, OutputNotWritable, Vid2VidError
from vid2vid_core.media import AudioHandling, VideoWriter
from vid2vid_demo.looks import CONTENT_LOOK, STYLE_LOOK, Look, dress
from vid2vid_demo.performance import Moment, Temperament, perform
from vid2vid_demo.portrait import Layers, cut_layers
from vid2vid_demo.puppet import Puppet
from vid2vid_demo.speech import SAMPLE_RATE, Samples, Syllable, plan_speech, synthesise

RATE = Fraction(25)
"""Frames per second of both clips."""
SIZES = range(96, 1025, 2)
"""Sides that a clip may have, in pixels."""
LENGTHS_S = (1.0, 600.0)
"""Shortest and longest clip, in seconds."""

Progress = Callable[[int, int], None]
"""Told the frames that are done and how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipPlan:
    """One clip to make."""

    look: Look
    temperament: Temperament
    seconds: float
    pitch: float
    """Of the voice, in Hz."""
    seed: int
    size: int = 320
    """Width and height in pixels."""

    def __post_init__(self) -> None:
        """Refuse what can't be made.

        Raises:
            InvalidSettings: The size or the length is out of range.
        """
        if self.size not in SIZES:
            allowed = f"allowed are even numbers from {SIZES[0]} to {SIZES[-1]}"
            raise InvalidSettings(f"clip of {self.size} pixels: {allowed}")
        if not LENGTHS_S[0] <= self.seconds <= LENGTHS_S[1]:
            raise InvalidSettings(f"clip of {self.seconds:g} s: allowed are {LENGTHS_S[0]:g} to {LENGTHS_S[1]:g} s")

    @property
    def frame_count(self) -> int:
        """Frames of the clip."""
        return round(self.seconds * RATE)

    def speech(self) -> tuple[Syllable, ...]:
        """What is said."""
        return plan_speech(self.seconds, self.seed)

    def moments(self) -> list[Moment]:
        """What the face does, frame by frame."""
        times = np.arange(self.frame_count) / float(RATE)
        return perform(self.speech(), times, seed=self.seed, temperament=self.temperament)


def style_plan(seconds: float = 22.0, size: int = 320) -> ClipPlan:
    """The clip that a model is trained on: long and lively, so that it covers what the content does."""
    lively = Temperament(yaw=0.22, pitch=0.11, roll=0.1, shift=6.0, zoom=0.05, blinks_per_second=0.6)
    return ClipPlan(look=STYLE_LOOK, temperament=lively, seconds=seconds, pitch=196.0, seed=11, size=size)


def content_plan(seconds: float = 8.0, size: int = 320) -> ClipPlan:
    """The clip that is spoken: another face, calmer, nearer to the camera."""
    calm = Temperament(yaw=0.18, pitch=0.09, roll=0.08, shift=4.5, zoom=0.025, nearer=1.04)
    return ClipPlan(look=CONTENT_LOOK, temperament=calm, seconds=seconds, pitch=122.0, seed=23, size=size)


def make_clip(path: Path, plan: ClipPlan, progress: Progress | None = None) -> None:
    """Write one clip: H.264 at a constant rate, with the babble's sound as AAC.

    Raises:
        Vid2VidError: The file can't be written; nothing is left of it.
    """
    puppet = Puppet(dress(_portrait(), plan.look), plan.size)
    moments = plan.moments()
    with tempfile.TemporaryDirectory(prefix="vid2vid-demo-") as folder:
        sound = Path(folder) / "speech.wav"
        write_wave(sound, synthesise(plan.speech(), plan.seconds, pitch=plan.pitch, seed=plan.seed))
        with VideoWriter(
            path,
            width=plan.size,
            height=plan.size,
            time_base=1 / RATE,
            average_rate=RATE,
            audio_from=sound,
            audio=AudioHandling.TRANSCODED,
        ) as writer:
            for pts, moment in enumerate(moments):
                writer.write(puppet.draw(moment.pose, moment.expression), pts, 1)
                if progress is not None:
                    progress(pts + 1, len(moments))


def write_wave(path: Path, samples: Samples) -> None:
    """16-bit mono PCM at SAMPLE_RATE from samples in -1..1."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


@cache
def _portrait() -> Layers:
    cv2.setNumThreads(1)  # pictures are small: more threads cost more than they bring, and ffmpeg needs the other core
    return cut_layers()


def run(
    out: Annotated[Path, typer.Option(help="Folder for style.mp4 and content.mp4.")],
    style_seconds: Annotated[float, typer.Option(help="Length of the style video.")] = 22.0,
    content_seconds: Annotated[float, typer.Option(help="Length of the content video.")] = 8.0,
    size: Annotated[int, typer.Option(help="Width and height in pixels.")] = 320,
) -> None:
    """Make a style video and a content video of a talking face, without any input."""
    try:
        plans = {"style.mp4": style_plan(style_seconds, size), "content.mp4": content_plan(content_seconds, size)}
        _make_folder(out)
        for name, plan in plans.items():
            make_clip(out / name, plan)
            print(out / name)
    except Vid2VidError as error:
        sys.exit(f"clips: error: {error.message}")
    except KeyboardInterrupt:
        sys.exit("clips: interrupted")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputNotWritable(f"{folder} can't be written: {error.strerror}") from None


if __name__ == "__main__":
    typer.run(run)
