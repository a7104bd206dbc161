"""The Compose files as data, read without Docker."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMMON = "docker-compose.common.yml"
CPU = "docker-compose.yml"
GPU = "docker-compose.gpu.yml"
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z0-9_]+)\}")

Service = dict[str, Any]


def load(name: str) -> dict[str, Any]:
    """A file as it stands."""
    return dict(yaml.safe_load((ROOT / name).read_text()))


def environment() -> dict[str, str]:
    """The variables of .env."""
    lines = [line for line in (ROOT / ".env").read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def services(name: str) -> dict[str, Service]:
    """The services of a stack, with what they take over by ``extends``; what they add stands beside it."""
    return {service: _resolve(definition) for service, definition in load(name)["services"].items()}


def interpolated(value: Any) -> Any:
    """The value with the variables of .env put in, everywhere inside."""
    if isinstance(value, dict):
        return {key: interpolated(item) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolated(item) for item in value]
    if isinstance(value, str):
        return VARIABLE.sub(lambda match: environment()[match[1]], value)
    return value


def _resolve(definition: Service) -> Service:
    own = copy.deepcopy(definition)
    source = own.pop("extends")
    base = copy.deepcopy(load(source["file"])["services"][source["service"]])
    repeated = base.keys() & own.keys()
    assert not repeated, f"{repeated} would have to be merged"
    return {**base, **own}
