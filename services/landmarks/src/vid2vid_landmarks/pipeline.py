"""From a clip on disk to masks in order: scout, decode, workers, gaps, smoothing, retargeting, drawing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vid2vid_core.crop import Crop, CropMode
from vid2vid_core.landmarks import FaceGeometry, FrameLandmarks, LandmarkSource
from vid2vid_core.landmarks_client import TrackedFrame, TrackHeader, TrackSummary
from vid2vid_core.mask import MaskSpec, draw_mask
from vid2vid_core.media.probe import VideoInfo, probe
from vid2vid_core.media.reader import FrameReader
from vid2vid_landmarks.face import FacePose
from vid2vid_landmarks.gaps import Sighting, fill_gaps
from vid2vid_landmarks.jobs import TrackJob
from vid2vid_landmarks.portrait import analysis_square
from vid2vid_landmarks.retarget import Retargeter
from vid2vid_landmarks.scout import ClipFaces, scout
from vid2vid_landmarks.segments import Cancellation, OrderedRun, Segment, cut_segments
from vid2vid_landmarks.settings import LandmarksSettings
from vid2vid_landmarks.smoothing import smooth
from vid2vid_landmarks.tracker import Expectation
from vid2vid_landmarks.workers import WorkerPool, WorkerShare

ANALYSIS_SIZE = 512
"""Largest side of the pictures that the workers see: faces of 250 pixels, more than the predictor was trained on."""

_SEGMENTS_PER_WORKER = 2
"""One in work and one decoded: a worker never waits, and little waits in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackOptions:
    """What a caller asks for."""

    mask_spec: MaskSpec = field(default_factory=MaskSpec)
    """How masks are drawn."""
    crop_mode: CropMode = "portrait"
    """How the crop is chosen."""
    retarget_to: FaceGeometry | None = None
    """Face that the motion is mapped onto; None keeps the clip's own."""
    omit_masks: bool = False
    """Whether to leave the masks out."""


class ClipTracking:
    """One clip's way through the service: :attr:`header`, then every frame, then :attr:`summary`."""

    def __init__(
        self,
        path: Path,
        options: TrackOptions,
        *,
        settings: LandmarksSettings,
        pool: WorkerPool,
        share: WorkerShare,
        cancellation: Cancellation,
    ) -> None:
        """Probe and scout the clip.

        Raises:
            Vid2VidError: The clip can't be used; see :func:`~vid2vid_core.media.probe.probe` and
                :func:`~vid2vid_landmarks.scout.scout`.
        """
        self._started = time.monotonic()
        self._path = path
        self._options = options
        self._settings = settings
        self._share = share
        self._cancellation = cancellation
        self._depth = _SEGMENTS_PER_WORKER * pool.size
        self._info = probe(path, settings.media_limits)
        self._metrics = pool.metrics
        with self._metrics.stage("scout"):
            self._faces = self._scout()
        self._counts = dict.fromkeys(LandmarkSource, 0)

    @property
    def header(self) -> TrackHeader:
        """What holds for the whole clip."""
        return _header(self._info, self._faces, self._options.mask_spec)

    @property
    def summary(self) -> TrackSummary:
        """Counts of the frames so far."""
        return TrackSummary(
            frame_count=sum(self._counts.values()),
            detected_count=self._counts[LandmarkSource.DETECTED],
            interpolated_count=self._counts[LandmarkSource.INTERPOLATED],
            held_count=self._counts[LandmarkSource.HELD],
            multiple_face_count=self._faces.multiple_face_count,
            elapsed_s=time.monotonic() - self._started,
        )

    def __iter__(self) -> Iterator[TrackedFrame]:
        """Every frame in presentation order, once.

        Raises:
            Vid2VidError: Decoding or detection failed on the way.
        """
        return self._metrics.timed("track", self._frames())

    def _frames(self) -> Iterator[TrackedFrame]:
        place = self._placement()
        filled = fill_gaps(self._sightings(), max_gap_frames=self._settings.max_gap_frames)
        for frame in smooth(filled):
            self._counts[frame.source] += 1
            self._metrics.count_frame(frame.source)
            placed = place(frame)
            mask = None if self._options.omit_masks else draw_mask(placed.points, self._options.mask_spec)
            yield TrackedFrame(landmarks=placed, mask=mask)

    def _placement(self) -> Callable[[FrameLandmarks], FrameLandmarks]:
        if self._options.retarget_to is None:
            return lambda frame: frame
        return Retargeter(self._faces.geometry, self._options.retarget_to).retarget

    def _scout(self) -> ClipFaces:
        return scout(
            self._path,
            self._info,
            crop_mode=self._options.crop_mode,
            limits=self._settings.media_limits,
            share=self._share,
            cancellation=self._cancellation,
            depth=self._depth,
        )

    def _sightings(self) -> Iterator[Sighting]:
        """The workers' answers in order, in crop coordinates."""
        square = analysis_square(self._faces.crop, self._info.width, self._info.height)
        size = min(square.size, ANALYSIS_SIZE)
        jobs = _JobMaker(self._info, self._faces, square, size)
        index = 0
        for times, answer in OrderedRun(self._segments(square, size), jobs, self._share, depth=self._depth):
            for (pts, duration), points in zip(times, answer, strict=True):
                crop_points = jobs.to_crop(points) if np.isfinite(points).all() else None
                yield Sighting(index=index, pts=pts, duration=duration, points=crop_points)
                index += 1

    def _segments(self, square: Crop, size: int) -> Iterator[Segment]:
        reader = FrameReader(
            self._path, self._info, limits=self._settings.media_limits, gray=True, crop=square, size=size
        )
        with self._cancellation.closing(reader.close), reader:
            yield from cut_segments(reader, self._settings.segment_frames)


class _JobMaker:
    """Makes the job of a segment; maps between the picture, the analysed square and the crop."""

    def __init__(self, info: VideoInfo, faces: ClipFaces, square: Crop, size: int) -> None:
        self._faces = faces
        self._square = square
        self._scale = size / square.size
        self._ticks_per_second = float(1 / info.time_base)

    def __call__(self, segment: Segment) -> TrackJob:
        return TrackJob([self._expectation(pts) for pts, _ in segment.times])

    def to_crop(
        self, points: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """Map ``[68, 2]`` pixel centres of the analysed square to crop coordinates."""
        # Pixel centres lie half a pixel from the corner that coordinates count from.
        picture = (points + 0.5) / self._scale + (self._square.x, self._square.y)
        crop = self._faces.crop
        return np.asarray((picture - (crop.x, crop.y)) / crop.size, dtype=np.float64)

    def _expectation(self, pts: int) -> Expectation:
        expected = self._faces.expectation(pts, self._ticks_per_second)
        offset = (-self._square.x * self._scale - 0.5, -self._square.y * self._scale - 0.5)
        pose: FacePose = expected.pose.mapped(self._scale, *offset)
        return Expectation(pose, expected.reach)


def _header(info: VideoInfo, faces: ClipFaces, mask_spec: MaskSpec) -> TrackHeader:
    return TrackHeader(
        width=info.width,
        height=info.height,
        time_base=info.time_base,
        average_rate=info.average_rate,
        frame_count_from_header=info.frame_count_from_header,
        crop=faces.crop,
        mask_spec=mask_spec,
        geometry=faces.geometry,
    )
