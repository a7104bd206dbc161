from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.support.styles import SPEC, style_dataset
from vid2vid_trainer.loop import TrainingLoop
from vid2vid_trainer.networks import Generator
from vid2vid_trainer.recipes import debug
from vid2vid_trainer.run_folder import RunFolder
from vid2vid_trainer.schedule import Budget


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Tiny networks gain nothing from threads, which on a busy machine wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def generator() -> Generator:
    """A generator whose norms have seen pictures and whose output is not flat."""
    torch.manual_seed(1)
    generator = Generator(SPEC.size, debug().generator)
    torch.nn.init.normal_(generator.head.weight, std=0.3)
    dataset = style_dataset()
    generator.set_mean_frame(torch.from_numpy(dataset.mean_frame()).permute(2, 0, 1) / 127.5 - 1)
    with torch.no_grad():
        for _ in range(3):
            generator(torch.from_numpy(dataset.pairs.masks)[:, None] / 255)
    return generator.eval()


@pytest.fixture
def run_folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "runs", model="anna", size=SPEC.size, recipe="debug", options={"seed": 0})


@pytest.fixture
def training(run_folder: RunFolder) -> TrainingLoop:
    return TrainingLoop(
        dataset=style_dataset(),
        recipe=debug(),
        budget=Budget(images=32),
        seed=0,
        run=run_folder,
        device=torch.device("cpu"),
    )
