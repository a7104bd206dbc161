from __future__ import annotations

import torch

from vid2vid_trainer.averaging import MAX_DECAY, make_average, update_average
from vid2vid_trainer.networks import Generator


def test_average_moves_a_share_of_the_way_to_the_generator(generator: Generator) -> None:
    average = make_average(generator)
    before = generator.head.weight.detach().clone()
    with torch.no_grad():
        generator.head.weight += 1.0
    update_average(average, generator, step=10**6)
    torch.testing.assert_close(average.head.weight, before + (1 - MAX_DECAY))


def test_average_follows_quickly_in_the_first_steps(generator: Generator) -> None:
    average = make_average(generator)
    before = generator.head.weight.detach().clone()
    with torch.no_grad():
        generator.head.weight += 1.0
    update_average(average, generator, step=1)
    torch.testing.assert_close(average.head.weight, before + (1 - 2 / 11))


def test_average_includes_the_running_statistics_of_norms(generator: Generator) -> None:
    average = make_average(generator)
    norm, average_norm = generator.stem.norm, average.stem.norm
    assert isinstance(norm.running_mean, torch.Tensor)
    assert isinstance(average_norm.running_mean, torch.Tensor)
    norm.running_mean.add_(1.0)
    expected = average_norm.running_mean + (1 - MAX_DECAY)
    update_average(average, generator, step=10**6)
    torch.testing.assert_close(average_norm.running_mean, expected)


def test_average_takes_no_gradients_and_stays_in_evaluation_mode(generator: Generator) -> None:
    average = make_average(generator.train())
    assert not average.training
    assert not any(parameter.requires_grad for parameter in average.parameters())
