import pytest

from tests.support.faces import FRONTAL_FACE
from vid2vid_core.errors import InvalidLandmarks
from vid2vid_core.landmarks import (
    LANDMARK_COUNT,
    LANDMARK_GROUPS,
    FaceGeometry,
    interocular_distance,
    mouth_opening,
)


def test_groups_cover_every_landmark_once() -> None:
    covered = [index for group in LANDMARK_GROUPS.values() for index in range(group.start, group.stop)]
    assert covered == list(range(LANDMARK_COUNT))


def test_mouth_opening_does_not_depend_on_the_faces_size() -> None:
    assert mouth_opening(FRONTAL_FACE * 7) == pytest.approx(mouth_opening(FRONTAL_FACE))


def test_mouth_opening_grows_with_the_gap_between_the_lips() -> None:
    opened = FRONTAL_FACE.copy()
    opened[66, 1] = opened[62, 1] + interocular_distance(FRONTAL_FACE)
    opened[66, 0] = opened[62, 0]
    assert mouth_opening(opened) == pytest.approx(1.0)


@pytest.mark.parametrize("text", ["", "{}", "[1, 2]", '["a"]', "[[1]]"])
def test_geometry_text_that_is_no_face_fails(text: str) -> None:
    with pytest.raises(InvalidLandmarks):
        FaceGeometry.from_json(text)
