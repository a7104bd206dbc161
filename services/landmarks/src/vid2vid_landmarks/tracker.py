"""Follows one face through a run of consecutive frames; the work of one worker process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from vid2vid_core.landmarks import LANDMARK_COUNT
from vid2vid_landmarks.detector import FaceBox
from vid2vid_landmarks.face import FacePatch, FacePose, Points, between, cut_patch, pose_of

PATCH_FACE = 300
"""Face size in the patch that landmarks are predicted on. dlib rounds to whole pixels, at most half a pixel off; a face
fills about half of a 256-pixel mask, so that is below a quarter of a mask pixel, before averaging."""

_PATCH_SIDE = 450
_NEAR_FACE, _NEAR_SIDE = 96, 144
"""The smaller patch for the detector: a face a fifth above the least that it finds, with half a face around it."""

_WIDE_FACE = 110
_WIDE_SIDE = 264

_WIDE_ROLLS = (0.0, -0.5, 0.5)
"""Turns to try, in radians: the detector copes with about 0.4 either way."""

REACH = 0.75
"""How far a face may be from where it is expected, in face sizes: two heads side by side are twice as far apart."""

_MAX_SCALE_RATIO = 1.6
_MISFIT = 0.5
"""Landmarks whose centre is further from the detector's square than this, in face sizes, are no face's."""
_FOLLOW_THRESHOLD = -0.3
"""Detector score that suffices where a face was a frame ago; turned heads score low."""
_SEARCH_THRESHOLD = 0.0

_TRUST = 0.5
"""How far to go from where the face was to where the detector has it now."""

_NUDGES = ((0.02, -0.02, 1.02), (-0.02, 0.02, 0.98))
"""Shifts (in face sizes) and scales of the square that the predictor starts from. It answers a little differently each
time; the mean of three has a tenth to a third less jitter than one answer, at half a millisecond each."""

_DETECT_EVERY = 4
"""Frames from one look of the detector to the next, while the face looks as it did: between them the predictor starts
from where the face was. On talking heads that changed the jitter by less than a hundredth, and saves a millisecond."""

_LOOK_FACE, _LOOK_SIDE = 32, 32
_SAME_LOOK = 0.8
"""Least correlation of the upright face with the one a frame before; below it the detector is asked. Adjacent frames
of talking heads have 0.8 to 1, a predictor on anything but a face, or on another face, far less."""

_SAME_PLACE, _SAME_SIZE = 0.12, 1.12
"""Most that a face moves and grows between frames without the detector's consent, in face sizes and as a ratio."""

_STARTS = ((0.0, 1.0), (0.0, 1.15), (0.1, 1.0), (0.1, 1.15), (-0.1, 1.0))
"""Shifts downwards (in face sizes) and scales to try on a face that was not followed here. From a square that misses
the chin, a wide open mouth say, the predictor can settle on a face half the size; most starts find the right one."""


class Detector(Protocol):
    """What the tracker needs of :class:`~vid2vid_landmarks.detector.FaceDetector`."""

    def detect(self, gray: NDArray[np.uint8], *, threshold: float = 0.0) -> list[FaceBox]:
        """All faces, the surest first."""

    def predict(self, gray: NDArray[np.uint8], box: FacePose) -> Points:
        """Landmarks inside an upright square."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """Where the face should be in a frame that was not looked at yet."""

    pose: FacePose
    """In pixels of the frame."""
    reach: float = REACH
    """How far off it may be, in face sizes."""


def track_segment(
    detector: Detector, frames: NDArray[np.uint8], expected: Sequence[Expectation]
) -> NDArray[np.float64]:
    """Follow the face that is expected at the given places.

    The result depends on the arguments alone: segments can be worked on in any order, by any number of workers.

    Args:
        detector: Finds faces and landmarks.
        frames: ``[N, H, W]`` gray.
        expected: Where the scout saw the face around each frame's time, N of them.

    Returns:
        ``[N, 68, 2]`` in pixels; NaN where no face was found.
    """
    points = np.full((len(frames), LANDMARK_COUNT, 2), np.nan)
    last: _Sight | None = None
    for index, gray in enumerate(frames):
        sight = _next_sight(detector, gray, last, expected[index])
        if sight is not None:
            points[index] = sight.points
        # None: the surroundings of the last sight were searched just now: trust the scout again.
        last = sight
    return points


@dataclass(frozen=True, slots=True, eq=False)
class _Sight:
    """The face as it was in a frame."""

    points: Points
    pose: FacePose
    look: NDArray[np.float64]
    """The upright face in few pixels, of mean 0 and length 1."""
    age: int = 0
    """Frames since the detector saw it."""


def _next_sight(
    detector: Detector, gray: NDArray[np.uint8], last: _Sight | None, expected: Expectation
) -> _Sight | None:
    places = [expected]
    if last is not None:
        if last.age + 1 < _DETECT_EVERY and (sight := _continue(detector, gray, last)) is not None:
            return sight
        if (found := _follow(detector, gray, last.pose)) is not None:
            return _sight(gray, found)
        places = [Expectation(last.pose), expected]
    found = _find(detector, gray, places)
    return None if found is None else _sight(gray, found)


def _sight(gray: NDArray[np.uint8], points: Points, age: int = 0) -> _Sight:
    pose = pose_of(points)
    return _Sight(points, pose, _look(gray, pose), age)


def _continue(detector: Detector, gray: NDArray[np.uint8], last: _Sight) -> _Sight | None:
    """Landmarks from where the face was, without the detector; None if that is not plainly the same face."""
    points = refine_at(detector, gray, last.pose)
    if points is None:
        return None
    sight = _sight(gray, points, last.age + 1)
    moved = sight.pose.distance(last.pose) > _SAME_PLACE or sight.pose.scale_ratio(last.pose) > _SAME_SIZE
    return None if moved or float(np.vdot(sight.look, last.look)) < _SAME_LOOK else sight


def _look(gray: NDArray[np.uint8], pose: FacePose) -> NDArray[np.float64]:
    pixels = cut_patch(gray, pose, face_size=_LOOK_FACE, side=_LOOK_SIDE).gray.astype(np.float64)
    pixels -= pixels.mean()
    return np.asarray(pixels / max(float(np.linalg.norm(pixels)), 1e-9), dtype=np.float64)


def refine_at(
    detector: Detector, gray: NDArray[np.uint8], pose: FacePose, nudges: Sequence[tuple[float, float, float]] = _NUDGES
) -> Points | None:
    """Landmarks of the face whose square is known roughly; ``None`` if they don't fit the square.

    The first answer gives a square that depends on the face and no longer on the detector's coarse grid; the result is
    the mean of that answer and of those from around its square, in pixels of the picture.
    """
    patch = cut_patch(gray, pose, face_size=PATCH_FACE, side=_PATCH_SIDE)
    middle = (_PATCH_SIDE - 1) / 2
    box = FacePose(middle, middle, PATCH_FACE)
    answers = [detector.predict(patch.gray, box)]
    first = pose_of(answers[0])
    if first.distance(box) > _MISFIT or first.scale_ratio(box) > _MAX_SCALE_RATIO:
        return None
    answers += [
        detector.predict(patch.gray, FacePose(first.x + dx * first.size, first.y + dy * first.size, first.size * scale))
        for dx, dy, scale in nudges
    ]
    return patch.to_picture(np.mean(answers, axis=0))


def search(detector: Detector, gray: NDArray[np.uint8], *, scale: float) -> list[FaceBox]:
    """All faces of a whole picture, looked for at ``scale``; in pixels of the picture."""
    small = resized(gray, scale)
    ratio_x, ratio_y = gray.shape[1] / small.shape[1], gray.shape[0] / small.shape[0]
    return [
        FaceBox(FacePose(box.pose.x * ratio_x, box.pose.y * ratio_y, box.pose.size * ratio_x, box.pose.roll), box.score)
        for box in detector.detect(small, threshold=_SEARCH_THRESHOLD)
    ]


def resized(gray: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """The picture at another size; averaged when shrunk."""
    if scale == 1.0:
        return gray
    side = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(gray, side, interpolation=method), dtype=np.uint8)


def nearest(boxes: Sequence[FaceBox], expected: FacePose, reach: float = REACH) -> FacePose | None:
    """The face closest to where it is expected, if one is within reach: never a neighbour's."""
    near = [
        box.pose
        for box in boxes
        if box.pose.distance(expected) <= reach and box.pose.scale_ratio(expected) <= _MAX_SCALE_RATIO
    ]
    return min(near, key=expected.distance) if near else None


def _follow(detector: Detector, gray: NDArray[np.uint8], last: FacePose) -> Points | None:
    """The cheap way: look at the face's surroundings only."""
    near = cut_patch(gray, last, face_size=_NEAR_FACE, side=_NEAR_SIDE)
    boxes = detector.detect(near.gray, threshold=_FOLLOW_THRESHOLD)
    middle = (_NEAR_SIDE - 1) / 2
    pose = nearest(boxes, FacePose(middle, middle, _NEAR_FACE))
    if pose is None:
        return None
    # The patch stands as upright as the face did a frame ago: a better guess than the detector's. Its square jumps from
    # grid point to grid point; halfway to where the face was is steadier and still follows.
    expected = FacePose(middle, middle, _NEAR_FACE)
    return refine_at(detector, gray, _in_picture(near, between(expected, replace(pose, roll=0.0), _TRUST)))


def _find(detector: Detector, gray: NDArray[np.uint8], places: Sequence[Expectation]) -> Points | None:
    """The thorough way: the whole picture, then turned surroundings of the last place."""
    for place in places:
        boxes = search(detector, gray, scale=min(2.0, _WIDE_FACE / place.pose.size))
        pose = nearest(boxes, place.pose, place.reach)
        found = None if pose is None else acquire(detector, gray, pose)
        if found is not None:
            return found
    return _find_turned(detector, gray, places[-1].pose)


def acquire(detector: Detector, gray: NDArray[np.uint8], pose: FacePose, *, steady: bool = True) -> Points | None:
    """Landmarks of a face that only the detector has seen yet; less ``steady`` ones cost a quarter less."""
    patch = cut_patch(gray, pose, face_size=PATCH_FACE, side=_PATCH_SIDE)
    middle = (_PATCH_SIDE - 1) / 2
    answers = [
        detector.predict(patch.gray, FacePose(middle, middle + dy * PATCH_FACE, PATCH_FACE * scale))
        for dy, scale in _STARTS
    ]
    pose = pose_of(patch.to_picture(np.median(answers, axis=0)))
    return refine_at(detector, gray, pose, _NUDGES if steady else ())


def _find_turned(detector: Detector, gray: NDArray[np.uint8], place: FacePose) -> Points | None:
    middle = (_WIDE_SIDE - 1) / 2
    for turn in _WIDE_ROLLS:
        turned = FacePose(place.x, place.y, place.size, place.roll + turn)
        patch = cut_patch(gray, turned, face_size=_WIDE_FACE, side=_WIDE_SIDE)
        pose = nearest(detector.detect(patch.gray, threshold=_SEARCH_THRESHOLD), FacePose(middle, middle, _WIDE_FACE))
        if pose is None:
            continue
        found = acquire(detector, gray, _in_picture(patch, pose))
        if found is not None:
            return found
    return None


def _in_picture(patch: FacePatch, pose: FacePose) -> FacePose:
    """A square found in a patch, as a turned square in the picture."""
    x, y = patch.to_picture(np.array([[pose.x, pose.y]]))[0]
    return FacePose(float(x), float(y), pose.size / patch.scale, patch.roll + pose.roll)
