"""How close generated frames are to real ones, and the log of these figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

_WINDOW = 7


def mean_absolute_error(fake: Tensor, real: Tensor) -> float:
    """Mean absolute difference of uint8 pictures ``[N, S, S, 3]``, in 0..255."""
    return float((fake.float() - real.float()).abs().mean())


def structural_similarity(fake: Tensor, real: Tensor) -> float:
    """Mean SSIM (Wang et al. 2004) of uint8 pictures ``[N, S, S, 3]``.

    7x7 uniform window, per channel, sample covariance: the same figures as scikit-image's ``structural_similarity``
    with its defaults.
    """
    x, y = (picture.permute(0, 3, 1, 2).double() for picture in (fake, real))
    correction = _WINDOW**2 / (_WINDOW**2 - 1)
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    variance_x = correction * (_window_mean(x * x) - mean_x**2)
    variance_y = correction * (_window_mean(y * y) - mean_y**2)
    covariance = correction * (_window_mean(x * y) - mean_x * mean_y)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity /= (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return float(similarity.mean())


def _window_mean(x: Tensor) -> Tensor:
    return functional.avg_pool2d(x, _WINDOW, stride=1)


class MetricsLog:
    """JSON lines, one record at a time, flushed at once: a stopped run keeps what it measured."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, record: Mapping[str, float | int | bool | str]) -> None:
        """Add one record."""
        rounded = {key: round(value, 5) if isinstance(value, float) else value for key, value in record.items()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(rounded) + "\n")


def to_uint8(picture: Tensor) -> Tensor:
    """Float ``[N, 3, S, S]`` around -1..1 to uint8 ``[N, S, S, 3]``; the exported graph ends in the same steps."""
    scaled = (picture.float().clamp(-1, 1) + 1) * 127.5
    return torch.round(scaled).to(torch.uint8).permute(0, 2, 3, 1)
