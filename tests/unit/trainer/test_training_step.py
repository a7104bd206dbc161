from __future__ import annotations

import numpy as np
import torch

from tests.support.styles import SPEC, style_pairs
from vid2vid_trainer.augment import AugmentConfig
from vid2vid_trainer.batches import Batch, BatchSampler
from vid2vid_trainer.recipes import debug
from vid2vid_trainer.regions import RegionConfig
from vid2vid_trainer.training_step import Adversaries

CPU = torch.device("cpu")


def batch() -> Batch:
    sampler = BatchSampler(
        style_pairs(4),
        SPEC,
        batch=4,
        augment=AugmentConfig(probability=0),
        regions=RegionConfig(),
        random=np.random.default_rng(0),
        device=CPU,
    )
    return sampler.next()


def adversaries() -> Adversaries:
    torch.manual_seed(0)
    return Adversaries(debug(), SPEC.size, CPU)


def weights(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def test_step_without_adversary_trains_the_generator_alone() -> None:
    networks = adversaries()
    generator, discriminator = weights(networks.G), weights(networks.D)
    terms = networks.step(batch(), rate_factor=1.0, adversarial=False)
    assert set(terms) == {"L1"}
    assert not torch.equal(weights(networks.G), generator)
    assert torch.equal(weights(networks.D), discriminator)


def test_adversarial_step_trains_both() -> None:
    networks = adversaries()
    generator, discriminator = weights(networks.G), weights(networks.D)
    terms = networks.step(batch(), rate_factor=1.0, adversarial=True)
    assert set(terms) == {"L1", "G", "features", "D"}
    assert not torch.equal(weights(networks.G), generator)
    assert not torch.equal(weights(networks.D), discriminator)


def test_step_at_rate_zero_changes_nothing() -> None:
    networks = adversaries()
    generator = weights(networks.G)
    networks.step(batch(), rate_factor=0.0, adversarial=True)
    assert torch.equal(weights(networks.G), generator)


def test_loss_falls_over_a_few_steps() -> None:
    networks, pairs = adversaries(), batch()
    losses = [networks.step(pairs, rate_factor=1.0, adversarial=False)["L1"] for _ in range(12)]
    assert losses[-1] < 0.8 * losses[0]
