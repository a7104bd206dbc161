"""What the documents tell people to set and to open exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.compose import COMMON, ROOT, VARIABLE, environment
from vid2vid_client.settings import ClientSettings
from vid2vid_demo.stack import CONTROL_KEY_VARIABLE, TRITON_PYTHON_VARIABLE
from vid2vid_landmarks.settings import LandmarksSettings
from vid2vid_renderer.settings import RendererSettings
from vid2vid_trainer.settings import TrainerSettings

SETTINGS = (ClientSettings, LandmarksSettings, RendererSettings, TrainerSettings)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
NAMED = re.compile(r"\bVID2VID_[A-Z][A-Z_]*[A-Z]\b")
"""Whole names only: ``VID2VID_RENDERER_<NAME>`` and ``VID2VID_RENDERER_*`` are none."""


def documents() -> list[Path]:
    folders = ("docs", "deploy", "services", "client", "model_repository")
    return sorted([*ROOT.glob("*.md"), *(path for folder in folders for path in (ROOT / folder).rglob("*.md"))])


each_document = pytest.mark.parametrize("document", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())


def known_variables() -> set[str]:
    fields = {
        f"{settings.model_config['env_prefix']}{name.upper()}"
        for settings in SETTINGS
        for name in settings.model_fields
    }
    compose = {*environment(), *VARIABLE.findall((ROOT / COMMON).read_text())}
    return fields | compose | {CONTROL_KEY_VARIABLE, TRITON_PYTHON_VARIABLE}


@each_document
def test_variables_that_a_document_names_exist(document: Path) -> None:
    assert set(NAMED.findall(document.read_text(encoding="utf-8"))) - known_variables() == set()


@each_document
def test_files_that_a_document_links_to_exist(document: Path) -> None:
    links = LINK.findall(document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []
