"""Progress on standard error: a bar where a person looks, plain lines where a log is kept."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

_LINE_INTERVAL_S = 5.0


class Report(Protocol):
    """Hears how far a stage is."""

    def update(self, share: float, text: str) -> None:
        """Share from 0 to 1, and figures for people."""

    def __enter__(self) -> Self:
        """Begin the stage."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the stage."""


class BarReport:
    """A bar that moves in place."""

    def __init__(self, title: str, console: Console) -> None:
        self._title = title
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[text]}"),
            console=console,
        )
        self._task = self._progress.add_task(title, total=1.0, text="")

    def update(self, share: float, text: str) -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=share, text=text)

    def __enter__(self) -> Self:
        """Show the bar."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bar as it is."""
        self._progress.stop()


class LineReport:
    """A line every few seconds, and one at the end."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._latest = ""
        self._printed_at = -_LINE_INTERVAL_S

    def update(self, share: float, text: str) -> None:
        """Print a line if the last one is old."""
        self._latest = f"{self._title}: {share:4.0%}  {text}"
        if time.monotonic() - self._printed_at >= _LINE_INTERVAL_S:
            self._print()

    def __enter__(self) -> Self:
        """Nothing to show yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Print the last state."""
        if self._latest:
            self._print()

    def _print(self) -> None:
        print(self._latest, file=sys.stderr, flush=True)
        self._latest, self._printed_at = "", time.monotonic()


def open_report(title: str) -> Report:
    """The report that fits standard error."""
    if sys.stderr.isatty():
        return BarReport(title, Console(stderr=True))
    return LineReport(title)
