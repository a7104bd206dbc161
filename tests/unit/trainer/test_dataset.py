from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.support.styles import SPEC, STYLE_CROP, StyleLandmarks, style_dataset, tracked_frame, video_frame
from vid2vid_core.crop import Crop
from vid2vid_core.errors import ContractViolation, NoFaceDetected
from vid2vid_core.frames import VideoFrame
from vid2vid_trainer import dataset
from vid2vid_trainer.dataset import StyleDataset, collect_pairs, in_step, remove_pictures


def collect(
    folder: Path, count: int, *, lost: frozenset[int] = frozenset(), frame_count: int | None = None
) -> StyleDataset:
    opened: list[tuple[Crop, int]] = []

    @contextmanager
    def open_frames(crop: Crop, size: int) -> Iterator[Iterator[VideoFrame]]:
        opened.append((crop, size))
        yield (video_frame(index) for index in range(count if frame_count is None else frame_count))

    collected = collect_pairs(
        Path("style.mp4"),
        landmarks=StyleLandmarks(count, lost),
        open_frames=open_frames,
        mask_spec=SPEC,
        crop_mode="portrait",
        folder=folder,
    )
    assert opened == [(STYLE_CROP, 64)]
    return collected


def test_pairs_show_the_same_moment_in_the_crop_of_the_masks(tmp_path: Path) -> None:
    pairs = collect(tmp_path, 12).pairs
    assert len(pairs) == 12
    np.testing.assert_array_equal(pairs.frames[7], video_frame(7).rgb)
    np.testing.assert_array_equal(pairs.masks[7], tracked_frame(7).mask)


def test_frames_without_a_detected_face_are_left_out(tmp_path: Path) -> None:
    pairs = collect(tmp_path, 12, lost=frozenset({0, 5})).pairs
    assert len(pairs) == 10
    np.testing.assert_array_equal(pairs.frames[0], video_frame(1).rgb)
    np.testing.assert_array_equal(pairs.points[4], tracked_frame(6).landmarks.points)


def test_pictures_are_mapped_from_the_run_folder_and_can_be_removed(tmp_path: Path) -> None:
    pairs = collect(tmp_path, 12).pairs
    assert isinstance(pairs.frames, np.memmap)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 12 * 64 * 64 * 4
    remove_pictures(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_long_clip_gives_every_nth_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "MAX_PAIRS", 10)
    pairs = collect(tmp_path, 25).pairs
    np.testing.assert_array_equal(pairs.frames[1], video_frame(3).rgb)
    assert len(pairs) == 9


@pytest.mark.parametrize("found", [0, 3], ids=["no face", "three faces"])
def test_clip_with_too_few_faces_fails(tmp_path: Path, found: int) -> None:
    with pytest.raises(NoFaceDetected, match=rf"style.mp4: a face was found in {found} frames, at least 8"):
        collect(tmp_path, 20, lost=frozenset(range(found, 20)))


def test_clip_whose_frames_end_before_its_landmarks_fails(tmp_path: Path) -> None:
    with pytest.raises(ContractViolation, match="frames end at frame 9"):
        collect(tmp_path, 12, frame_count=9)


def test_landmarks_of_another_moment_fail() -> None:
    with pytest.raises(ContractViolation, match="frame 0 is shown at pts 512"):
        list(in_step([tracked_frame(0)], [video_frame(1)]))


def test_end_of_the_clip_is_held_out() -> None:
    style = style_dataset(40)
    assert (len(style.training), len(style.validation)) == (38, 2)
    np.testing.assert_array_equal(style.validation.frames[1], style.pairs.frames[39])


def test_short_clip_is_trained_on_completely() -> None:
    style = style_dataset(12)
    assert style.held_out_count == 0
    assert (len(style.training), len(style.validation)) == (12, 8)


def test_mean_frame_is_the_mean_of_the_training_frames() -> None:
    style = style_dataset(20)
    np.testing.assert_allclose(style.mean_frame(), style.pairs.frames[:19].mean(axis=0), atol=1e-3)
