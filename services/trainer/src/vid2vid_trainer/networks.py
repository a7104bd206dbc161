"""The generator and the discriminator. They know pictures and nothing of losses, optimisers or files.

Shape suffixes: N batch, C channels, S picture size, H half the picture size.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from vid2vid_trainer.config import DiscriminatorConfig, GeneratorConfig

LEAK = 0.2
"""Slope of the leaky ReLU below zero."""

FULL_RESOLUTION_CHANNELS = 8
"""Channels of the last layer's input; few, because every one of them is as large as the picture."""

GATE_BIAS = 2.0
"""The bias picture's gate begins nearly open: the sigmoid of 2 is 0.88."""


class ConvBlock(nn.Module):
    """3x3 convolution, batch norm, leaky ReLU. At export the norm folds into the convolution and costs nothing."""

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(out_channels)
        nn.init.kaiming_normal_(self.conv.weight, a=LEAK)

    def forward(self, x: Tensor) -> Tensor:
        """NCHW to NCHW, halved where stride is 2."""
        return functional.leaky_relu(self.norm(self.conv(x)), LEAK)


class UpBlock(nn.Module):
    """Doubles the resolution by pixel shuffle, joins the skip connection and mixes both."""

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int) -> None:
        super().__init__()
        self.shuffle = nn.PixelShuffle(2)
        self.mix = ConvBlock(in_channels // 4 + skip_channels, out_channels)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """NCHW and its twice as large skip connection to the skip's size."""
        mixed: Tensor = self.mix(torch.cat([self.shuffle(x), skip], dim=1))
        return mixed


def usable_levels(size: int, wanted: int) -> int:
    """How many of the wanted levels a picture of this size has: each one halves it, down to 4 pixels at the least."""
    levels, side = 1, size // 2
    while levels < wanted and side % 2 == 0 and side >= 8:
        levels, side = levels + 1, side // 2
    return levels


class Generator(nn.Module):
    """U-Net from a mask to a picture.

    The body works at half the picture size: a pixel unshuffle folds the mask's 2x2 pixels into channels, a pixel
    shuffle unfolds the picture's. A frame of 256 pixels thus costs what one of 128 would. Coordinate channels tell
    the convolutions where they are. A learned bias picture, which begins as the mean training frame, holds what
    never moves; the network adds what does, and closes the picture's gate where its blurred traces would show.
    """

    coordinates: Tensor

    def __init__(self, size: int, config: GeneratorConfig) -> None:
        super().__init__()
        self.size = size
        widths = config.widths[: usable_levels(size, len(config.widths))]
        self.unshuffle = nn.PixelUnshuffle(2)
        self.stem = ConvBlock(4 + 2, widths[0])
        self.down = nn.ModuleList(ConvBlock(a, b, stride=2) for a, b in itertools.pairwise(widths))
        self.up = nn.ModuleList(UpBlock(deep, skip, skip) for skip, deep in reversed(list(itertools.pairwise(widths))))
        self.expand = nn.Conv2d(widths[0], 4 * FULL_RESOLUTION_CHANNELS, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2)
        self.head = nn.Conv2d(FULL_RESOLUTION_CHANNELS + 1, 3 + 1, 3, padding=1)
        self.bias_picture = nn.Parameter(torch.zeros(1, 3, size, size))
        self.register_buffer("coordinates", coordinate_channels(size // 2), persistent=False)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def set_mean_frame(self, mean: Tensor) -> None:
        """Begins the bias picture with the mean training frame, float [3,S,S] in -1..1."""
        with torch.no_grad():
            self.bias_picture.copy_(mean[None])

    def forward(self, mask: Tensor) -> Tensor:
        """Mask, float [N,1,S,S] in 0..1, to a picture, float [N,3,S,S] around -1..1 (not clamped)."""
        where = self.coordinates.to(mask.dtype).expand(mask.shape[0], -1, -1, -1)
        x = self.stem(torch.cat([self.unshuffle(mask), where], dim=1))
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)
        for up in self.up:
            x = up(x, skips.pop())
        x = functional.leaky_relu(self.shuffle(self.expand(x)), LEAK)
        colour, gate = self.head(torch.cat([x, mask], dim=1)).split([3, 1], dim=1)
        picture: Tensor = colour + torch.sigmoid(gate + GATE_BIAS) * self.bias_picture
        return picture


class Discriminator(nn.Module):
    """PatchGAN: says for each patch of a (mask, picture) pair how real it looks."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.unshuffle = nn.PixelUnshuffle(2)
        channels = (16, *config.widths)
        self.layers = nn.ModuleList(
            nn.utils.parametrizations.spectral_norm(nn.Conv2d(a, b, 4, stride=2, padding=1))
            for a, b in itertools.pairwise(channels)
        )
        self.score = nn.utils.parametrizations.spectral_norm(nn.Conv2d(channels[-1], 1, 3, padding=1))

    def forward(self, mask: Tensor, picture: Tensor) -> list[Tensor]:
        """Mask [N,1,S,S] and picture [N,3,S,S] to each layer's features; the last entry is the scores [N,1,h,w]."""
        x = self.unshuffle(torch.cat([mask, picture], dim=1))
        features = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), LEAK)
            features.append(x)
        features.append(self.score(x))
        return features


def coordinate_channels(side: int) -> Tensor:
    """X and y of every pixel centre in -1..1: float [1,2,side,side]."""
    line = (torch.arange(side) + 0.5) / side * 2 - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x, y])[None]


def parameter_count(module: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(p.numel() for p in module.parameters())
