"""What the coordinator and its worker processes say to each other: pixels go there, landmarks come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vid2vid_landmarks.face import Points, pose_of
from vid2vid_landmarks.tracker import Detector, Expectation, acquire, search, track_segment


@dataclass(frozen=True, slots=True)
class TrackJob:
    """Follow one face through consecutive frames; the answer is ``[N, 68, 2]`` in pixels, NaN where it is missing."""

    expected: Sequence[Expectation]
    """Where the face should be, per frame, in pixels of the frames."""


@dataclass(frozen=True, slots=True)
class ScoutJob:
    """Find every face of some pictures; the answer is a list of :data:`Points` per picture."""

    short_sides: Sequence[int]
    """Sizes to search at, in order, until one shows a face."""


Job = TrackJob | ScoutJob
Answer = NDArray[np.float64] | list[list[Points]]

_SAME_FACE = 0.4
"""Faces closer than this, in face sizes, are one face found twice."""


def run_job(detector: Detector, job: Job, frames: NDArray[np.uint8]) -> Answer:
    """Do one job.

    Args:
        detector: Finds faces and landmarks.
        job: What to do.
        frames: ``[N, H, W]`` gray.
    """
    if isinstance(job, TrackJob):
        return track_segment(detector, frames, job.expected)
    return [faces_of(detector, gray, job.short_sides) for gray in frames]


def faces_of(detector: Detector, gray: NDArray[np.uint8], short_sides: Sequence[int]) -> list[Points]:
    """Landmarks of every face in a picture, searched at growing sizes until there is one."""
    for short_side in short_sides:
        boxes = search(detector, gray, scale=short_side / min(gray.shape))
        # Many samples are averaged for the face's shape, and its place matters to a tenth: no need for steadiness.
        found = [acquire(detector, gray, box.pose, steady=False) for box in boxes]
        faces = _distinct([face for face in found if face is not None])
        if faces:
            return faces
    return []


def _distinct(faces: list[Points]) -> list[Points]:
    kept: list[Points] = []
    for face in faces:
        if all(pose_of(face).distance(pose_of(other)) > _SAME_FACE for other in kept):
            kept.append(face)
    return kept
