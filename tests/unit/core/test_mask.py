import numpy as np
import pytest

from tests.support.faces import FRONTAL_FACE
from vid2vid_core.errors import InvalidLandmarks, InvalidSettings, MaskSpecMismatch
from vid2vid_core.landmarks import LANDMARK_COUNT
from vid2vid_core.mask import MaskSpec, draw_mask


def test_mask_is_black_and_white_at_the_generators_own_size() -> None:
    mask = draw_mask(FRONTAL_FACE, MaskSpec(size=128))
    assert mask.shape == (128, 128)
    assert mask.dtype == np.uint8
    assert set(np.unique(mask)) == {0, 255}


@pytest.mark.parametrize("landmark", range(LANDMARK_COUNT))
def test_mask_shows_every_landmark(landmark: int) -> None:
    spec = MaskSpec(size=256)
    x, y = np.floor(FRONTAL_FACE[landmark] * spec.size).astype(int)
    around = draw_mask(FRONTAL_FACE, spec)[y - 1 : y + 2, x - 1 : x + 2]
    assert around.max() == 255


def test_moving_any_landmark_changes_the_mask() -> None:
    spec = MaskSpec(size=256)
    before = draw_mask(FRONTAL_FACE, spec)
    for landmark in range(LANDMARK_COUNT):
        moved = FRONTAL_FACE.copy()
        moved[landmark] += 0.02
        assert not np.array_equal(draw_mask(moved, spec), before), landmark


def test_line_width_is_in_output_pixels_at_every_size() -> None:
    # A wide line covers its area in proportion to size, not to the square of size: at most half is the frame's growth.
    small, large = (np.count_nonzero(draw_mask(FRONTAL_FACE, MaskSpec(size=size))) for size in (128, 512))
    assert 3 < large / small < 6


def test_landmarks_outside_the_crop_are_cut_off() -> None:
    mask = draw_mask(FRONTAL_FACE + 50.0, MaskSpec(size=64))
    assert np.count_nonzero(mask) == 0


@pytest.mark.parametrize(
    "points",
    [np.zeros((67, 2)), np.full((68, 2), np.nan), np.zeros((68, 3))],
    ids=["too few", "not a number", "three axes"],
)
def test_landmarks_that_cannot_be_drawn_fail(points: np.ndarray) -> None:
    with pytest.raises(InvalidLandmarks):
        draw_mask(points, MaskSpec())


@pytest.mark.parametrize(
    "fields", [{"size": 0}, {"size": 2048}, {"size": 100}, {"line_width": 0}, {"line_width": 99}], ids=str
)
def test_spec_outside_its_range_fails(fields: dict[str, int]) -> None:
    with pytest.raises(InvalidSettings, match="allowed are"):
        MaskSpec(**fields)


def test_spec_of_another_version_fails() -> None:
    with pytest.raises(MaskSpecMismatch, match="version 2"):
        MaskSpec(version=2)


@pytest.mark.parametrize("text", ["", "[]", '{"size":256,"colour":"red"}'], ids=["empty", "a list", "unknown field"])
def test_spec_text_that_is_not_known_fails(text: str) -> None:
    with pytest.raises(MaskSpecMismatch):
        MaskSpec.from_json(text)


def test_spec_survives_json_and_its_hash_tells_specs_apart() -> None:
    spec = MaskSpec(size=128, line_width=3)
    assert MaskSpec.from_json(spec.to_json()) == spec
    assert MaskSpec.from_json(spec.to_json()).hash == spec.hash
    assert spec.hash != MaskSpec(size=128).hash
