"""The main job in figures: summary.json for programs, a line for people."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from vid2vid_core.errors import OutputNotWritable
from vid2vid_demo.main_job import JobReport
from vid2vid_demo.options import JobOptions
from vid2vid_demo.quality import Quality

_PACKAGES = ("vid2vid-core", "grpcio", "numpy", "opencv-python-headless", "torch", "onnx", "dlib-bin", "tritonclient")


def describe(options: JobOptions, report: JobReport) -> dict[str, Any]:
    """Everything worth keeping about a job, as JSON values."""
    return {
        "settings": {**_plain(dataclasses.asdict(options))},
        "style": str(report.style),
        "content": str(report.content),
        "quality": dataclasses.asdict(report.quality),
        "training": {
            "run": report.training.run.name,
            "images_per_second": report.training.images_per_second,
            **report.training.figures,
        },
        "renders": {layout: _describe_render(result) for layout, result in report.renders.items()},
        "seconds": {**report.seconds, "total": sum(report.seconds.values())},
        "versions": _versions(),
        "machine": {"cpus": len(os.sched_getaffinity(0)), "platform": platform.platform()},
    }


def write_summary(path: Path, summary: dict[str, Any]) -> None:
    """Write the summary as JSON, under a temporary name first.

    Raises:
        OutputNotWritable: The file can't be written.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_text(json.dumps(_rounded(summary), indent=2) + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputNotWritable(f"{path} can't be written: {error.strerror}") from None


def quality_line(report: JobReport) -> str:
    """The figures that matter, in one line."""
    quality = report.quality
    rate = report.renders["single"].frames_per_second
    trained = report.training.images_per_second
    parts = [
        f"face found in {quality.detection_rate:.1%} of {quality.result_frames} frames",
        f"mouth r = {_figure(quality.mouth_correlation)}",
        _timing_words(quality),
        f"audio {quality.audio}",
        f"{rate:.1f} frames/s",
        f"training {_figure(trained, 1)} images/s",
    ]
    return ", ".join(parts)


def _timing_words(quality: Quality) -> str:
    same = quality.durations_equal and quality.content_frames == quality.result_frames
    if same:
        return f"{quality.result_duration_s:.2f} s like the content"
    return (
        f"{quality.result_frames} frames in {quality.result_duration_s:.3f} s instead of "
        f"{quality.content_frames} in {quality.content_duration_s:.3f} s"
    )


def _figure(value: float | None, digits: int = 2) -> str:
    return "unknown" if value is None else f"{value:.{digits}f}"


def _describe_render(result: Any) -> dict[str, Any]:
    described = _plain(dataclasses.asdict(result))
    return {**described, "frames_per_second": result.frames_per_second}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: str(value) if isinstance(value, Path) else value for key, value in values.items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return value


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "ffmpeg": _ffmpeg_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _ffmpeg_version() -> str:
    answer = subprocess.run(["ffmpeg", "-version"], capture_output=True, check=False, text=True, timeout=10)
    words = answer.stdout.split()
    return words[2] if len(words) > 2 else "unknown"
