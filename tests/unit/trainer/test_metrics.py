from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from skimage.metrics import structural_similarity as skimage_similarity

from tests.support.styles import style_pairs
from vid2vid_trainer.metrics import MetricsLog, mean_absolute_error, structural_similarity


def test_equal_pictures_are_perfect() -> None:
    frames = torch.from_numpy(style_pairs(2).frames)
    assert mean_absolute_error(frames, frames) == 0
    assert structural_similarity(frames, frames) == pytest.approx(1)


def test_structural_similarity_matches_scikit_image() -> None:
    first, second = style_pairs(6).frames[[0, 5]]
    expected = skimage_similarity(first, second, channel_axis=2, data_range=255)  # type: ignore[no-untyped-call]
    measured = structural_similarity(torch.from_numpy(first)[None], torch.from_numpy(second)[None])
    assert measured == pytest.approx(expected, abs=0.002)  # scikit-image leaves the same border out, in float32


def test_mean_absolute_error_is_in_8_bit_steps() -> None:
    zero = torch.zeros(1, 8, 8, 3, dtype=torch.uint8)
    assert mean_absolute_error(zero, zero + 3) == 3


def test_metrics_log_keeps_one_json_object_a_line(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path / "metrics.jsonl")
    log.append({"images_seen": 8, "l1": 1 / 3})
    log.append({"images_seen": 16, "l1": 0.25})
    records = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert records == [{"images_seen": 8, "l1": 0.33333}, {"images_seen": 16, "l1": 0.25}]
