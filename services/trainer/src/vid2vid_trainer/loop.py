"""The training loop: batches in, G_ema out, with measurements, samples and checkpoints along the way."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vid2vid_core.errors import TrainingDiverged
from vid2vid_trainer.batches import BatchSampler, frame_to_float, mask_to_float
from vid2vid_trainer.checkpoint import Checkpoint, save_checkpoint
from vid2vid_trainer.dataset import Pairs, StyleDataset
from vid2vid_trainer.metrics import MetricsLog, mean_absolute_error, structural_similarity, to_uint8
from vid2vid_trainer.networks import Generator
from vid2vid_trainer.recipes import Recipe
from vid2vid_trainer.run_folder import RunFolder
from vid2vid_trainer.samples import SAMPLE_COUNT, sample_grid, spread, write_png
from vid2vid_trainer.schedule import Budget, Clock
from vid2vid_trainer.training_step import Adversaries

_RENDER_BATCH = 8
_MEASURED_FRAMES = 16
"""Held-out frames per measurement: half a second, so that measuring does not eat a short budget."""
_SMOOTHING = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """What a training came to."""

    images_seen: int
    """Training images."""
    elapsed_s: float
    """Wall time of the loop."""
    l1: float
    """Mean absolute difference on the measured frames, 0..255."""
    ssim: float
    """Structural similarity on the measured frames."""
    held_out: bool
    """Whether those frames were kept out of the training."""


ReportTraining = Callable[[float, str], None]
"""Hears the share of the budget that is spent, and figures for people."""


class TrainingLoop:
    """One training from the first batch to the last checkpoint."""

    def __init__(
        self,
        *,
        dataset: StyleDataset,
        recipe: Recipe,
        budget: Budget,
        seed: int,
        run: RunFolder,
        device: torch.device,
        report: ReportTraining = lambda _share, _text: None,
    ) -> None:
        torch.manual_seed(seed)
        self._dataset = dataset
        self._recipe = recipe
        self._run = run
        self._device = device
        self._report = report
        self._budget = budget
        self._metrics = MetricsLog(run.metrics)
        self._sampler = BatchSampler(
            dataset.training,
            dataset.mask_spec,
            batch=recipe.batch,
            augment=recipe.augment,
            regions=recipe.regions,
            random=np.random.default_rng(seed),
            device=device,
        )
        self._networks = Adversaries(recipe, dataset.mask_spec.size, device)
        mean = torch.from_numpy(dataset.mean_frame())[None]
        self._networks.begin_with(frame_to_float(mean)[0])
        self._images_seen = 0
        self._smoothed: dict[str, float] = {}

    @property
    def G_ema(self) -> Generator:
        """The averaged generator as it is now."""
        return self._networks.G_ema

    def run(self) -> TrainingResult:
        """Train until the budget is spent.

        Whatever ends the training, a checkpoint is left, unless there is nothing in it worth to be kept.

        Raises:
            TrainingDiverged: A loss stopped being a number. An earlier checkpoint stays.
        """
        self._clock = Clock(self._budget)
        try:
            while (progress := self._clock.progress(self._images_seen)) < 1:
                self._step(progress)
        except TrainingDiverged:
            self._images_seen = 0
            raise
        finally:
            if self._images_seen:
                self._save_checkpoint()
        return self._measure()

    def _step(self, progress: float) -> None:
        recipe, before = self._recipe, self._images_seen
        losses = self._networks.step(
            self._sampler.next(),
            rate_factor=recipe.learning_rate.factor(before, progress),
            adversarial=progress >= recipe.losses.adversarial_start,
        )
        self._images_seen += recipe.batch
        require_finite(losses, self._images_seen)
        self._smooth(losses)
        self._report(progress, self._figures())
        if crossed(before, self._images_seen, recipe.validate_every):
            self._measure()
        if crossed(before, self._images_seen, recipe.checkpoint_every):
            self._save_checkpoint()

    def _smooth(self, losses: dict[str, float]) -> None:
        for name, value in losses.items():
            self._smoothed[name] = _SMOOTHING * self._smoothed.get(name, value) + (1 - _SMOOTHING) * value

    def _figures(self) -> str:
        rate = self._images_seen / max(self._clock.elapsed_s, 1e-6)
        losses = "  ".join(f"{name} {value:.3f}" for name, value in self._smoothed.items())
        return f"{self._images_seen} images  {rate:.1f} images/s  {losses}"

    def _measure(self) -> TrainingResult:
        """Measure G_ema, log the figures and write the sample grid."""
        pairs = self._dataset.validation
        chosen = spread(len(pairs), _MEASURED_FRAMES)
        real = torch.from_numpy(pairs.frames[chosen])
        fake = render(self.G_ema, pairs.masks[chosen], self._device)
        result = TrainingResult(
            images_seen=self._images_seen,
            elapsed_s=self._clock.elapsed_s,
            l1=mean_absolute_error(fake, real),
            ssim=structural_similarity(fake, real),
            held_out=self._dataset.held_out_count > 0,
        )
        self._log(result)
        self._write_samples(pairs)
        return result

    def _log(self, result: TrainingResult) -> None:
        record = {
            "images_seen": result.images_seen,
            "elapsed_s": result.elapsed_s,
            "l1": result.l1,
            "ssim": result.ssim,
            "held_out": result.held_out,
        }
        self._metrics.append(record | {f"loss_{name}": value for name, value in self._smoothed.items()})

    def _write_samples(self, pairs: Pairs) -> None:
        chosen = spread(len(pairs), SAMPLE_COUNT)
        fake = render(self.G_ema, pairs.masks[chosen], self._device).numpy()
        write_png(self._run.samples, sample_grid(pairs.masks[chosen], pairs.frames[chosen], fake))

    def _save_checkpoint(self) -> None:
        checkpoint = Checkpoint(
            size=self._dataset.mask_spec.size,
            generator=self._recipe.generator,
            images_seen=self._images_seen,
            elapsed_s=self._clock.elapsed_s,
            states=self._networks.state(),
        )
        save_checkpoint(self._run.checkpoint, checkpoint)


def require_finite(losses: dict[str, float], images_seen: int) -> None:
    """Refuse to go on with weights that are beyond repair.

    Raises:
        TrainingDiverged: A loss is infinite or not a number.
    """
    bad = [name for name, value in losses.items() if not math.isfinite(value)]
    if bad:
        raise TrainingDiverged(
            f"training diverged after {images_seen} images (loss {', '.join(bad)}): try another --seed or recipe",
            images_seen=images_seen,
        )


def crossed(before: int, after: int, interval: int) -> bool:
    """Whether a count passed a multiple of the interval."""
    return before // interval != after // interval


def render(G_ema: Generator, masks: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Masks uint8 ``[N, S, S]`` to frames, uint8 ``[N, S, S, 3]`` in main memory."""
    frames = []
    with torch.inference_mode():
        for start in range(0, len(masks), _RENDER_BATCH):
            part = torch.from_numpy(np.ascontiguousarray(masks[start : start + _RENDER_BATCH])).to(device)
            frames.append(to_uint8(G_ema(mask_to_float(part))).cpu())
    return torch.cat(frames)
