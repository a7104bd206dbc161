"""The state of a training on disk: written completely or not at all, read without running code from it."""

from __future__ import annotations

import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vid2vid_core.errors import ContractViolation, InvalidSettings
from vid2vid_trainer.config import GeneratorConfig
from vid2vid_trainer.files import atomic_path
from vid2vid_trainer.networks import Generator

CHECKPOINT_FILENAME = "checkpoint.pt"
"""Name inside a run folder."""

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a training knows."""

    size: int
    """Picture size."""
    generator: GeneratorConfig
    """Shape of the generator."""
    images_seen: int
    """Training images so far."""
    elapsed_s: float
    """Seconds of training so far."""
    states: dict[str, Any]
    """State dicts: G, D, G_ema and both optimisers."""

    def build_average(self) -> Generator:
        """G_ema in evaluation mode.

        Raises:
            ContractViolation: The state does not fit the generator.
        """
        G_ema = Generator(self.size, self.generator)
        try:
            G_ema.load_state_dict(self.states["G_ema"])
        except (KeyError, RuntimeError) as error:
            raise ContractViolation(f"checkpoint does not fit its generator: {str(error).splitlines()[0]}") from error
        return G_ema.eval().requires_grad_(False)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; the previous one stays until the new one is safe on the disk."""
    content = {
        "format": _FORMAT,
        "size": checkpoint.size,
        "widths": list(checkpoint.generator.widths),
        "images_seen": checkpoint.images_seen,
        "elapsed_s": checkpoint.elapsed_s,
        "states": checkpoint.states,
    }
    with atomic_path(path) as temporary:
        torch.save(content, temporary)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        InvalidSettings: There is no such file.
        ContractViolation: The file is damaged, or from another format.
    """
    if not path.is_file():
        raise InvalidSettings(f"{path}: there is no checkpoint", path=path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise ContractViolation(f"{path}: not a checkpoint, or damaged", path=path) from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ContractViolation(f"{path}: not a checkpoint of format {_FORMAT}", path=path)
    return Checkpoint(
        size=content["size"],
        generator=GeneratorConfig(widths=tuple(content["widths"])),
        images_seen=content["images_seen"],
        elapsed_s=content["elapsed_s"],
        states=content["states"],
    )
