"""``--help`` of a command that is told everything by its environment: generated, so that it can't go out of date."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from pydantic.fields import FieldInfo

from vid2vid_core.settings import Settings


def check_arguments(command: str, job: str, settings: type[Settings], arguments: Sequence[str] | None = None) -> None:
    """Print the usage and exit with 0 if asked for it; exit with 2 on any other argument.

    Args:
        command: Name of the command.
        job: What it does, in a sentence.
        settings: What it reads from the environment.
        arguments: Those of this process if None.
    """
    argparse.ArgumentParser(
        prog=command,
        description=job,
        epilog="environment variables:\n" + "\n".join(_lines(settings)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    ).parse_args(arguments)


def _lines(settings: type[Settings]) -> Iterator[str]:
    prefix = settings.model_config.get("env_prefix", "")
    for name, field in settings.model_fields.items():
        yield f"  {prefix}{name.upper()} (default: {_default(field)})"
        yield f"      {' '.join((field.description or '').split())}"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    return "unset" if value is None else str(value) or "unset"
