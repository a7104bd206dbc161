from __future__ import annotations

import io

import pytest
from rich.console import Console

from vid2vid_trainer.progress import BarReport, LineReport, open_report


def test_without_a_terminal_progress_is_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with open_report("training") as report:
        report.update(0.25, "8 images")
        report.update(0.5, "16 images")
        report.update(1.0, "32 images")
    captured = capsys.readouterr()
    assert captured.err.splitlines() == ["training:  25%  8 images", "training: 100%  32 images"]
    assert captured.out == ""


def test_stage_that_said_nothing_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with LineReport("training"):
        pass
    assert capsys.readouterr().err == ""


def test_on_a_terminal_progress_is_a_bar() -> None:
    screen = io.StringIO()
    with BarReport("training", Console(file=screen, force_terminal=True, width=120)) as report:
        report.update(1.0, "32 images")
    assert "training" in screen.getvalue()
    assert "100%" in screen.getvalue()
    assert "32 images" in screen.getvalue()
