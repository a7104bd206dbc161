"""The main job, end to end: ``python -m vid2vid_demo --out demo-output``; `make demo` calls it."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from vid2vid_core.errors import Vid2VidError
from vid2vid_demo.main_job import MainJob
from vid2vid_demo.narration import Narration
from vid2vid_demo.options import OUTPUT_NAMES, JobOptions
from vid2vid_demo.summary import describe, quality_line, write_summary

EXIT_FAILED = 1
EXIT_USAGE = 2

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Stopped(BaseException):
    """A signal asked the job to end. Not an Exception: nothing but the edge may catch it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


@app.command()
def run(  # noqa: PLR0917 - typer reads the options from the signature
    out: Annotated[Path, typer.Option(help="Folder for the result.")] = Path("demo-output"),
    style: Annotated[Path | None, typer.Option(help="Style video.  [default: one is made]")] = None,
    content: Annotated[Path | None, typer.Option(help="Content video.  [default: one is made]")] = None,
    model: Annotated[str, typer.Option(help="Name of the style in Triton.")] = "demo",
    recipe: Annotated[str, typer.Option(help="The trainer's recipe: debug, fast or balanced.")] = "fast",
    minutes: Annotated[float | None, typer.Option(help="Length of the training.  [default: the recipe's]")] = None,
    images: Annotated[int | None, typer.Option(help="End the training after this many images instead.")] = None,
    size: Annotated[int, typer.Option(help="Side of the rendered picture in pixels.")] = 256,
    keep_models: Annotated[bool, typer.Option(help="Publish into model_repository/, keep the training run.")] = False,
) -> None:
    """Make a character say what a content video says: train on the style video, render, measure."""
    options = JobOptions(
        out=out,
        style=style,
        content=content,
        model=model,
        recipe=recipe,
        minutes=minutes,
        images=images,
        size=size,
        keep_models=keep_models,
    )
    report = MainJob(options, Narration()).run()
    write_summary(out / "summary.json", describe(options, report))
    made = {path.name for path in (report.style, report.content) if path.parent == out}
    for name in sorted(OUTPUT_NAMES | made):
        print(out / name)
    print(quality_line(report))


def main() -> None:
    """Run the command: 0, 1 for what went wrong, 2 for a wrong command line, 130 and 143 after signals."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: list[str]) -> int:
    """Run the command with these arguments and return its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        return int(app(arguments, prog_name="vid2vid_demo", standalone_mode=False) or 0)
    except Stopped as stopped:
        _say("stopped: every process has ended; files that were complete are kept")
        return stopped.exit_code
    except Vid2VidError as error:
        _say(f"demo: error: {error.message}")
        return EXIT_FAILED
    except typer.TyperException as error:
        _say(f"demo: error: {' '.join(error.format_message().split())} Try '--help'.")
        return EXIT_USAGE


def _stop(number: int, _frame: FrameType | None) -> None:
    for known in (signal.SIGINT, signal.SIGTERM):
        signal.signal(known, signal.SIG_IGN)  # tidying up is under way; a second Ctrl-C must not cut it short
    raise Stopped(number)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
