from __future__ import annotations

import pytest
import torch

from vid2vid_trainer.losses import discriminator_hinge, feature_matching, generator_hinge, region_l1


def test_region_l1_counts_a_difference_by_its_weight() -> None:
    real = torch.zeros(1, 3, 2, 2)
    fake = real.clone()
    fake[..., 0, 0] = 1.0
    weights = torch.ones(1, 1, 2, 2)
    weights[..., 0, 0] = 5.0
    assert region_l1(fake, real, weights).item() == pytest.approx(5 / 8)


def test_region_l1_with_equal_weights_is_the_mean_difference() -> None:
    assert region_l1(torch.full((1, 3, 2, 2), 0.5), torch.zeros(1, 3, 2, 2), torch.full((1, 1, 2, 2), 7.0)) == 0.5


@pytest.mark.parametrize(
    ("real", "fake", "loss"),
    [(1.0, -1.0, 0.0), (3.0, -3.0, 0.0), (0.0, 0.0, 2.0), (-1.0, 1.0, 4.0)],
    ids=["at the margin", "beyond the margin", "undecided", "fooled"],
)
def test_discriminator_hinge_is_zero_beyond_the_margin(real: float, fake: float, loss: float) -> None:
    assert discriminator_hinge(torch.full((2, 1), real), torch.full((2, 1), fake)).item() == loss


def test_generator_hinge_rewards_high_scores() -> None:
    assert generator_hinge(torch.tensor([1.0, 3.0])).item() == -2.0


def test_feature_matching_averages_layers_and_pulls_only_the_fake() -> None:
    fake = [torch.zeros(2, requires_grad=True), torch.zeros(3, requires_grad=True)]
    real = [torch.ones(2, requires_grad=True), torch.full((3,), 3.0, requires_grad=True)]
    loss = feature_matching(fake, real)
    torch.autograd.backward(loss)
    assert loss.item() == 2.0
    assert real[0].grad is None
    assert fake[0].grad is not None
