"""The crop of a clip."""

import pytest

from vid2vid_core.crop import Crop
from vid2vid_landmarks.face import FacePose
from vid2vid_landmarks.portrait import analysis_square, portrait_crop


def test_crop_surrounds_the_head_with_its_margins() -> None:
    crop = portrait_crop([FacePose(600, 300, 100)], 1280, 720)
    assert crop.size == pytest.approx(190, abs=2)
    assert crop.x + crop.size / 2 == pytest.approx(600, abs=2)
    assert crop.y + crop.size / 2 == pytest.approx(290, abs=2)


def test_crop_covers_every_position_of_a_moving_face() -> None:
    crop = portrait_crop([FacePose(500, 300, 100), FacePose(700, 320, 110)], 1280, 720)
    assert crop.x < 500 - 60
    assert crop.x + crop.size > 700 + 66


@pytest.mark.parametrize(
    ("pose", "size"),
    [
        pytest.param(FacePose(50, 50, 90), (640, 480), id="in the corner"),
        pytest.param(FacePose(620, 240, 90), (640, 480), id="half outside"),
        pytest.param(FacePose(256, 256, 260), (512, 512), id="fills the picture"),
        pytest.param(FacePose(540, 900, 500), (1080, 1920), id="portrait format"),
        pytest.param(FacePose(101, 51, 40), (203, 101), id="odd size"),
    ],
)
def test_crop_stays_inside_the_picture(pose: FacePose, size: tuple[int, int]) -> None:
    assert portrait_crop([pose], *size).padding(*size) == (0, 0, 0, 0)


def test_crop_pads_only_where_a_face_walks_further_than_the_picture_is_high() -> None:
    crop = portrait_crop([FacePose(100, 180, 100), FacePose(1180, 180, 100)], 1280, 360)
    left, top, right, bottom = crop.padding(1280, 360)
    assert (left, right) == (0, 0)
    assert crop.size >= 1180 + 60 - (100 - 60)
    assert top > 0
    assert bottom > 0


def test_one_wrong_detection_among_many_does_not_widen_the_crop() -> None:
    poses = [FacePose(300, 300, 100)] * 200 + [FacePose(1200, 600, 100)]
    assert portrait_crop(poses, 1280, 720) == portrait_crop(poses[:1], 1280, 720)


@pytest.mark.parametrize("crop", [Crop(0, 0, 200), Crop(440, 280, 200), Crop(200, 100, 200), Crop(0, 0, 480)])
def test_analysis_square_contains_the_crop_and_stays_inside(crop: Crop) -> None:
    square = analysis_square(crop, 640, 480)
    assert square.padding(640, 480) == (0, 0, 0, 0)
    assert square.x <= crop.x
    assert square.y <= crop.y
    assert square.x + square.size >= crop.x + crop.size
    assert square.y + square.size >= crop.y + crop.size
    assert square.size > crop.size or crop.size == 480


def test_analysis_square_of_a_padded_crop_is_the_crop() -> None:
    assert analysis_square(Crop(0, -50, 580), 640, 480) == Crop(0, -50, 580)
