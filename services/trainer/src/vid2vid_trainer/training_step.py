"""One step of the training: the discriminator's turn and the generator's turn on one batch."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from vid2vid_trainer import losses
from vid2vid_trainer.averaging import make_average, update_average
from vid2vid_trainer.batches import Batch
from vid2vid_trainer.networks import Discriminator, Generator
from vid2vid_trainer.recipes import Recipe

_BETAS = (0.5, 0.99)


class Adversaries:
    """G, D, G_ema and their optimisers."""

    def __init__(self, recipe: Recipe, size: int, device: torch.device) -> None:
        self._losses = recipe.losses
        self._rates = recipe.learning_rate
        self._device = device
        self._precision = precision(device)
        self.G = Generator(size, recipe.generator).to(device)
        self.D = Discriminator(recipe.discriminator).to(device)
        for network in (self.G, self.D):  # convolutions run faster with the channels innermost
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.G_ema = make_average(self.G)
        self._optimizer_G = torch.optim.Adam(self.G.parameters(), lr=0.0, betas=_BETAS)
        self._optimizer_D = torch.optim.Adam(self.D.parameters(), lr=0.0, betas=_BETAS)
        self.steps = 0

    def begin_with(self, mean_frame: Tensor) -> None:
        """Start the bias picture with the mean training frame, float ``[3, S, S]`` in -1..1."""
        self.G.set_mean_frame(mean_frame.to(self._device))
        self.G_ema.set_mean_frame(mean_frame.to(self._device))

    def step(self, batch: Batch, *, rate_factor: float, adversarial: bool) -> dict[str, float]:
        """Train both networks on one batch.

        Args:
            batch: Augmented pairs.
            rate_factor: Share of the peak learning rates.
            adversarial: Whether the discriminator takes part.

        Returns:
            The losses by name.
        """
        self._set_rates(rate_factor)
        with self._autocast():
            fake = self.G(batch.mask)
        terms = self._generator_turn(batch, fake, adversarial=adversarial)
        if adversarial:
            terms["D"] = self._discriminator_turn(batch, fake.detach())
        self.steps += 1
        update_average(self.G_ema, self.G, self.steps)
        return {name: float(value.detach()) for name, value in terms.items()}

    def state(self) -> dict[str, Any]:
        """State dicts for a checkpoint."""
        modules: Mapping[str, Any] = {
            "G": self.G,
            "D": self.D,
            "G_ema": self.G_ema,
            "optimizer_G": self._optimizer_G,
            "optimizer_D": self._optimizer_D,
        }
        return {name: module.state_dict() for name, module in modules.items()}

    def _generator_turn(self, batch: Batch, fake: Tensor, *, adversarial: bool) -> dict[str, Tensor]:
        terms = {"L1": losses.region_l1(fake.float(), batch.real, batch.weights)}
        total = self._losses.pixel * terms["L1"]
        if adversarial:
            self.D.requires_grad_(requires_grad=False)
            with self._autocast():
                fake_features = self.D(batch.mask, fake)
                with torch.no_grad():
                    real_features = self.D(batch.mask, batch.real)
            self.D.requires_grad_(requires_grad=True)
            terms["G"] = losses.generator_hinge(fake_features[-1].float())
            terms["features"] = losses.feature_matching(fake_features[:-1], real_features[:-1])
            total = total + self._losses.adversarial * terms["G"] + self._losses.features * terms["features"]
        self._optimizer_G.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        self._optimizer_G.step()
        return terms

    def _discriminator_turn(self, batch: Batch, fake: Tensor) -> Tensor:
        masks = torch.cat([batch.mask, batch.mask])
        with self._autocast():
            scores = self.D(masks, torch.cat([batch.real, fake]))[-1].float()
        loss = losses.discriminator_hinge(*scores.chunk(2))
        self._optimizer_D.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer_D.step()
        return loss

    def _set_rates(self, factor: float) -> None:
        for optimizer, peak in (
            (self._optimizer_G, self._rates.generator),
            (self._optimizer_D, self._rates.discriminator),
        ):
            for group in optimizer.param_groups:
                group["lr"] = peak * factor

    def _autocast(self) -> AbstractContextManager[Any]:
        if self._precision is torch.float32:
            return nullcontext()
        return torch.autocast(self._device.type, self._precision)


def precision(device: torch.device) -> torch.dtype:
    """bfloat16 where the device computes with it, float32 where it would only convert."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    # Private in torch 2.13, and without a public counterpart.
    checks = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return torch.bfloat16 if any(check is not None and check() for check in checks) else torch.float32
