"""Settings of networks and losses.

They stand apart from their owners because those import torch, which takes seconds: options are checked and `--help`
is answered without it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorConfig:
    """Shape of the generator."""

    widths: tuple[int, ...] = (24, 48, 128, 256, 512, 512)
    """Channels at 1/2, 1/4, 1/8 ... of the picture size; levels that an odd size cannot reach are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscriminatorConfig:
    """Shape of the discriminator."""

    widths: tuple[int, ...] = (48, 96, 192)
    """Channels after each halving, beginning at 1/4 of the picture size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossConfig:
    """Weights of the generator's losses."""

    pixel: float = 100.0
    """Region-weighted L1, as in pix2pix (Isola et al. 2017)."""
    features: float = 10.0
    """Feature matching, as in pix2pixHD (Wang et al. 2018)."""
    adversarial: float = 1.0
    """Hinge loss."""
    adversarial_start: float = 0.15
    """Share of the training after which the discriminator joins: it learns nothing from a blur."""
