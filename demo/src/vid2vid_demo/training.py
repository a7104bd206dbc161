"""The trainer as the main job's child: a process of its own, with its own progress on the terminal."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vid2vid_core.crop import Crop
from vid2vid_core.errors import InternalError

GRACE_S = 20.0
"""How long a trainer may take to end after it was asked to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """What the trainer is asked for."""

    style: Path
    model: str
    runs: Path
    """Where the run folder is made."""
    recipe: str = "fast"
    minutes: float | None = None
    images: int | None = None
    size: int = 256

    def command(self) -> list[str]:
        """Program and arguments."""
        command = [sys.executable, "-m", "vid2vid_trainer", "train", f"--style={self.style}", f"--model={self.model}"]
        command += [f"--runs={self.runs}", f"--recipe={self.recipe}", f"--size={self.size}"]
        command += [f"--minutes={self.minutes}"] if self.minutes is not None else []
        command += [f"--images={self.images}"] if self.images is not None else []
        return command


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What a training left behind."""

    run: Path
    """The run folder."""
    style_crop: Crop
    """The square of the style video that the model shows."""
    figures: Mapping[str, Any]
    """The last line of the run's metrics."""

    @property
    def images_per_second(self) -> float | None:
        """Training images per second, None where the metrics don't say."""
        images, elapsed = self.figures.get("images_seen"), self.figures.get("elapsed_s")
        return float(images) / float(elapsed) if images and elapsed else None


def train(plan: TrainingPlan, environment: Mapping[str, str]) -> Training:
    """Run the trainer to its end. However this call ends, no process of the trainer is left.

    Raises:
        InternalError: The trainer has failed and has said why, or did not leave behind what it should.
    """
    status = run_guarded(plan.command(), environment)
    if status != 0:
        raise InternalError(f"no model was trained: the trainer ended with status {status}; its own message is above")
    return read_training(plan.runs)


def run_guarded(command: list[str], environment: Mapping[str, str]) -> int:
    """Run a command behind a guard, which ends it with everything it started when this process ends.

    Returns:
        Its exit status.
    """
    guard = subprocess.Popen(
        [sys.executable, "-m", "vid2vid_demo.guard", str(GRACE_S), *command],
        stdin=subprocess.PIPE,
        stdout=sys.stderr.fileno(),  # the trainer's result line is progress here
        env=dict(environment),
        start_new_session=True,  # Ctrl-C reaches this process alone, which then ends the guard
    )
    try:
        return guard.wait()
    finally:
        if guard.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                guard.stdin.close()
        guard.wait()


def read_training(runs: Path) -> Training:
    """What the newest run below `runs` left behind.

    Raises:
        InternalError: Something is missing.
    """
    try:
        run = max(path for path in runs.iterdir() if (path / "metrics.jsonl").is_file())
        style = json.loads((run / "style.json").read_text(encoding="utf-8"))
        figures = json.loads((run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])
        return Training(run=run, style_crop=Crop(**style["crop"]), figures=figures)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InternalError(f"the trainer left no readable run in {runs}: {error}") from error
