"""dlib's face detector and landmark predictor. Nothing else in the project imports dlib."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import dlib
import numpy as np
from numpy.typing import NDArray

from vid2vid_core.errors import ConfigurationError
from vid2vid_landmarks.face import FacePose, Points

MIN_FACE_SIZE = 80
"""The detector's sliding window in pixels: it finds no smaller face."""

_ROLL_OF_VIEW = {3: -0.35, 4: 0.35}
"""The detector is five in one: front, two half profiles, and two turned heads, which answer from 10 to 40 degrees."""

_PREDICTOR_PACKAGE = "face_recognition_models"
_PREDICTOR_FILE = Path("models") / "shape_predictor_68_face_landmarks.dat"


@dataclass(frozen=True, slots=True)
class FaceBox:
    """A detected face: an upright square."""

    pose: FacePose
    """An upright square; its roll is a coarse guess, which the predictor needs: it copes with about 0.4 radians."""
    score: float
    """The detector's confidence; 0 is its own threshold, 1 and more is sure."""


def find_predictor(configured: Path | None = None) -> Path:
    """Path of the 68-point predictor.

    Args:
        configured: The setting's value. Unset: the file that the package ``face_recognition_models`` carries; the
            package is located, not imported, because its import needs setuptools.

    Raises:
        ConfigurationError: There is no such file.
    """
    if configured is None:
        spec = importlib.util.find_spec(_PREDICTOR_PACKAGE)
        if spec is None or spec.origin is None:
            raise ConfigurationError(
                f"no landmark predictor: set VID2VID_LANDMARKS_PREDICTOR or install {_PREDICTOR_PACKAGE}"
            )
        configured = Path(spec.origin).parent / _PREDICTOR_FILE
    if not configured.is_file():
        raise ConfigurationError(f"landmark predictor {str(configured)!r} is not a file", path=configured)
    return configured


class FaceDetector:
    """Finds faces and their landmarks in gray pictures. Not thread-safe; a process of its own each is best."""

    def __init__(self, predictor: Path) -> None:
        """Load the models: about a second and 150 MB.

        Raises:
            ConfigurationError: dlib can't read the predictor.
        """
        self._detect = dlib.get_frontal_face_detector()
        try:
            self._predict = dlib.shape_predictor(str(predictor))
        except RuntimeError as error:
            raise ConfigurationError(f"dlib can't read the landmark predictor {str(predictor)!r}") from error

    def detect(self, gray: NDArray[np.uint8], *, threshold: float = 0.0) -> list[FaceBox]:
        """All faces of at least :data:`MIN_FACE_SIZE` pixels, the surest first.

        Args:
            gray: ``[H, W]``.
            threshold: Least score; lower values find more faces and more that are none.
        """
        if min(gray.shape) < MIN_FACE_SIZE:
            return []
        boxes, scores, views = self._detect.run(gray, 0, threshold)
        return [
            FaceBox(_pose(box, _ROLL_OF_VIEW.get(int(view), 0.0)), float(score))
            for box, score, view in zip(boxes, scores, views, strict=True)
        ]

    def predict(self, gray: NDArray[np.uint8], box: FacePose) -> Points:
        """Landmarks inside a face's square, which is taken as upright.

        dlib rounds them to whole pixels: the caller scales the picture so that a pixel is small enough.

        Returns:
            float64 ``[68, 2]`` in pixels of the picture.
        """
        half = box.size / 2
        left, top = round(box.x - half), round(box.y - half)
        side = round(box.size)
        shape = self._predict(gray, dlib.rectangle(left, top, left + side - 1, top + side - 1))
        return np.array([(part.x, part.y) for part in shape.parts()], dtype=np.float64)


def _pose(box: dlib.rectangle, roll: float) -> FacePose:
    x, y = (box.left() + box.right()) / 2, (box.top() + box.bottom()) / 2
    return FacePose(x, y, float(box.right() - box.left() + 1), roll)
