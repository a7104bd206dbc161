"""Names that come from a request and end in a path or in a log."""

from __future__ import annotations

import re
import secrets

from vid2vid_core.errors import InvalidModelName, InvalidSettings

MAX_NAME_LENGTH = 64
_MODEL_NAME = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{MAX_NAME_LENGTH - 1}}}")
_RENDER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MAX_VERSION = 2**31 - 1
_SHOWN = 40


def validate_model_name(name: str) -> str:
    """The name of a style, which is a folder of the model repository.

    Raises:
        InvalidModelName: Anything but 1 to 64 of a-z, 0-9, '-' and '_' with a letter or digit first.
    """
    if not _MODEL_NAME.fullmatch(name):
        shown = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}... ({len(name)} characters)"
        raise InvalidModelName(
            f"model name {shown!a}: allowed are 1 to {MAX_NAME_LENGTH} of a-z, 0-9, '-' and '_', "
            "the first a letter or digit",
            model=shown,
        )
    return name


def validate_version(version: int) -> int:
    """The number of a model version.

    Raises:
        InvalidSettings: Not between 1 and 2147483647.
    """
    if not 1 <= version <= _MAX_VERSION:
        raise InvalidSettings(f"model version {version}: allowed are 1 to {_MAX_VERSION}", version=version)
    return version


def is_render_id(text: str) -> bool:
    """Whether a peer's text may stand in logs as a render id."""
    return _RENDER_ID.fullmatch(text) is not None


def new_render_id() -> str:
    """A name for one render, unique enough to find it in a year of logs."""
    return f"r{secrets.token_hex(8)}"
