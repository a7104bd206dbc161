from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.styles import SPEC, StyleLandmarks, video_frame
from vid2vid_core.crop import Crop
from vid2vid_core.errors import NoFaceDetected, Vid2VidError
from vid2vid_core.frames import VideoFrame
from vid2vid_core.tensors import ModelCard
from vid2vid_trainer import job
from vid2vid_trainer.options import PublishOptions, TrainOptions
from vid2vid_trainer.publisher import ModelRepository
from vid2vid_trainer.recipes import debug
from vid2vid_trainer.run_folder import RunFolder
from vid2vid_trainer.schedule import Budget
from vid2vid_trainer.signals import Stopped

FRAMES = 24


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainOptions:
    @contextmanager
    def open_frames(_path: Path, _crop: Crop, _size: int) -> Iterator[Iterator[VideoFrame]]:
        yield (video_frame(index) for index in range(FRAMES))

    monkeypatch.setattr(job, "open_style_frames", open_frames)
    monkeypatch.setattr(job, "probe", lambda *_arguments, **_settings: None)
    style = tmp_path / "style.mp4"
    style.write_bytes(b"a clip")
    publishing = PublishOptions(
        model="anna", repository=tmp_path / "repository", triton="127.0.0.1:8001", publish=True, load=False
    )
    return TrainOptions(
        style=style,
        recipe=debug(),
        budget=Budget(images=8),
        mask_spec=SPEC,
        crop_mode="portrait",
        seed=0,
        runs=tmp_path / "runs",
        landmarks="127.0.0.1:50051",
        publishing=publishing,
    )


def published(options: TrainOptions) -> ModelCard | None:
    return ModelRepository(options.publishing.repository).card("anna")


def test_training_publishes_a_version_that_names_its_run(options: TrainOptions) -> None:
    result = job.train(options, StyleLandmarks(FRAMES))
    card = published(options)
    assert card is not None
    assert result.version == 1
    assert card.versions[1].training_run == result.run.name == "00001-anna-64-debug"
    assert card.versions[1].onnx_sha256 == result.onnx_sha256
    assert (options.publishing.repository / "anna/1/model.onnx").read_bytes() == (
        result.run / "model.onnx"
    ).read_bytes()


def test_run_folder_keeps_the_trail_and_not_the_pictures(options: TrainOptions) -> None:
    run = job.train(options, StyleLandmarks(FRAMES)).run
    assert {path.name for path in run.iterdir()} == {
        "options.json",
        "style.json",
        "metrics.jsonl",
        "samples.png",
        "checkpoint.pt",
        "model.onnx",
        "masks.npy",
    }
    stored = json.loads((run / "options.json").read_text())
    assert (stored["seed"], stored["recipe"]["name"], stored["mask_spec"]["size"]) == (0, "debug", 64)


def test_later_export_of_a_run_renders_the_same(options: TrainOptions) -> None:
    first = job.train(options, StyleLandmarks(FRAMES))
    again = job.export(RunFolder(first.run), options.publishing)
    assert again.version == 2
    assert again.onnx_sha256 == first.onnx_sha256


def test_style_without_a_face_leaves_the_repository_alone(options: TrainOptions) -> None:
    with pytest.raises(NoFaceDetected, match=r"style\.mp4"):
        job.train(options, StyleLandmarks(FRAMES, lost=frozenset(range(FRAMES))))
    assert published(options) is None


def test_stop_during_training_leaves_the_repository_alone(
    options: TrainOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_arguments: object) -> None:
        raise Stopped(15)

    monkeypatch.setattr(job, "run_training", stop)
    with pytest.raises(Stopped):
        job.train(options, StyleLandmarks(FRAMES))
    assert published(options) is None
    (run,) = options.runs.iterdir()
    assert {path.name for path in run.iterdir()} == {"options.json", "style.json", "masks.npy"}


def test_landmark_service_that_does_not_run_is_named(options: TrainOptions, tmp_path: Path) -> None:
    with pytest.raises(Vid2VidError, match=r"landmark service at 127\.0\.0\.1:1 does not answer"):
        job.train(replace(options, landmarks="127.0.0.1:1"))
    assert not list(tmp_path.rglob("*.u8"))
