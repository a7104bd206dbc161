"""Everything a person can ask of the trainer, checked before any work begins. Nothing here imports torch."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import SecretStr

from vid2vid_core.crop import CropMode
from vid2vid_core.errors import EmptyMedia, InvalidSettings
from vid2vid_core.identifiers import validate_model_name
from vid2vid_core.mask import MaskSpec
from vid2vid_core.triton_control import NO_KEY
from vid2vid_trainer.recipes import Recipe, recipe_named
from vid2vid_trainer.schedule import Budget

MAX_MINUTES = 7 * 24 * 60.0
MAX_IMAGES = 10**9
MAX_SEED = 2**32 - 1
_TARGET = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):\d{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishOptions:
    """Where a version goes."""

    model: str
    """Name of the style."""
    repository: Path
    """Triton's model repository."""
    triton: str
    """Address of Triton's gRPC endpoint."""
    control_key: SecretStr = NO_KEY
    """What Triton asks for before it loads a version; empty for nothing."""
    publish: bool = True
    """Whether to publish at all."""
    load: bool = True
    """Whether to have Triton load the version."""

    def __post_init__(self) -> None:
        """Check name and address."""
        validate_model_name(self.model)
        check_target("triton", self.triton)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """One training, with every default filled in."""

    style: Path
    """The style video."""
    recipe: Recipe
    """What the training is made of."""
    budget: Budget
    """When it ends."""
    mask_spec: MaskSpec
    """How masks are drawn; its size is the picture size."""
    crop_mode: CropMode
    """How the square around the face is chosen."""
    seed: int
    """Of every random choice."""
    runs: Path
    """Where the run folder is made."""
    landmarks: str
    """Address of the landmark service."""
    publishing: PublishOptions
    """Where the result goes."""

    def __post_init__(self) -> None:
        """Check what no field checks itself."""
        check_style(self.style)
        check_target("landmarks", self.landmarks)
        if not 0 <= self.seed <= MAX_SEED:
            raise InvalidSettings(f"seed {self.seed}: allowed are 0 to {MAX_SEED}", seed=self.seed)
        if self.crop_mode not in get_args(CropMode):
            allowed = ", ".join(get_args(CropMode))
            raise InvalidSettings(f"crop {self.crop_mode!r}: allowed are {allowed}", crop=self.crop_mode)

    def to_dict(self) -> dict[str, Any]:
        """For options.json: plain values only."""
        return cast(dict[str, Any], _plain(asdict(self)))

    def summary(self) -> str:
        """One line for people."""
        return (
            f"style {self.style}, model {self.publishing.model}, recipe {self.recipe.name}, {self.budget.describe()}, "
            f"{self.mask_spec.size} pixels, crop {self.crop_mode}, seed {self.seed}"
        )


def resolve_train_options(
    *,
    style: Path,
    recipe: str,
    size: int,
    minutes: float | None,
    images: int | None,
    crop: str,
    seed: int,
    runs: Path,
    landmarks: str,
    publishing: PublishOptions,
) -> TrainOptions:
    """Check what was typed and fill in what was not.

    Raises:
        Vid2VidError: A value is outside its range; the message names it and what is allowed.
    """
    chosen = recipe_named(recipe)
    return TrainOptions(
        style=style,
        recipe=chosen,
        budget=resolve_budget(minutes, images, chosen.budget),
        mask_spec=MaskSpec(size=size),
        crop_mode=cast(CropMode, crop),
        seed=seed,
        runs=runs,
        landmarks=landmarks,
        publishing=publishing,
    )


def resolve_budget(minutes: float | None, images: int | None, default: Budget) -> Budget:
    """The budget that was asked for, otherwise the recipe's.

    Raises:
        InvalidSettings: Both were given, or one outside its range.
    """
    if minutes is not None and images is not None:
        raise InvalidSettings("minutes and images: give one of them, they both say when the training ends")
    if minutes is not None:
        if not 0 < minutes <= MAX_MINUTES:
            raise InvalidSettings(f"minutes {minutes:g}: allowed are above 0, up to {MAX_MINUTES:g}", minutes=minutes)
        return Budget(minutes=minutes)
    if images is not None:
        if not 1 <= images <= MAX_IMAGES:
            raise InvalidSettings(f"images {images}: allowed are 1 to {MAX_IMAGES}", images=images)
        return Budget(images=images)
    return default


def check_style(path: Path) -> None:
    """Refuse a style video that is not a file with something in it.

    Raises:
        InvalidSettings: There is no such file.
        EmptyMedia: It has no byte.
    """
    if not path.is_file():
        raise InvalidSettings(f"style video {path}: there is no such file", path=path)
    if path.stat().st_size == 0:
        raise EmptyMedia(f"style video {path}: the file is empty", path=path)


def check_target(name: str, target: str) -> None:
    """Refuse an address that is not host:port.

    Raises:
        InvalidSettings: It is not.
    """
    if not _TARGET.fullmatch(target):
        raise InvalidSettings(f"{name} {target!r}: expected host:port", target=target)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path | SecretStr) else value  # a secret's text is asterisks
