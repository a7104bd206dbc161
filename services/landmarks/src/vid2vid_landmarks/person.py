"""Which of the faces in a clip is followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from vid2vid_landmarks.face import FacePose, Points, pose_of

_REACH = 1.0
"""How far a face may move between samples to be the same one, in face sizes."""
_MAX_SCALE_RATIO = 1.5
_MIN_SHARE = 0.5
"""A face that shows up elsewhere counts as the same person only if it is at least this large, beside the person's."""


@dataclass(slots=True, eq=False)
class _Track:
    """One face through consecutive samples."""

    faces: dict[int, Points] = field(default_factory=dict)
    """Sample number to landmarks."""

    @property
    def weight(self) -> float:
        """Large and often seen: the sum of the face areas."""
        return sum(pose_of(face).size ** 2 for face in self.faces.values())

    @property
    def size(self) -> float:
        sizes = sorted(pose_of(face).size for face in self.faces.values())
        return sizes[len(sizes) // 2]

    @property
    def last(self) -> FacePose:
        return pose_of(self.faces[max(self.faces)])


def pick_person(samples: Sequence[Sequence[Points]]) -> list[Points | None]:
    """The followed person's face in each sample.

    Faces are linked from sample to sample by closeness. The heaviest track (large, long) is the person; tracks that
    never share a sample with it continue it, because people leave, return, and jump at scene cuts.

    Args:
        samples: The landmarks of every face, per sample in time order.
    """
    tracks = sorted(_link(samples), key=lambda track: track.weight, reverse=True)
    person: dict[int, Points] = {}
    for track in tracks:
        if not person or (not person.keys() & track.faces.keys() and track.size >= _MIN_SHARE * tracks[0].size):
            person |= track.faces
    return [person.get(number) for number in range(len(samples))]


def _link(samples: Sequence[Sequence[Points]]) -> list[_Track]:
    tracks: list[_Track] = []
    for number, faces in enumerate(samples):
        free = list(faces)
        # The heaviest track chooses first, so that a passer-by can't take over.
        for track in sorted(tracks, key=lambda candidate: candidate.weight, reverse=True):
            face = _closest(track.last, free)
            if face is not None:
                track.faces[number] = face
                free = [other for other in free if other is not face]
        tracks += [_Track({number: face}) for face in free]
    return tracks


def _closest(pose: FacePose, faces: Sequence[Points]) -> Points | None:
    near = [
        face
        for face in faces
        if pose_of(face).distance(pose) <= _REACH and pose_of(face).scale_ratio(pose) <= _MAX_SCALE_RATIO
    ]
    return min(near, key=lambda face: pose_of(face).distance(pose)) if near else None
