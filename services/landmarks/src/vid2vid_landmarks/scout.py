"""The first look at a clip: a few pictures a second tell who is followed, where, and with what face."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vid2vid_core.crop import Crop, CropMode
from vid2vid_core.errors import InvalidSettings, NoFaceDetected
from vid2vid_core.landmarks import FaceGeometry
from vid2vid_core.media.limits import MediaLimits
from vid2vid_core.media.probe import VideoInfo
from vid2vid_core.media.reader import FrameReader
from vid2vid_landmarks.face import FacePose, Points, between, pose_of
from vid2vid_landmarks.jobs import ScoutJob
from vid2vid_landmarks.person import pick_person
from vid2vid_landmarks.portrait import portrait_crop, whole_picture
from vid2vid_landmarks.segments import Cancellation, OrderedRun, Segment, cut_segments
from vid2vid_landmarks.similarity import mean_shape
from vid2vid_landmarks.tracker import REACH, Expectation
from vid2vid_landmarks.workers import WorkerShare

_MIN_SAMPLES = 24
_MIN_SAMPLES_PER_S = 2.5
"""A head moves by less than its own size in 0.4 s, so the main pass knows where to look."""
_BLIND_SAMPLES_PER_S = 8.0
"""For clips whose container does not say how long they are."""
_SAMPLES_PER_JOB = 4

_UNSURE_REACH = 2.0
"""Where to look when no sample close in time has the face, in face sizes."""
_SURE_S = 0.6
_SAME_PLACE = 0.6


@dataclass(frozen=True, slots=True)
class _Look:
    """One way of looking at a clip, from cheap to thorough."""

    decoded_short_side: int
    """Pictures are decoded at most this large, in pixels. Landmarks need detail, so more than the search."""
    search_short_sides: tuple[int, ...]
    """Sizes that are searched in turn until a face is found: at 240 a face must fill a third of the short side."""
    every_frame: bool = False


_LOOKS = (
    _Look(480, (240, 480)),
    _Look(960, (960,)),
    _Look(480, (480,), every_frame=True),
)
"""The next look is taken when the one before found no face at all."""


@dataclass(frozen=True, slots=True, eq=False)
class ClipFaces:
    """What the scout knows about a clip."""

    crop: Crop
    """The square that masks show."""
    geometry: FaceGeometry
    """The average face in crop coordinates."""
    pts: Sequence[int]
    """Presentation times of the samples that show the person, ascending."""
    poses: Sequence[FacePose]
    """Where the face is in them, in pixels of the picture as shown."""
    multiple_face_count: int
    """Samples with more than one face."""

    def expectation(self, pts: int, ticks_per_second: float) -> Expectation:
        """Where to look for the face at a time, in pixels of the picture as shown."""
        after = bisect.bisect_left(self.pts, pts)
        if after == 0 or after == len(self.pts):
            nearest = min(after, len(self.pts) - 1)
            far = abs(self.pts[nearest] - pts) > _SURE_S * ticks_per_second
            return Expectation(self.poses[nearest], _UNSURE_REACH if far else REACH)
        earlier, later = self.pts[after - 1], self.pts[after]
        first, second = self.poses[after - 1], self.poses[after]
        share = (pts - earlier) / (later - earlier)
        if later - earlier > 2 * _SURE_S * ticks_per_second:
            return Expectation(first if share < 0.5 else second, _UNSURE_REACH)
        if first.distance(second) > _SAME_PLACE:
            # A cut or a fast move: halfway between the two is the least likely place.
            return Expectation(first if share < 0.5 else second, max(REACH, min(_UNSURE_REACH, first.distance(second))))
        return Expectation(between(first, second, share))


@dataclass(frozen=True, slots=True, eq=False)
class _Samples:
    pts: list[int]
    faces: list[list[Points]]
    """Per sample, in pixels of the picture as shown."""


def scout(
    path: Path,
    info: VideoInfo,
    *,
    crop_mode: CropMode,
    limits: MediaLimits,
    share: WorkerShare,
    cancellation: Cancellation,
    depth: int,
) -> ClipFaces:
    """Look through a clip.

    Args:
        path: The clip.
        info: Its probe.
        crop_mode: How the crop is chosen.
        limits: Bounds on decoding.
        share: The call's share of the workers.
        cancellation: Ends the call early.
        depth: Jobs on their way at the same time.

    Raises:
        NoFaceDetected: There is no face in the clip.
        InvalidSettings: ``crop_mode`` none and the picture is not square.
        TruncatedMedia: The clip breaks off.
        UnsupportedMedia: The clip can't be decoded.
    """
    if crop_mode == "none" and info.width != info.height:
        raise InvalidSettings(
            f"crop mode none needs a square picture, this one is {info.width}x{info.height}: use portrait",
            width=info.width,
            height=info.height,
        )
    take: Callable[[_Look], _Samples] = lambda look: _sample(  # noqa: E731
        path, info, look, limits=limits, share=share, cancellation=cancellation, depth=depth
    )
    samples = next((found for found in map(take, _LOOKS) if any(found.faces)), None)
    if samples is None:
        raise NoFaceDetected(f"no face found in {info.name}: it must show a face of at least a tenth of the picture")
    return _conclude(samples, info, crop_mode)


def _conclude(samples: _Samples, info: VideoInfo, crop_mode: CropMode) -> ClipFaces:
    person = pick_person(samples.faces)
    seen = [(pts, face) for pts, face in zip(samples.pts, person, strict=True) if face is not None]
    poses = [pose_of(face) for _, face in seen]
    crop = whole_picture(info.width) if crop_mode == "none" else portrait_crop(poses, info.width, info.height)
    geometry = crop.to_crop_coordinates(mean_shape([face for _, face in seen]))
    return ClipFaces(
        crop=crop,
        geometry=FaceGeometry(geometry),
        pts=[pts for pts, _ in seen],
        poses=poses,
        multiple_face_count=sum(len(faces) > 1 for faces in samples.faces),
    )


def _sample(
    path: Path,
    info: VideoInfo,
    look: _Look,
    *,
    limits: MediaLimits,
    share: WorkerShare,
    cancellation: Cancellation,
    depth: int,
) -> _Samples:
    rate = None if look.every_frame else sample_rate(info)
    reader = FrameReader(path, info, limits=limits, gray=True, max_short_side=look.decoded_short_side, sample_rate=rate)

    def segments() -> Iterator[Segment]:
        with cancellation.closing(reader.close), reader:
            yield from cut_segments(reader, _SAMPLES_PER_JOB)

    run = OrderedRun(segments(), lambda _: ScoutJob(look.search_short_sides), share, depth=depth)
    scale = info.width / reader.width
    samples = _Samples([], [])
    for times, answer in run:
        assert isinstance(answer, list)  # noqa: S101 - for the type checker: the answer to a ScoutJob
        samples.pts.extend(pts for pts, _ in times)
        # Landmarks are pixel centres; the picture counts from its corner.
        samples.faces.extend([(face + 0.5) * scale for face in faces] for faces in answer)
    return samples


def sample_rate(info: VideoInfo) -> float:
    """Samples per second of the cheap look: enough of them for short clips, too."""
    seconds = info.duration_seconds or float(info.frame_count_from_header / info.average_rate)
    return max(_MIN_SAMPLES_PER_S, _MIN_SAMPLES / seconds) if seconds > 0 else _BLIND_SAMPLES_PER_S
