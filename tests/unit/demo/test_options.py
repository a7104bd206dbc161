"""What the main job refuses before it begins."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tests.support.videos import make_audio_only, make_clip, make_empty_file, make_text_file
from vid2vid_core.errors import (
    ConfigurationError,
    EmptyMedia,
    InvalidModelName,
    InvalidSettings,
    NoVideoStream,
    OutputNotWritable,
    UnsupportedMedia,
    Vid2VidError,
)
from vid2vid_demo.options import JobOptions, check_options


@pytest.fixture
def options(tmp_path: Path) -> JobOptions:
    return JobOptions(out=tmp_path / "out")


def test_output_folder_is_made_and_left_empty(options: JobOptions) -> None:
    check_options(options)
    assert list(options.out.iterdir()) == []


def with_clip(options: JobOptions, role: str, clip: Path) -> JobOptions:
    fields: dict[str, Any] = {role: clip}
    return dataclasses.replace(options, **fields)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("minutes", 0.0, InvalidSettings),
        ("minutes", 601.0, InvalidSettings),
        ("size", 100, InvalidSettings),
        ("recipe", "grand", InvalidSettings),
        ("model", "../demo", InvalidModelName),
    ],
)
def test_setting_outside_its_range_fails(
    options: JobOptions, field: str, value: Any, expected: type[Vid2VidError]
) -> None:
    with pytest.raises(expected):
        check_options(dataclasses.replace(options, **{field: value}))


@pytest.mark.parametrize(
    ("make", "expected"),
    [(make_text_file, UnsupportedMedia), (make_empty_file, EmptyMedia), (make_audio_only, NoVideoStream)],
    ids=["not a video", "empty file", "audio only"],
)
@pytest.mark.parametrize("role", ["style", "content"])
def test_clip_that_is_no_video_fails_with_its_role(
    options: JobOptions, tmp_path: Path, role: str, make: Any, expected: type[Vid2VidError]
) -> None:
    clip = tmp_path / "clip.mp4"
    make(clip)
    with pytest.raises(expected, match=f"{role} video") as caught:
        check_options(with_clip(options, role, clip))
    assert "\n" not in caught.value.message


def test_missing_clip_fails_before_the_folder_is_made(options: JobOptions, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedMedia):
        check_options(dataclasses.replace(options, style=tmp_path / "missing.mp4"))
    assert not options.out.exists()


def test_clip_that_the_job_would_overwrite_fails(options: JobOptions) -> None:
    options.out.mkdir()
    clip = make_clip(options.out / "result.mp4")
    with pytest.raises(InvalidSettings, match="would be overwritten"):
        check_options(dataclasses.replace(options, content=clip))


def test_file_in_place_of_the_output_folder_fails(options: JobOptions) -> None:
    options.out.write_text("")
    with pytest.raises(OutputNotWritable, match=r"output folder .*out can't be written: "):
        check_options(options)


def test_missing_ffmpeg_names_the_command_that_installs_it(
    options: JobOptions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="ffmpeg is not installed; run 'make setup'"):
        check_options(options)
