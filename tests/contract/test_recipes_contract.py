"""The demo refuses a recipe that the trainer doesn't have before it makes a clip; both must know the same ones."""

from vid2vid_demo import options
from vid2vid_trainer import recipes


def test_demo_offers_the_trainers_recipes() -> None:
    assert set(options.RECIPES) == set(recipes.RECIPES)
