from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.styles import graph_file, version_card
from vid2vid_core.mask import MaskSpec
from vid2vid_trainer import job
from vid2vid_trainer.cli import run_command
from vid2vid_trainer.publisher import ModelRepository
from vid2vid_trainer.signals import Stopped


@pytest.fixture
def style(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "style.mp4"
    path.write_bytes(b"not looked into here")
    return path


def arguments(video: Path, **changes: str) -> list[str]:
    options = {"style": str(video), "model": "anna", "recipe": "debug", "size": "64"} | changes
    return ["train", "--no-load", *(word for name, value in options.items() for word in (f"--{name}", value))]


def test_dry_run_shows_the_resolved_options_and_does_nothing(
    style: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "probe", lambda *_arguments, **_settings: None)
    assert run_command([*arguments(style), "--dry-run"]) == 0
    shown = capsys.readouterr().err
    assert "model anna, recipe debug, 64 images, 64 pixels, crop portrait, seed 0" in shown
    assert not (style.parent / "runs").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"style": "missing.mp4"}, "style video missing.mp4: there is no such file"),
        ({"model": "../evil"}, "model name '../evil': allowed are"),
        ({"recipe": "best"}, "recipe 'best': allowed are debug, fast, balanced"),
        ({"size": "100"}, "mask size 100: allowed are 64 to 1024 in steps of 16"),
        ({"size": "big"}, "Invalid value for '--size'"),
        ({"minutes": "0"}, "minutes 0: allowed are above 0"),
        ({"minutes": "nan"}, "minutes nan: allowed are above 0"),
        ({"images": "0"}, "images 0: allowed are 1 to"),
        ({"minutes": "1", "images": "8"}, "minutes and images: give one of them"),
        ({"crop": "round"}, "crop 'round': allowed are portrait, none"),
        ({"seed": "-1"}, "seed -1: allowed are 0 to"),
        ({"landmarks": "nowhere"}, "landmarks 'nowhere': expected host:port"),
        ({"triton": "http://host:1"}, "triton 'http://host:1': expected host:port"),
        ({"epochs": "3"}, "No such option: --epochs"),
    ],
    ids=lambda value: "-".join(f"{name}={text}" for name, text in value.items()) if isinstance(value, dict) else "",
)
def test_bad_option_is_refused_in_one_line(
    style: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, str], message: str
) -> None:
    assert run_command(arguments(style, **changes)) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not (style.parent / "runs").exists()


def test_empty_style_video_is_refused(style: Path, capsys: pytest.CaptureFixture[str]) -> None:
    style.write_bytes(b"")
    assert run_command(arguments(style)) == 2
    assert "the file is empty" in capsys.readouterr().err


def test_file_that_is_no_video_is_refused_before_a_run_begins(style: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(arguments(style)) == 2
    assert "style.mp4" in capsys.readouterr().err
    assert not (style.parent / "runs").exists()


def test_dry_run_looks_into_the_style_video(style: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([*arguments(style), "--dry-run"]) == 2
    assert "style.mp4" in capsys.readouterr().err.splitlines()[-1]


def test_style_with_another_mask_size_is_refused_before_training(
    style: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "probe", lambda *_arguments, **_settings: None)
    repository = ModelRepository(style.parent / "model_repository")
    repository.publish("anna", graph_file(style.parent), MaskSpec(size=128), version_card())
    assert run_command(arguments(style)) == 1
    assert "choose another name" in capsys.readouterr().err


def test_triton_that_does_not_answer_is_noticed_before_training(
    style: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "probe", lambda *_arguments, **_settings: None)
    words = [word for word in arguments(style, triton=f"127.0.0.1:{free_port()}") if word != "--no-load"]
    assert run_command(words) == 1
    assert "does not answer" in capsys.readouterr().err


def test_environment_sets_defaults_that_options_override(
    style: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VID2VID_TRAINER_LANDMARKS", "not an address")
    assert run_command([*arguments(style), "--dry-run"]) == 1
    assert "VID2VID_TRAINER_LANDMARKS='not an address'" in capsys.readouterr().err
    monkeypatch.setenv("VID2VID_TRAINER_LANDMARKS", "landmarks:50051")
    assert run_command([*arguments(style, landmarks="bad"), "--dry-run"]) == 2


def test_stopped_job_ends_with_its_exit_code_and_a_clear_line(
    style: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_options: object) -> job.JobResult:
        raise Stopped(15)

    monkeypatch.setattr(job, "train", stop)
    assert run_command(arguments(style)) == 143
    assert "stopped by SIGTERM: nothing was published" in capsys.readouterr().err


def test_full_disk_is_told_in_one_line(
    style: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(_options: object) -> job.JobResult:
        raise OSError(28, "No space left on device", "runs/frames.u8")

    monkeypatch.setattr(job, "train", fill)
    assert run_command(arguments(style)) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "error: runs/frames.u8: No space left on device"


def test_export_of_a_folder_that_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["export", "--run", str(tmp_path), "--model", "anna", "--no-publish"]) == 2
    assert "not a run folder" in capsys.readouterr().err


def test_options_are_checked_without_importing_torch() -> None:
    code = "import sys; import vid2vid_trainer.cli; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
