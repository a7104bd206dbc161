"""The command line of the main job."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.videos import make_text_file
from vid2vid_demo.__main__ import run_command


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Put back the signal handlers that the command sets."""
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in previous.items():
        signal.signal(number, handler)


def test_bad_clip_ends_with_one_line_and_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = make_text_file(tmp_path / "notes.mp4")
    assert run_command([f"--out={tmp_path / 'out'}", f"--style={clip}"]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("demo: error: style video ")
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not (tmp_path / "out").exists()


def test_unwritable_folder_ends_with_one_line_and_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").write_text("")
    assert run_command([f"--out={tmp_path / 'out' / 'deeper'}"]) == 1
    error = capsys.readouterr().err
    assert "can't be written" in error
    assert error.count("\n") == 1


def test_missing_triton_ends_before_any_clip_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VID2VID_TRITON_PYTHON", str(tmp_path / "python"))
    assert run_command([f"--out={tmp_path / 'out'}"]) == 1
    assert "no Triton environment" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("arguments", [["--colour"], ["--minutes=soon"]])
def test_wrong_command_line_ends_with_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
