"""The command `vid2vid-trainer`: options in, one of the jobs, one line out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from vid2vid_core.errors import InvalidArgument, Vid2VidError
from vid2vid_trainer import job
from vid2vid_trainer.options import PublishOptions, resolve_train_options
from vid2vid_trainer.recipes import RECIPES
from vid2vid_trainer.run_folder import RunFolder
from vid2vid_trainer.settings import TrainerSettings
from vid2vid_trainer.signals import Stopped, stop_on_signals

app = typer.Typer(
    help="Trains a style from a video and publishes it into Triton's model repository.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

_Model = Annotated[str, typer.Option(help="Name of the style in Triton: a-z, 0-9, '-', '_'.")]
_Repository = Annotated[Path | None, typer.Option(help="Triton's model repository.")]
_Triton = Annotated[str | None, typer.Option(help="Address of Triton's gRPC endpoint.", metavar="HOST:PORT")]
_Publish = Annotated[bool, typer.Option("--publish/--no-publish", help="Publish a new version.")]
_Load = Annotated[bool, typer.Option("--load/--no-load", help="Have Triton load the new version.")]


@app.command()
def train(
    *,
    style: Annotated[Path, typer.Option(help="The style video.")],
    model: _Model,
    recipe: Annotated[str, typer.Option(help=f"One of {', '.join(RECIPES)}.")] = "fast",
    size: Annotated[int, typer.Option(help="Picture size in pixels: 64 to 1024 in steps of 16.")] = 256,
    minutes: Annotated[float | None, typer.Option(help="End after this time.  [default: the recipe's]")] = None,
    images: Annotated[int | None, typer.Option(help="End after this many training images instead.")] = None,
    crop: Annotated[
        str, typer.Option(help="portrait: a square around the face; none: the clip is square.")
    ] = "portrait",
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
    runs: Annotated[Path | None, typer.Option(help="Where run folders are made.")] = None,
    landmarks: Annotated[str | None, typer.Option(help="Address of the landmark service.", metavar="HOST:PORT")] = None,
    repository: _Repository = None,
    triton: _Triton = None,
    publish: _Publish = True,
    load: _Load = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, show the options, do nothing.")] = False,
) -> None:
    """Train a style from a video, export it, and publish it as the next version."""
    settings = TrainerSettings.from_environment()
    options = resolve_train_options(
        style=style,
        recipe=recipe,
        size=size,
        minutes=minutes,
        images=images,
        crop=crop,
        seed=seed,
        runs=runs or settings.runs,
        landmarks=landmarks or settings.landmarks,
        publishing=_publishing(settings, model, repository, triton, publish=publish, load=load),
    )
    _say(options.summary())
    if dry_run:
        job.check(options)
        _say("dry run: nothing was done")
        return
    _finish(job.train(options), model)


@app.command()
def export(
    *,
    run: Annotated[Path, typer.Option(help="The run folder.")],
    model: _Model,
    repository: _Repository = None,
    triton: _Triton = None,
    publish: _Publish = True,
    load: _Load = True,
) -> None:
    """Export an earlier run once more, and publish it as the next version."""
    options = _publishing(TrainerSettings.from_environment(), model, repository, triton, publish=publish, load=load)
    folder = RunFolder(run)
    folder.read_style()
    job.check_destination(options)
    _finish(job.export(folder, options), model)


def main() -> None:
    """Run the command: 0, 1 for what went wrong, 2 for what was asked wrongly, 130 and 143 after signals."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: list[str]) -> int:
    """Run the command with these arguments and return its exit code."""
    try:
        with stop_on_signals():
            return int(app(arguments, standalone_mode=False) or 0)
    except Stopped as stopped:
        _say(f"stopped by {stopped}: {stopped.consequence}")
        return stopped.exit_code
    except InvalidArgument as error:
        _say(f"error: {error.message}")
        return 2
    except Vid2VidError as error:
        _say(f"error: {error.message}")
        return 1
    except OSError as error:  # a full disk, a folder that lost its permissions
        _say(f"error: {error.filename or 'file'}: {error.strerror}")
        return 1
    except TyperException as error:
        _say(f"error: {error.format_message()}")
        return 2


def _publishing(
    settings: TrainerSettings, model: str, repository: Path | None, triton: str | None, *, publish: bool, load: bool
) -> PublishOptions:
    return PublishOptions(
        model=model,
        repository=repository or settings.repository,
        triton=triton or settings.triton,
        control_key=settings.triton_control_key,
        publish=publish,
        load=load,
    )


def _finish(result: job.JobResult, model: str) -> None:
    if result.training is not None:
        figures = result.training
        where = "held-out" if figures.held_out else "training"
        rate = figures.images_seen / max(figures.elapsed_s, 1e-6)
        _say(
            f"{figures.images_seen} images in {figures.elapsed_s:.0f} s ({rate:.1f} images/s), "
            f"L1 {figures.l1:.1f} and SSIM {figures.ssim:.3f} on {where} frames"
        )
    if result.version is None:
        print(f"{result.run}: exported, not published")
    else:
        print(f"{model} version {result.version} published from {result.run}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
