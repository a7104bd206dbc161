"""The dlib adapter."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.face_clips import blank, with_head
from vid2vid_core.errors import ConfigurationError
from vid2vid_landmarks.detector import FaceDetector, find_predictor


def test_detector_finds_a_real_face_and_its_landmarks(detector: FaceDetector) -> None:
    picture = with_head(blank(300, 300), 30, 20, 240)
    gray = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    (box,) = detector.detect(gray)
    points = detector.predict(gray, box.pose)
    assert points.shape == (68, 2)
    assert box.score > 0
    assert abs(points.mean(axis=0) - (box.pose.x, box.pose.y)).max() < 0.3 * box.pose.size


def test_detector_finds_nothing_in_a_tiny_picture(detector: FaceDetector) -> None:
    assert detector.detect(np.zeros((10, 10), np.uint8)) == []


def test_predictor_comes_with_a_dependency() -> None:
    assert find_predictor().stat().st_size > 10**7


def test_missing_predictor_fails(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.dat"):
        find_predictor(tmp_path / "nowhere.dat")


def test_damaged_predictor_fails(tmp_path: Path) -> None:
    path = tmp_path / "damaged.dat"
    path.write_bytes(b"no model")
    with pytest.raises(ConfigurationError, match=r"damaged\.dat"):
        FaceDetector(path)
