from __future__ import annotations

import numpy as np
import torch

from tests.support.styles import SPEC, style_pairs
from vid2vid_core.mask import draw_mask
from vid2vid_trainer.augment import AugmentConfig
from vid2vid_trainer.batches import BatchSampler, frame_to_float
from vid2vid_trainer.metrics import to_uint8
from vid2vid_trainer.regions import RegionConfig


def sampler(*, probability: float, seed: int = 0, count: int = 6) -> BatchSampler:
    return BatchSampler(
        style_pairs(count),
        SPEC,
        batch=3,
        augment=AugmentConfig(probability=probability),
        regions=RegionConfig(),
        random=np.random.default_rng(seed),
        device=torch.device("cpu"),
    )


def test_batch_has_masks_frames_and_weights_in_their_ranges() -> None:
    batch = sampler(probability=1.0).next()
    assert batch.mask.shape == (3, 1, 64, 64)
    assert set(batch.mask.flatten().tolist()) == {0.0, 1.0}
    assert batch.real.shape == (3, 3, 64, 64)
    assert -1 <= batch.real.min() < batch.real.max() <= 1
    assert batch.weights.shape == (3, 1, 64, 64)
    assert batch.weights.min() == 1.0


def test_sampler_shows_every_pair_once_per_round() -> None:
    plain, pairs = sampler(probability=0.0), style_pairs(6)
    seen = torch.cat([plain.next().real, plain.next().real])
    shown = {tuple(frame.flatten().tolist()) for frame in seen}
    assert shown == {tuple(frame.flatten().tolist()) for frame in frame_to_float(torch.from_numpy(pairs.frames))}


def test_same_seed_gives_the_same_batches() -> None:
    assert torch.equal(sampler(probability=1.0).next().real, sampler(probability=1.0).next().real)
    assert not torch.equal(sampler(probability=1.0).next().real, sampler(probability=1.0, seed=1).next().real)


def test_pair_that_is_not_changed_keeps_its_own_mask() -> None:
    mask, frame, _ = sampler(probability=0.0).sample(2)
    pairs = style_pairs(6)
    np.testing.assert_array_equal(mask, draw_mask(pairs.points[2], SPEC))
    np.testing.assert_array_equal(frame, pairs.frames[2])


def test_frames_survive_the_way_to_float_and_back() -> None:
    frames = torch.from_numpy(style_pairs(2).frames)
    assert torch.equal(to_uint8(frame_to_float(frames)), frames)
