"""The real detector, loaded once."""

import pytest

from vid2vid_landmarks.detector import FaceDetector, find_predictor


@pytest.fixture(scope="session")
def detector() -> FaceDetector:
    return FaceDetector(find_predictor())
