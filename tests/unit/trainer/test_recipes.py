from __future__ import annotations

import pytest

from vid2vid_core.errors import InvalidSettings
from vid2vid_trainer.recipes import RECIPES, recipe_named


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_knows_its_name_and_its_end(name: str) -> None:
    recipe = recipe_named(name)
    assert recipe.name == name
    assert (recipe.budget.minutes is None) != (recipe.budget.images is None)


def test_debug_comes_first_and_ends_the_same_on_every_machine() -> None:
    assert next(iter(RECIPES)) == "debug"
    assert recipe_named("debug").budget.images is not None


def test_unknown_recipe_fails() -> None:
    with pytest.raises(InvalidSettings, match="recipe 'best': allowed are debug, fast, balanced"):
        recipe_named("best")
