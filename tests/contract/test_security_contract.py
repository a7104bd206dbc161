"""What docs/security.md says about limits and keys is what the services do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vid2vid_core.settings import ServiceSettings
from vid2vid_core.triton_control import CONTROL_HEADER
from vid2vid_landmarks.settings import LandmarksSettings
from vid2vid_renderer.settings import RendererSettings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \| ([^|]+) \|", TEXT, flags=re.MULTILINE)
UNITS = {"": 1, "MiB": 2**20, "GiB": 2**30}


def number(text: str) -> int:
    """``4096 x 2304``, ``16 MiB`` or ``30``."""
    product = 1
    for factor in text.split(" x "):
        digits, _, unit = factor.strip().partition(" ")
        product *= int(digits) * UNITS[unit]
    return product


def test_every_limit_of_a_service_is_listed() -> None:
    names = {name.lower() for name, _, _ in ROWS}
    shared = set(RendererSettings.model_fields) & set(LandmarksSettings.model_fields)
    assert names <= shared
    limits = {name for name in shared if name.startswith(("max_", "decode_", "upload_"))}
    assert limits <= names


@pytest.mark.parametrize(("name", "renderer", "landmarks"), ROWS, ids=[row[0] for row in ROWS])
def test_listed_default_is_the_setting_s(name: str, renderer: str, landmarks: str) -> None:
    for settings, text in ((RendererSettings, renderer), (LandmarksSettings, landmarks)):
        field = settings.model_fields[name.lower()]
        assert field.default == number(text), settings.__name__
    assert issubclass(RendererSettings, ServiceSettings)


def test_launcher_and_clients_call_the_key_by_one_name() -> None:
    launcher = (ROOT / "deploy" / "triton" / "launch.py").read_text(encoding="utf-8")
    (name,) = re.findall(r'^CONTROL_KEY_NAME = "(.+)"$', launcher, flags=re.MULTILINE)
    assert f"triton-grpc-protocol-{name}" == CONTROL_HEADER
    (groups,) = re.findall(r'^RESTRICTED = "(.+)"$', launcher, flags=re.MULTILINE)
    assert all(f"`{group}`" in TEXT for group in groups.split(","))
    compose = (ROOT / "docker-compose.common.yml").read_text(encoding="utf-8")
    assert f"--grpc-restricted-protocol={groups}:{name}=" in compose
