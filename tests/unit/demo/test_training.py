"""The trainer as a child process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vid2vid_core.crop import Crop
from vid2vid_core.errors import InternalError
from vid2vid_demo.training import TrainingPlan, read_training, run_guarded


def make_run(runs: Path, number: int, images: int = 640) -> Path:
    run = runs / f"{number:05d}-demo-128-debug"
    run.mkdir(parents=True)
    (run / "style.json").write_text(json.dumps({"crop": {"x": 1, "y": 2, "size": 100}}))
    lines = [{"images_seen": images // 2, "elapsed_s": 8.0}, {"images_seen": images, "elapsed_s": 16.0}]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run


def test_command_names_only_what_was_asked_for() -> None:
    plan = TrainingPlan(style=Path("/clips/s.mp4"), model="demo", runs=Path("/runs"), minutes=1.5)
    command = plan.command()
    assert command[:4] == [sys.executable, "-m", "vid2vid_trainer", "train"]
    assert {"--style=/clips/s.mp4", "--model=demo", "--runs=/runs", "--recipe=fast", "--minutes=1.5"} <= set(command)
    assert not any(argument.startswith("--images") for argument in command)


def test_newest_run_is_read(tmp_path: Path) -> None:
    make_run(tmp_path, 1)
    newest = make_run(tmp_path, 2)
    (tmp_path / "00003-demo-128-debug").mkdir()
    training = read_training(tmp_path)
    assert training.run == newest
    assert training.style_crop == Crop(1, 2, 100)
    assert training.images_per_second == pytest.approx(40.0)


@pytest.mark.parametrize("damage", ["no run", "no style", "no metrics"])
def test_incomplete_run_fails(tmp_path: Path, damage: str) -> None:
    if damage != "no run":
        run = make_run(tmp_path, 1)
        if damage == "no style":
            (run / "style.json").unlink()
        else:
            (run / "metrics.jsonl").write_text("")
    with pytest.raises(InternalError, match="no readable run"):
        read_training(tmp_path)


def test_status_of_the_command_comes_back() -> None:
    command = [sys.executable, "-c", "import os, sys; sys.exit(int(os.environ['WANTED']))"]
    assert run_guarded(command, {**os.environ, "WANTED": "7"}) == 7


def test_command_is_ended_when_the_wait_is_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = tmp_path / "pid"
    script = f"import os, pathlib, time; pathlib.Path({str(mark)!r}).write_text(str(os.getpid())); time.sleep(60)"
    real_wait = subprocess.Popen.wait
    interrupted = False

    def wait(self: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            while not (mark.exists() and mark.read_text()):
                time.sleep(0.02)
            raise KeyboardInterrupt
        return real_wait(self, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", wait)
    with pytest.raises(KeyboardInterrupt):
        run_guarded([sys.executable, "-c", script], os.environ)
    assert not Path(f"/proc/{mark.read_text()}").exists()
