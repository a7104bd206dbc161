"""What the main job tells a person while it works: a line per step, a bar where something takes long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vid2vid_demo.clips import Progress as ProgressCallback


class Narration:
    """Lines and bars on standard error; results go to standard output."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True)

    def begin(self, title: str) -> None:
        """Announce a step."""
        self.console.print(title, style="bold", markup=False)

    def note(self, text: str) -> None:
        """Say something about the step that runs."""
        self.console.print(f"      {text}", markup=False)

    @contextmanager
    def bar(self, title: str) -> Iterator[ProgressCallback]:
        """A bar that the given function moves; without a terminal, only a line at the end."""
        if not self.console.is_terminal:
            yield lambda _done, _total: None
            self.note(f"{title}: done")
            return
        columns = TextColumn("{task.description:>14}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(title, total=None)

            def move(done: int, total: int) -> None:
                progress.update(task, completed=done, total=total)

            yield move
        self.note(f"{title}: done")
