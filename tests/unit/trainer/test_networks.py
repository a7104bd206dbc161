from __future__ import annotations

import pytest
import torch

from vid2vid_trainer.config import DiscriminatorConfig, GeneratorConfig
from vid2vid_trainer.networks import Discriminator, Generator, coordinate_channels, parameter_count, usable_levels
from vid2vid_trainer.recipes import fast


@pytest.mark.parametrize("size", [64, 80, 112, 128])
def test_generator_makes_a_picture_of_the_size_of_its_mask(size: int) -> None:
    generator = Generator(size, GeneratorConfig(widths=(4, 8, 8, 8, 8, 8)))
    assert generator(torch.zeros(2, 1, size, size)).shape == (2, 3, size, size)


@pytest.mark.parametrize(
    ("size", "levels"), [(256, 6), (128, 5), (80, 4), (64, 4)], ids=["to 4", "to 4 too", "to an odd 5", "to 4 again"]
)
def test_generator_halves_no_further_than_four_pixels_or_an_odd_size(size: int, levels: int) -> None:
    assert usable_levels(size, 6) == levels


def test_untrained_generator_shows_nearly_the_mean_frame() -> None:
    torch.manual_seed(0)
    generator = Generator(64, GeneratorConfig(widths=(8, 8))).eval()
    mean = torch.rand(3, 64, 64) - 0.5
    generator.set_mean_frame(mean)
    with torch.no_grad():
        picture = generator(torch.zeros(1, 1, 64, 64))[0]
    assert (picture - mean).abs().mean() < 0.1


def test_generator_in_evaluation_renders_a_mask_the_same_in_any_batch(generator: Generator) -> None:
    masks = (torch.rand(4, 1, 64, 64) > 0.9).float()
    with torch.no_grad():
        together, alone = generator(masks), torch.cat([generator(mask[None]) for mask in masks])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_discriminator_ends_in_patch_scores_and_shows_every_layer() -> None:
    features = Discriminator(DiscriminatorConfig(widths=(8, 16)))(torch.zeros(2, 1, 64, 64), torch.zeros(2, 3, 64, 64))
    assert [tuple(layer.shape) for layer in features] == [(2, 8, 16, 16), (2, 16, 8, 8), (2, 1, 8, 8)]


def test_coordinates_are_symmetric_around_zero() -> None:
    channels = coordinate_channels(4)
    assert channels[0, 0, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert channels[0, 1, :, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]


def test_fast_generator_stays_small_enough_for_two_cores() -> None:
    assert parameter_count(Generator(256, fast().generator)) < 10_000_000
