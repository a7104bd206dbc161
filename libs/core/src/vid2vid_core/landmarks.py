"""The 68 landmarks of a face, in the order of the iBUG 300-W annotation that dlib's predictor uses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.errors import InvalidLandmarks

LANDMARK_COUNT = 68
"""Points per face."""

LandmarkArray = NDArray[np.float32]
"""``[68, 2]``: x and y."""


class LandmarkGroup(NamedTuple):
    """A run of consecutive landmarks that forms one line of the face."""

    start: int
    """First landmark."""
    stop: int
    """One past the last landmark."""
    closed: bool
    """Whether the last landmark connects to the first."""

    def indices(self) -> slice:
        """The landmarks of this group, for indexing an array."""
        return slice(self.start, self.stop)


LANDMARK_GROUPS: dict[str, LandmarkGroup] = {
    "jaw": LandmarkGroup(0, 17, closed=False),
    "right_eyebrow": LandmarkGroup(17, 22, closed=False),
    "left_eyebrow": LandmarkGroup(22, 27, closed=False),
    "nose_bridge": LandmarkGroup(27, 31, closed=False),
    "lower_nose": LandmarkGroup(31, 36, closed=False),
    "right_eye": LandmarkGroup(36, 42, closed=True),
    "left_eye": LandmarkGroup(42, 48, closed=True),
    "outer_lip": LandmarkGroup(48, 60, closed=True),
    "inner_lip": LandmarkGroup(60, 68, closed=True),
}
"""Left and right are the subject's own."""

_RIGHT_EYE_OUTER, _LEFT_EYE_OUTER = 36, 45
_UPPER_INNER_LIP, _LOWER_INNER_LIP = 62, 66


class LandmarkSource(Enum):
    """Where a frame's landmarks come from."""

    DETECTED = "detected"
    """The face was found in this frame."""
    INTERPOLATED = "interpolated"
    """A short gap was bridged between two detections."""
    HELD = "held"
    """The nearest detection was repeated."""


def check_landmarks(points: NDArray[np.floating]) -> LandmarkArray:
    """The points as float32 ``[68, 2]``.

    Raises:
        InvalidLandmarks: The shape differs or a value is not finite.
    """
    array = np.ascontiguousarray(points, dtype=np.float32)
    if array.shape != (LANDMARK_COUNT, 2):
        raise InvalidLandmarks(f"expected landmarks of shape ({LANDMARK_COUNT}, 2), got {array.shape}")
    if not np.isfinite(array).all():
        raise InvalidLandmarks("landmarks must be finite numbers")
    return array


def interocular_distance(points: NDArray[np.floating]) -> float:
    """Distance between the outer eye corners, the usual unit of landmark errors (300-W)."""
    return float(np.linalg.norm(points[_RIGHT_EYE_OUTER] - points[_LEFT_EYE_OUTER]))


def mouth_opening(points: NDArray[np.floating]) -> float:
    """Gap between the inner lips' middles, in interocular distances."""
    gap = float(np.linalg.norm(points[_UPPER_INNER_LIP] - points[_LOWER_INNER_LIP]))
    return gap / max(interocular_distance(points), 1e-6)


@dataclass(frozen=True, slots=True, eq=False)
class FaceGeometry:
    """The average face of a clip."""

    points: LandmarkArray
    """``[68, 2]`` in crop coordinates: (0, 0) is the crop's top left corner and (1, 1) its bottom right."""

    def __post_init__(self) -> None:
        """Check the shape."""
        object.__setattr__(self, "points", check_landmarks(self.points))

    def to_json(self) -> str:
        """A compact text, exact to 1e-5 crop sides (a two hundredth of a pixel at 512 pixels)."""
        return json.dumps([round(float(value), 5) for value in self.points.ravel()], separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what :meth:`to_json` wrote.

        Raises:
            InvalidLandmarks: The text is not 136 numbers.
        """
        try:
            values = np.array(json.loads(text), dtype=np.float32)
        except (ValueError, TypeError) as error:
            raise InvalidLandmarks(f"face geometry is not a list of numbers: {text[:40]!r}") from error
        if values.shape != (2 * LANDMARK_COUNT,):
            raise InvalidLandmarks(f"face geometry has {values.size} numbers, expected {2 * LANDMARK_COUNT}")
        return cls(values.reshape(LANDMARK_COUNT, 2))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameLandmarks:
    """One frame's landmarks and the moment it is shown."""

    index: int
    """Frame number from 0."""
    pts: int
    """Presentation time in units of the clip's time base."""
    duration: int
    """How long the frame is shown, in the same unit; 0 where the container does not say."""
    source: LandmarkSource
    """Where the points come from."""
    points: LandmarkArray
    """``[68, 2]`` in crop coordinates."""

    def __post_init__(self) -> None:
        """Check the shape."""
        object.__setattr__(self, "points", check_landmarks(self.points))
