"""The main job, end to end and small: real landmarks, trainer, tritonserver and renderer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import psutil
import pytest

from tests.support.triton import require_triton
from tests.support.videos import audio_packets, end_of_video, frame_times, stream_of
from vid2vid_demo.clips import content_plan, make_clip, style_plan

MARK = "VID2VID_TEST_MAIN_JOB"
"""Environment variable that every process of one job inherits: it finds those that are left behind."""


@dataclass(frozen=True, kw_only=True)
class FinishedJob:
    """A main job that has ended."""

    out: Path
    style: Path
    content: Path
    status: int
    printed: str
    errors: str
    left: list[str]

    def summary(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.out / "summary.json").read_text())
        return document


def command(*arguments: str) -> list[str]:
    fast = ["--recipe=debug", "--images=32", "--size=64"]
    return [sys.executable, "-m", "vid2vid_demo", *fast, *arguments]


def marked_processes(mark: str) -> list[str]:
    """Command lines of the processes that carry the mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("clips")
    make_clip(folder / "s.mp4", style_plan(seconds=2.4, size=192))
    make_clip(folder / "c.mp4", content_plan(seconds=1.8, size=192))
    return folder / "s.mp4", folder / "c.mp4"


@pytest.fixture(scope="module")
def job(clips: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> FinishedJob:
    require_triton()
    style, content = clips
    out = tmp_path_factory.mktemp("job") / "out"
    mark = f"job-{os.getpid()}"
    done = subprocess.run(
        command(f"--out={out}", f"--style={style}", f"--content={content}"),
        env={**os.environ, MARK: mark},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return FinishedJob(
        out=out,
        style=style,
        content=content,
        status=done.returncode,
        printed=done.stdout,
        errors=done.stderr,
        left=marked_processes(mark),
    )


def test_job_succeeds_and_names_its_files(job: FinishedJob) -> None:
    assert job.status == 0, job.errors
    lines = job.printed.splitlines()
    names = ["contact_sheet.png", "result.mp4", "side_by_side.mp4", "summary.json"]
    assert lines[:-1] == [str(job.out / name) for name in names]
    assert lines[-1].startswith("face found in ")
    assert sorted(path.name for path in job.out.iterdir()) == names


def test_job_leaves_no_process_behind(job: FinishedJob) -> None:
    assert job.left == []


def test_result_has_the_contents_frames_at_their_times(job: FinishedJob) -> None:
    content = frame_times(job.content)
    assert len(content) == 45
    for name in ("result.mp4", "side_by_side.mp4"):
        assert frame_times(job.out / name) == content
        half_a_frame = 0.5 / 25
        assert abs(end_of_video(job.out / name) - end_of_video(job.content)) < half_a_frame


def test_result_has_the_contents_audio_packets(job: FinishedJob) -> None:
    expected = audio_packets(job.content)
    assert len(expected) > 50
    assert audio_packets(job.out / "result.mp4") == expected
    assert audio_packets(job.out / "side_by_side.mp4") == expected


def test_pictures_have_the_size_of_the_model(job: FinishedJob) -> None:
    shapes = {
        name: (int(stream["width"]), int(stream["height"]), stream["pix_fmt"])
        for name in ("result.mp4", "side_by_side.mp4")
        for stream in [stream_of(job.out / name, "v")]
    }
    assert shapes == {"result.mp4": (64, 64, "yuv420p"), "side_by_side.mp4": (192, 64, "yuv420p")}
    sheet = cv2.imread(str(job.out / "contact_sheet.png"))
    assert sheet is not None
    assert sheet.shape[1] > sheet.shape[0] > 500


def test_summary_says_what_was_done(job: FinishedJob) -> None:
    summary = job.summary()
    quality = summary["quality"]
    assert quality["content_frames"] == quality["result_frames"] == 45
    assert quality["audio"] == "identical"
    assert quality["durations_equal"] is True
    assert quality["content_detection_rate"] == 1.0, "every frame of the generated content shows a face that is found"
    assert summary["renders"]["single"]["version"] == 1
    assert summary["training"]["images_seen"] == 32
    assert set(summary["seconds"]) == {"clips", "start", "train", "render", "judge", "sheet", "total"}


@pytest.mark.parametrize(
    ("number", "moment"),
    [(signal.SIGINT, "[2/6] starting"), (signal.SIGTERM, "training:")],
    ids=["Ctrl-C while services start", "SIGTERM while training"],
)
def test_stopped_job_leaves_no_process_and_no_half_written_file(
    clips: tuple[Path, Path], tmp_path: Path, number: signal.Signals, moment: str
) -> None:
    require_triton()
    mark = f"stopped-{os.getpid()}-{number.name}"
    style, content = clips
    arguments = command(f"--out={tmp_path}", f"--style={style}", f"--content={content}", "--images=1000000")
    with subprocess.Popen(
        arguments, env={**os.environ, MARK: mark}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        seen = []
        for line in process.stderr:
            seen.append(line)
            if moment in line:
                break
        time.sleep(0.5)
        process.send_signal(number)
        rest = process.stderr.read()
        assert process.wait(60) == 128 + number, "".join(seen) + rest
    assert "stopped: every process has ended" in rest
    deadline = time.monotonic() + 5
    while marked_processes(mark) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert marked_processes(mark) == []
    assert list(tmp_path.iterdir()) == []
