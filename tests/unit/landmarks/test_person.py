"""Whom to follow."""

import numpy as np

from tests.support.faces import FRONTAL_FACE
from vid2vid_landmarks.face import Points
from vid2vid_landmarks.person import pick_person


def face(x: float, size: float = 100) -> Points:
    return FRONTAL_FACE.astype(np.float64) * size + (x, 0)


def centres(person: list[Points | None]) -> list[int | None]:
    return [None if points is None else round(float(points[:, 0].min()) - 18.75) for points in person]


def test_the_larger_face_is_followed() -> None:
    samples = [[face(0), face(300, 200)], [face(300, 200), face(0)]]
    assert [points is samples[0][1] or points is samples[1][0] for points in pick_person(samples)] == [True, True]


def test_the_face_that_stays_wins_over_a_large_passer_by() -> None:
    samples = [[face(0)], [face(0), face(400, 150)], [face(0)], [face(0)]]
    assert centres(pick_person(samples)) == [0, 0, 0, 0]


def test_a_person_who_leaves_and_returns_elsewhere_is_one_person() -> None:
    samples = [[face(0)], [face(0)], [], [face(500)]]
    assert centres(pick_person(samples)) == [0, 0, None, 500]


def test_a_small_face_in_an_absence_is_somebody_else() -> None:
    samples = [[face(0)], [face(0)], [face(500, 30)]]
    assert centres(pick_person(samples)) == [0, 0, None]


def test_no_faces_give_nobody() -> None:
    assert pick_person([[], []]) == [None, None]
