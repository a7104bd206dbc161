from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vid2vid_core.errors import ContractViolation, InvalidSettings
from vid2vid_trainer.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from vid2vid_trainer.networks import Generator
from vid2vid_trainer.recipes import debug


def checkpoint_of(generator: Generator, images_seen: int = 8) -> Checkpoint:
    return Checkpoint(
        size=64,
        generator=debug().generator,
        images_seen=images_seen,
        elapsed_s=1.5,
        states={"G_ema": generator.state_dict()},
    )


def test_checkpoint_brings_back_the_same_generator(tmp_path: Path, generator: Generator) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, checkpoint_of(generator))
    loaded = load_checkpoint(path)
    mask = (torch.rand(1, 1, 64, 64) > 0.9).float()
    with torch.no_grad():
        assert torch.equal(loaded.build_average()(mask), generator(mask))
    assert (loaded.images_seen, loaded.elapsed_s) == (8, 1.5)


def test_failed_write_keeps_the_previous_checkpoint(
    tmp_path: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, checkpoint_of(generator))

    def write_half(_content: object, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", write_half)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(path, checkpoint_of(generator, images_seen=16))
    assert load_checkpoint(path).images_seen == 8
    assert list(tmp_path.iterdir()) == [path]


def test_damaged_checkpoint_fails(tmp_path: Path, generator: Generator) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, checkpoint_of(generator))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ContractViolation, match="damaged"):
        load_checkpoint(path)


def test_checkpoint_with_code_in_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save({"format": 1, "states": Path}, path)
    with pytest.raises(ContractViolation, match="not a checkpoint"):
        load_checkpoint(path)


def test_missing_checkpoint_fails(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="there is no checkpoint"):
        load_checkpoint(tmp_path / "checkpoint.pt")


def test_checkpoint_of_another_generator_fails(generator: Generator) -> None:
    states = {"G_ema": {**generator.state_dict(), "head.weight": torch.zeros(1)}}
    broken = Checkpoint(size=64, generator=debug().generator, images_seen=8, elapsed_s=1.0, states=states)
    with pytest.raises(ContractViolation, match="does not fit"):
        broken.build_average()
