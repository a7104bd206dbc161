"""Progress and results for people: progress on standard error, results on standard output."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from vid2vid_client.models import Model
from vid2vid_client.results import RenderProgress, RenderResult

PLAIN_INTERVAL_S = 5.0
"""Time between two lines of the same stage where standard error is no terminal."""


class Display(Protocol):
    """Shows the progress of one render."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, whatever the outcome."""

    def show(self, progress: RenderProgress) -> None:
        """Show a moment; called from several threads."""


def progress_text(progress: RenderProgress) -> str:
    """A moment in words: amounts and rate."""
    if progress.stage == "uploading":
        return f"{progress.done / 2**20:.1f} of {progress.total / 2**20:.1f} MiB"
    if progress.stage == "analysing":
        return "looking for the face"
    total = f" of {progress.total}" if progress.total else ""
    rate = f", {progress.frames_per_second:.1f} frames/s" if progress.frames_per_second else ""
    return f"{progress.done}{total} frames{rate}"


class _AmountColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(str(task.fields.get("amount", "")))


class BarDisplay:
    """One line that moves: for a terminal."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description:>10}"), BarColumn(), _AmountColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, transient=True)
        self._task = self._progress.add_task("connecting", total=None, amount="")
        self._stage = ""

    def __enter__(self) -> Self:
        """Show the bar."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the bar."""
        self._progress.stop()

    def show(self, progress: RenderProgress) -> None:
        """Move the bar; a new stage starts a new one."""
        if progress.stage != self._stage:
            self._stage = progress.stage
            self._progress.reset(self._task, description=progress.stage)
        self._progress.update(
            self._task, completed=progress.done, total=progress.total or None, amount=progress_text(progress)
        )


class LineDisplay:
    """A line per stage, and every few seconds: for logs."""

    def __init__(self, console: Console, *, interval_s: float = PLAIN_INTERVAL_S) -> None:
        self._console = console
        self._interval_s = interval_s
        self._stage = ""
        self._shown_at = 0.0

    def __enter__(self) -> Self:
        """Nothing to begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end."""

    def show(self, progress: RenderProgress) -> None:
        """Print a line if it is time for one."""
        now = time.monotonic()
        if progress.stage == self._stage and now - self._shown_at < self._interval_s:
            return
        self._stage, self._shown_at = progress.stage, now
        self._console.print(f"{progress.stage}: {progress_text(progress)}", highlight=False, soft_wrap=True)


class NoDisplay:
    """Shows nothing: for ``--quiet``."""

    def __enter__(self) -> Self:
        """Nothing to begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end."""

    def show(self, progress: RenderProgress) -> None:
        """Nothing to show."""


def choose_display(console: Console, *, quiet: bool) -> Display:
    """The display that suits the place where standard error goes."""
    if quiet:
        return NoDisplay()
    return BarDisplay(console) if console.is_terminal else LineDisplay(console)


def result_lines(result: RenderResult) -> str:
    """A finished render in a few lines."""
    found = f"face found in {result.detected_count}"
    if result.frame_count != result.detected_count:
        found += f", bridged in {result.interpolated_count}, held in {result.held_count}"
    return "\n".join(
        [
            str(result.output),
            f"{result.frame_count} frames of {result.width}x{result.height}, {found}, audio {result.audio}",
            f"model {result.model} version {result.version}, {result.elapsed_s:.1f} s, "
            f"{result.frames_per_second:.1f} frames/s, {result.size_bytes} bytes",
        ]
    )


def model_table(models: list[Model]) -> Table:
    """Every version of every style, a row each."""
    table = Table("model", "version", "state", "pixels", "device", "training run", "reason", box=None)
    for model in models:
        size = str(model.size) if model.size else "-"
        for version in model.versions:
            table.add_row(
                model.name,
                str(version.version),
                version.state,
                size,
                version.device or "-",
                version.training_run or "-",
                Text(version.reason),  # Triton's words: brackets in them are no markup
            )
        if not model.versions:
            table.add_row(model.name, "-", "not loaded", size, "-", "-", "")
    return table
