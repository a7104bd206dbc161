"""What the networks are asked to minimise. Losses know tensors and nothing of networks or optimisers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def region_l1(fake: Tensor, real: Tensor, weights: Tensor) -> Tensor:
    """Mean absolute difference, weighted by region.

    Args:
        fake: float ``[N, 3, S, S]``.
        real: float ``[N, 3, S, S]``.
        weights: float ``[N, 1, S, S]``; their mean does not matter.
    """
    return ((fake - real).abs() * weights).mean() / weights.mean()


def discriminator_hinge(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Hinge loss of the discriminator (Lim and Ye 2017): 0 when real scores >= 1 and fake ones <= -1."""
    return functional.relu(1 - real_scores).mean() + functional.relu(1 + fake_scores).mean()


def generator_hinge(fake_scores: Tensor) -> Tensor:
    """Hinge loss of the generator: minus the mean score."""
    return -fake_scores.mean()


def feature_matching(fake_features: Sequence[Tensor], real_features: Sequence[Tensor]) -> Tensor:
    """Mean L1 between the discriminator's features of fake and real pictures, averaged over the layers."""
    distances = [
        (f.float() - r.detach().float()).abs().mean() for f, r in zip(fake_features, real_features, strict=True)
    ]
    return torch.stack(distances).mean()
