"""G_ema: the moving average of the generator, which is what is sampled, measured and exported."""

from __future__ import annotations

import copy

import torch
from torch import nn

from vid2vid_trainer.networks import Generator

MAX_DECAY = 0.995
"""Decay after the first steps: an average over about 200 of them."""


def make_average(G: Generator) -> Generator:
    """A copy of the generator in evaluation mode that takes no gradients."""
    return copy.deepcopy(G).eval().requires_grad_(False)


def update_average(G_ema: Generator, G: Generator, step: int) -> None:
    """Move the average towards the generator; early steps move it faster, so that it forgets the beginning.

    Args:
        G_ema: The average.
        G: The generator that was just trained.
        step: Training steps so far, from 1.
    """
    decay = min(MAX_DECAY, (1 + step) / (10 + step))
    with torch.no_grad():
        for average, value in zip(_tensors(G_ema), _tensors(G), strict=True):
            if average.dtype.is_floating_point:
                average.lerp_(value, 1 - decay)
            else:
                average.copy_(value)


def _tensors(module: nn.Module) -> list[torch.Tensor]:
    # Batch norm's running statistics are buffers: they belong to the average as much as the weights.
    return [*module.parameters(), *module.buffers()]
