"""The ``vid2vid`` command.

Exit codes: 0 done; 1 the request failed or was refused; 2 the command line is wrong; 3 a service is not available;
130 interrupted by Ctrl-C (143 by SIGTERM). Nothing half-written is left in any case.
"""

from __future__ import annotations

import dataclasses
import json
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from vid2vid_client.display import choose_display, model_table, result_lines
from vid2vid_client.renderer import Renderer
from vid2vid_client.results import Layout
from vid2vid_client.settings import ClientSettings
from vid2vid_core.crop import CropMode
from vid2vid_core.errors import InvalidSettings, Unavailable, Vid2VidError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNAVAILABLE = 3
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

app = typer.Typer(
    help="Make the character of a trained style say what a content video says.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


RendererOption = Annotated[
    str | None,
    typer.Option(
        "--renderer",
        metavar="HOST:PORT",
        help="The renderer; default $VID2VID_CLIENT_RENDERER, else 127.0.0.1:50052.",
    ),
]
TlsOption = Annotated[bool | None, typer.Option("--tls/--no-tls", help="Talk TLS; default $VID2VID_CLIENT_TLS.")]
AuthorityOption = Annotated[
    Path | None,
    typer.Option(
        "--tls-authority",
        metavar="FILE",
        help="Talk TLS and trust this PEM file; default $VID2VID_CLIENT_TLS_AUTHORITY.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def models(
    *,
    renderer: RendererOption = None,
    tls: TlsOption = None,
    tls_authority: AuthorityOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what Triton serves: styles, versions, state."""
    with _connect(renderer, tls, tls_authority) as connection:
        found = connection.list_models()
    if as_json:
        _print_json([dataclasses.asdict(model) for model in found])
    elif found:
        Console().print(model_table(found), highlight=False)
    else:
        Console(stderr=True).print("no models yet: train one with vid2vid-trainer", highlight=False)


@app.command()
def render(
    *,
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="The style.")],
    content: Annotated[Path, typer.Option("--content", metavar="FILE", help="The content video.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The MP4 to write.")],
    version: Annotated[int | None, typer.Option("--version", min=1, help="Default: the newest that is ready.")] = None,
    layout: Annotated[Layout, typer.Option("--layout", help="What the picture shows.")] = "single",
    crop: Annotated[CropMode, typer.Option("--crop", help="The square to follow.")] = "portrait",
    retarget: Annotated[
        bool, typer.Option("--retarget/--no-retarget", help="Map the motion onto the style's face.")
    ] = True,
    renderer: RendererOption = None,
    tls: TlsOption = None,
    tls_authority: AuthorityOption = None,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", min=0.001, help="Give up after this time.")
    ] = None,
    as_json: JsonOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Render a content video with a style."""
    display = choose_display(Console(stderr=True), quiet=quiet)
    with _connect(renderer, tls, tls_authority) as connection, display:
        result = connection.render(
            content,
            output,
            model=model,
            version=version,
            layout=layout,
            crop=crop,
            retarget=retarget,
            on_progress=display.show,
            timeout_s=timeout_s,
        )
    if as_json:
        _print_json({**dataclasses.asdict(result), "output": str(result.output)})
    else:
        typer.echo(result_lines(result))


def main() -> NoReturn:
    """Run the command and leave with its exit code."""
    signal.signal(signal.SIGTERM, _on_sigterm)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command.

    Returns:
        The exit code; errors are one line on standard error.
    """
    try:
        return app(arguments, prog_name="vid2vid", standalone_mode=False) or 0
    except Vid2VidError as error:
        _print_error(f"{error.message} [{error.reason()}]")
        return EXIT_UNAVAILABLE if isinstance(error, Unavailable) else EXIT_FAILED
    except typer.TyperException as error:
        _print_error(f"{' '.join(error.format_message().split())} Try 'vid2vid --help'.")
        return EXIT_USAGE
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED


def _connect(address: str | None, tls: bool | None, tls_authority: Path | None) -> Renderer:
    try:
        settings = ClientSettings.overridden(renderer=address, tls=tls, tls_authority=tls_authority)
    except InvalidSettings as error:
        raise typer.BadParameter(error.message) from error
    return Renderer(settings.renderer, tls=settings.tls, tls_authority=settings.tls_authority)


def _print_json(document: object) -> None:
    typer.echo(json.dumps(document, indent=2))


def _print_error(message: str) -> None:
    typer.echo(f"vid2vid: error: {message}", err=True)


def _on_sigterm(_number: int, _frame: FrameType | None) -> NoReturn:
    # An exception instead of sudden death, so that the call is cancelled and the hidden file removed.
    sys.exit(EXIT_TERMINATED)
