"""Following one face with the real detector."""

import cv2
import numpy as np
import pytest

from tests.support.face_clips import Picture, blank, with_head
from vid2vid_landmarks.detector import FaceBox, FaceDetector, find_predictor
from vid2vid_landmarks.face import FacePose, pose_of
from vid2vid_landmarks.jobs import faces_of
from vid2vid_landmarks.tracker import Expectation, acquire, track_segment


def gray(picture: Picture) -> Picture:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def expectation(detector: FaceDetector, picture: Picture) -> Expectation:
    return Expectation(pose_of(faces_of(detector, picture, (240, 480))[0]))


def test_tracker_follows_a_moving_face_exactly(detector: FaceDetector) -> None:
    frames = np.stack([gray(with_head(blank(400, 320), 20 + 12 * step, 30, 240)) for step in range(8)])
    points = track_segment(detector, frames, [expectation(detector, frames[0])] * 8)
    centres = points.mean(axis=1)
    assert np.isfinite(points).all()
    assert np.abs(np.diff(centres[:, 0]) - 12).max() < 1.5
    assert np.abs(np.diff(centres[:, 1])).max() < 1.5


def test_tracker_marks_frames_without_a_face_and_finds_it_again(detector: FaceDetector) -> None:
    face, empty = gray(with_head(blank(320, 320), 40, 40, 240)), gray(blank(320, 320))
    frames = np.stack([empty, face, empty, face])
    found = np.isfinite(track_segment(detector, frames, [expectation(detector, face)] * 4)[:, 0, 0])
    assert found.tolist() == [False, True, False, True]


def test_tracker_stays_with_its_face_when_another_one_is_there(detector: FaceDetector) -> None:
    both = gray(with_head(with_head(blank(480, 260), 0, 10, 240), 240, 10, 240))
    gone = gray(with_head(blank(480, 260), 240, 10, 240))
    left = expectation(detector, gray(with_head(blank(480, 260), 0, 10, 240)))
    points = track_segment(detector, np.stack([both, gone, both]), [left] * 3)
    assert np.isnan(points[1]).all()
    assert (points[[0, 2]].mean(axis=1)[:, 0] < 240).all()


def test_tracker_finds_a_tilted_head(detector: FaceDetector) -> None:
    upright = gray(with_head(blank(400, 400), 80, 60, 240))
    turn = cv2.getRotationMatrix2D((200, 180), -40, 1.0)
    tilted = np.asarray(cv2.warpAffine(upright, turn, (400, 400), borderValue=90), dtype=np.uint8)
    points = track_segment(detector, tilted[None], [expectation(detector, upright)])
    assert pose_of(points[0]).roll == pytest.approx(np.deg2rad(40), abs=0.15)


def test_tracker_sees_no_face_in_noise(detector: FaceDetector) -> None:
    face = gray(with_head(blank(320, 320), 40, 40, 240))
    noise = np.random.default_rng(1).integers(0, 256, (1, 320, 320), dtype=np.uint8)
    assert np.isnan(track_segment(detector, noise, [expectation(detector, face)])).all()


def test_face_is_acquired_from_a_square_that_is_off(detector: FaceDetector) -> None:
    face = gray(with_head(blank(320, 320), 40, 40, 240))
    pose = expectation(detector, face).pose
    exact = acquire(detector, face, pose)
    off = acquire(detector, face, FacePose(pose.x, pose.y - 0.12 * pose.size, 0.85 * pose.size))
    assert exact is not None
    assert off is not None
    assert np.abs(off - exact).mean() < 0.02 * pose.size


def test_search_finds_every_face_once(detector: FaceDetector) -> None:
    both = gray(with_head(with_head(blank(480, 260), 0, 10, 240), 240, 10, 240))
    assert len(faces_of(detector, both, (240, 480))) == 2


class CountingDetector(FaceDetector):
    """The real one; remembers how often it looked."""

    looks = 0

    def detect(self, gray: Picture, *, threshold: float = 0.0) -> list[FaceBox]:
        self.looks += 1
        return super().detect(gray, threshold=threshold)


def test_detector_rests_while_the_face_looks_the_same() -> None:
    counting = CountingDetector(find_predictor())
    frames = np.stack([gray(with_head(blank(320, 320), 40 + step, 40, 240)) for step in range(8)])
    expected = [expectation(counting, frames[0])] * 8
    counting.looks = 0
    assert np.isfinite(track_segment(counting, frames, expected)).all()
    assert counting.looks == 2


@pytest.mark.parametrize("step", [1, 2, 3])
def test_face_that_vanishes_between_two_looks_of_the_detector_is_missed_at_once(
    detector: FaceDetector, step: int
) -> None:
    face = gray(with_head(blank(320, 320), 40, 40, 240))
    frames = np.repeat(face[None], 5, axis=0)
    frames[step] = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (320, 320), np.uint8), (0, 0), 8)
    found = np.isfinite(track_segment(detector, frames, [expectation(detector, face)] * 5)[:, 0, 0])
    assert found.tolist() == [index != step for index in range(5)]
