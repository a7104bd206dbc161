"""The main job in figures."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from vid2vid_client import RenderResult
from vid2vid_core.crop import Crop
from vid2vid_core.errors import OutputNotWritable
from vid2vid_demo.main_job import JobReport
from vid2vid_demo.options import JobOptions
from vid2vid_demo.quality import Quality
from vid2vid_demo.summary import describe, quality_line, write_summary
from vid2vid_demo.training import Training

QUALITY = Quality(
    content_frames=200,
    result_frames=200,
    content_duration_s=8.0,
    result_duration_s=8.0,
    durations_equal=True,
    audio="identical",
    content_detection_rate=1.0,
    detection_rate=0.985,
    mouth_correlation=0.934,
)


def render_result(output: Path) -> RenderResult:
    return RenderResult(
        output=output,
        render_id="r1",
        model="demo",
        version=1,
        frame_count=200,
        detected_count=200,
        interpolated_count=0,
        held_count=0,
        multiple_face_count=0,
        width=256,
        height=256,
        audio="copied",
        size_bytes=1000,
        sha256="0" * 64,
        elapsed_s=5.0,
        stage_seconds={"infer": 4.0},
        mean_batch_size=8.0,
    )


def report(quality: Quality = QUALITY) -> JobReport:
    figures = {"images_seen": 6000, "elapsed_s": 150.0}
    return JobReport(
        style=Path("out/style.mp4"),
        content=Path("out/content.mp4"),
        training=Training(run=Path("runs/00001-demo-256-fast"), style_crop=Crop(0, 0, 320), figures=figures),
        renders={"single": render_result(Path("out/result.mp4"))},
        quality=quality,
        seconds={"train": 160.0, "render": 12.25},
    )


def test_line_holds_every_figure_that_matters() -> None:
    assert quality_line(report()) == (
        "face found in 98.5% of 200 frames, mouth r = 0.93, 8.00 s like the content, audio identical, "
        "40.0 frames/s, training 40.0 images/s"
    )


def test_line_tells_when_frames_are_missing() -> None:
    shorter = dataclasses.replace(QUALITY, result_frames=199, result_duration_s=7.96, durations_equal=False)
    assert "199 frames in 7.960 s instead of 200 in 8.000 s" in quality_line(report(shorter))


def test_line_says_unknown_where_no_mouth_moves() -> None:
    assert "mouth r = unknown" in quality_line(report(dataclasses.replace(QUALITY, mouth_correlation=None)))


def test_summary_survives_json(tmp_path: Path) -> None:
    options = JobOptions(out=tmp_path, style=tmp_path / "s.mp4")
    write_summary(tmp_path / "summary.json", describe(options, report()))
    read = json.loads((tmp_path / "summary.json").read_text())
    assert read["settings"]["style"] == str(tmp_path / "s.mp4")
    assert read["renders"]["single"]["frames_per_second"] == 40.0
    assert read["training"]["run"] == "00001-demo-256-fast"
    assert read["seconds"]["total"] == 172.25
    assert {"python", "ffmpeg", "numpy"} <= set(read["versions"])
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]


def test_summary_without_a_folder_fails(tmp_path: Path) -> None:
    with pytest.raises(OutputNotWritable):
        write_summary(tmp_path / "missing" / "summary.json", {})
