from __future__ import annotations

import dataclasses
import json

import cv2
import pytest
import torch

from tests.support.styles import style_dataset
from vid2vid_core.errors import TrainingDiverged
from vid2vid_trainer.checkpoint import load_checkpoint
from vid2vid_trainer.loop import TrainingLoop, crossed
from vid2vid_trainer.recipes import debug
from vid2vid_trainer.run_folder import RunFolder
from vid2vid_trainer.schedule import Budget, LearningRate


def test_training_leaves_metrics_samples_and_a_checkpoint(training: TrainingLoop, run_folder: RunFolder) -> None:
    result = training.run()
    assert (result.images_seen, result.held_out) == (32, True)
    records = [json.loads(line) for line in run_folder.metrics.read_text().splitlines()]
    assert [record["images_seen"] for record in records] == [16, 32, 32]
    assert {"l1", "ssim", "elapsed_s", "loss_L1", "loss_D"} <= set(records[-1])
    grid = cv2.imread(str(run_folder.samples))
    assert grid is not None
    assert grid.shape == (3 * 64, 64, 3)
    checkpoint = load_checkpoint(run_folder.checkpoint)
    assert checkpoint.images_seen == 32
    assert torch.equal(checkpoint.build_average().head.weight, training.G_ema.head.weight)


def test_training_with_a_seed_can_be_repeated(training: TrainingLoop, run_folder: RunFolder) -> None:
    again = TrainingLoop(
        dataset=style_dataset(),
        recipe=debug(),
        budget=Budget(images=32),
        seed=0,
        run=run_folder,
        device=torch.device("cpu"),
    )
    assert training.run().l1 == again.run().l1


def test_interrupted_training_leaves_a_checkpoint(run_folder: RunFolder) -> None:
    def interrupt(share: float, _text: str) -> None:
        if share >= 0.5:
            raise KeyboardInterrupt

    loop = TrainingLoop(
        dataset=style_dataset(),
        recipe=debug(),
        budget=Budget(images=32),
        seed=0,
        run=run_folder,
        device=torch.device("cpu"),
        report=interrupt,
    )
    with pytest.raises(KeyboardInterrupt):
        loop.run()
    assert load_checkpoint(run_folder.checkpoint).images_seen == 20


def test_progress_tells_images_speed_and_losses(run_folder: RunFolder) -> None:
    texts: list[str] = []
    TrainingLoop(
        dataset=style_dataset(),
        recipe=debug(),
        budget=Budget(images=16),
        seed=0,
        run=run_folder,
        device=torch.device("cpu"),
        report=lambda _share, text: texts.append(text),
    ).run()
    assert [text.split(" images ")[0] for text in texts] == ["4", "8", "12", "16"]
    assert all("images/s" in text and "L1" in text for text in texts)


@pytest.mark.parametrize(
    ("before", "after", "expected"), [(0, 8, False), (8, 10, True), (9, 16, True), (10, 16, False)]
)
def test_interval_is_crossed_when_a_multiple_lies_between(before: int, after: int, *, expected: bool) -> None:
    assert crossed(before, after, 10) is expected


def test_training_that_diverges_fails_and_keeps_the_earlier_checkpoint(
    training: TrainingLoop, run_folder: RunFolder
) -> None:
    training.run()
    before = run_folder.checkpoint.read_bytes()
    hopeless = dataclasses.replace(debug(), learning_rate=LearningRate(generator=1e30, warmup_images=1))
    diverging = TrainingLoop(
        dataset=style_dataset(),
        recipe=hopeless,
        budget=Budget(images=32),
        seed=0,
        run=run_folder,
        device=torch.device("cpu"),
    )
    with pytest.raises(TrainingDiverged, match="diverged after"):
        diverging.run()
    assert run_folder.checkpoint.read_bytes() == before
