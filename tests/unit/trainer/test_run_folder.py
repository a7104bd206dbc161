from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.faces import FRONTAL_FACE
from tests.support.styles import SPEC
from vid2vid_core.crop import Crop
from vid2vid_core.errors import InvalidSettings, OutputNotWritable
from vid2vid_core.landmarks import FaceGeometry
from vid2vid_trainer.run_folder import RunFolder, StyleCard


def create(runs: Path) -> RunFolder:
    return RunFolder.create(runs, model="anna", size=64, recipe="debug", options={"seed": 3})


def test_runs_are_numbered_and_named(tmp_path: Path) -> None:
    names = [create(tmp_path / "runs").name for _ in range(2)]
    assert names == ["00001-anna-64-debug", "00002-anna-64-debug"]


def test_number_follows_the_highest_not_the_count(tmp_path: Path) -> None:
    (tmp_path / "00041-other-64-fast").mkdir()
    (tmp_path / "notes").mkdir()
    assert create(tmp_path).name == "00042-anna-64-debug"


def test_options_are_stored(tmp_path: Path) -> None:
    assert json.loads(create(tmp_path).options.read_text()) == {"seed": 3}


def test_style_card_survives_the_folder(tmp_path: Path) -> None:
    run = create(tmp_path)
    geometry = FaceGeometry(FRONTAL_FACE)
    run.write_style(StyleCard(mask_spec=SPEC, geometry=geometry, crop=Crop(1, -2, 30), pair_count=9))
    card = run.read_style()
    assert (card.mask_spec, card.crop, card.pair_count) == (SPEC, Crop(1, -2, 30), 9)
    np.testing.assert_allclose(card.geometry.points, geometry.points, atol=1e-5)


@pytest.mark.parametrize("content", [None, "{}", "no json"], ids=["missing", "empty", "damaged"])
def test_folder_that_is_no_run_fails(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "style.json").write_text(content)
    with pytest.raises(InvalidSettings, match="not a run folder"):
        RunFolder(tmp_path).read_style()


def test_runs_folder_that_is_a_file_fails(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(OutputNotWritable):
        create(tmp_path / "runs")
