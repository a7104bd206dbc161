"""Batches of augmented pairs as tensors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from vid2vid_core.mask import MaskSpec, draw_mask
from vid2vid_trainer.augment import AugmentConfig, FaceWarp
from vid2vid_trainer.dataset import Pairs
from vid2vid_trainer.regions import REDUCTION, RegionConfig, region_weights


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """A batch of pairs on the training device."""

    mask: Tensor
    """float ``[N, 1, S, S]`` in 0..1."""
    real: Tensor
    """float ``[N, 3, S, S]`` in -1..1."""
    weights: Tensor
    """float ``[N, 1, S, S]``, 1 and above."""


class BatchSampler:
    """Endless random batches: every pair once per round, in random order, each time augmented anew."""

    def __init__(
        self,
        pairs: Pairs,
        mask_spec: MaskSpec,
        *,
        batch: int,
        augment: AugmentConfig,
        regions: RegionConfig,
        random: np.random.Generator,
        device: torch.device,
    ) -> None:
        self._pairs = pairs
        self._mask_spec = mask_spec
        self._batch = batch
        self._augment = augment
        self._regions = regions
        self._random = random
        self._device = device
        self._order: list[int] = []

    def next(self) -> Batch:
        """The next batch."""
        samples = [self.sample(self._next_index()) for _ in range(self._batch)]
        masks, frames, weights = (np.stack(column) for column in zip(*samples, strict=True))
        small = torch.from_numpy(weights)[:, None].to(self._device)
        return Batch(
            mask=mask_to_float(torch.from_numpy(masks).to(self._device)),
            real=frame_to_float(torch.from_numpy(frames).to(self._device)),
            weights=functional.interpolate(small, scale_factor=REDUCTION, mode="bilinear"),
        )

    def sample(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]:
        """One pair, changed at random: mask, frame and region weights."""
        mask, frame, points = self._pairs.masks[index], self._pairs.frames[index], self._pairs.points[index]
        if self._random.random() < self._augment.probability:
            warp = FaceWarp.draw(points, self._augment, self._random)
            points = warp.warp_points(points)
            mask, frame = draw_mask(points, self._mask_spec), warp.warp_picture(frame)
        return mask, frame, region_weights(points, self._mask_spec.size, self._regions)

    def _next_index(self) -> int:
        if not self._order:
            self._order = self._random.permutation(len(self._pairs)).tolist()
        return self._order.pop()


def mask_to_float(mask: Tensor) -> Tensor:
    """uint8 ``[N, S, S]`` to float ``[N, 1, S, S]`` in 0..1; the exported graph begins with the same step."""
    return (mask.float() / 255)[:, None]


def frame_to_float(frame: Tensor) -> Tensor:
    """uint8 ``[N, S, S, 3]`` to float ``[N, 3, S, S]`` in -1..1, channels last in memory."""
    return (frame.float() / 127.5 - 1).permute(0, 3, 1, 2)
