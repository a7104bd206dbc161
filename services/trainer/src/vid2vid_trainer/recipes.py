"""Recipes: a name for everything that a training is made of. The smallest comes first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from vid2vid_core.errors import InvalidSettings
from vid2vid_trainer.augment import AugmentConfig
from vid2vid_trainer.config import DiscriminatorConfig, GeneratorConfig, LossConfig
from vid2vid_trainer.regions import RegionConfig
from vid2vid_trainer.schedule import Budget, LearningRate


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything about a training but the style and the picture size."""

    name: str
    """What the person types."""
    budget: Budget
    """When the training ends, unless the person says otherwise."""
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    """Shape of the generator."""
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    """Shape of the discriminator."""
    losses: LossConfig = field(default_factory=LossConfig)
    """Weights of the losses."""
    regions: RegionConfig = field(default_factory=RegionConfig)
    """Where the pixel-wise loss counts more."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """How pairs are changed."""
    learning_rate: LearningRate = field(default_factory=LearningRate)
    """Peak rates and their course."""
    batch: int = 8
    """Pairs per step."""
    validate_every: int = 800
    """Images between two measurements on the held-out frames; the sample grid is written then as well."""
    checkpoint_every: int = 8000
    """Images between two checkpoints; one is always written at the end."""


def debug() -> Recipe:
    """Seconds: shows that everything is connected. Drives the tests."""
    return Recipe(
        name="debug",
        budget=Budget(images=64),
        generator=GeneratorConfig(widths=(8, 16, 24, 32)),
        discriminator=DiscriminatorConfig(widths=(8, 16)),
        learning_rate=LearningRate(generator=2e-3, warmup_images=16),
        batch=4,
        validate_every=16,
    )


def fast() -> Recipe:
    """Two and a half minutes on two CPU cores: a recognisable face that follows mouth, eyes and head."""
    return Recipe(name="fast", budget=Budget(minutes=2.5))


def balanced() -> Recipe:
    """Fifteen minutes on two CPU cores: sharper, with more channels where most of the picture is made."""
    return Recipe(
        name="balanced",
        budget=Budget(minutes=15.0),
        generator=GeneratorConfig(widths=(40, 80, 160, 320, 512, 512)),
        discriminator=DiscriminatorConfig(widths=(64, 128, 256)),
        validate_every=2000,
    )


RECIPES: dict[str, Callable[[], Recipe]] = {"debug": debug, "fast": fast, "balanced": balanced}
"""Every recipe by name."""


def recipe_named(name: str) -> Recipe:
    """The recipe of this name.

    Raises:
        InvalidSettings: There is none.
    """
    if name not in RECIPES:
        raise InvalidSettings(f"recipe {name!r}: allowed are {', '.join(RECIPES)}", recipe=name)
    return RECIPES[name]()
