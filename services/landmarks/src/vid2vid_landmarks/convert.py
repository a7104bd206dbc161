"""Between the wire's messages and the types of core."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np

from vid2vid.landmarks.v1 import landmarks_pb2 as pb
from vid2vid_core.crop import CropMode
from vid2vid_core.errors import InvalidSettings, MaskSpecMismatch
from vid2vid_core.landmarks import LANDMARK_COUNT, FaceGeometry
from vid2vid_core.landmarks_client import SOURCE_TO_PB, TrackedFrame, TrackHeader, TrackSummary
from vid2vid_core.mask import MaskSpec
from vid2vid_landmarks.pipeline import TrackOptions

BATCH_BYTES = 2**20
"""Masks per message, in bytes: Python streams cost per message, and half a second of frames is enough at once."""

MAX_BATCH_FRAMES = 64
"""Frames per message where masks are small or absent."""

_CROP_MODES: dict[int, CropMode] = {
    pb.CROP_MODE_UNSPECIFIED: "portrait",
    pb.CROP_MODE_PORTRAIT: "portrait",
    pb.CROP_MODE_NONE: "none",
}


def options_from_pb(settings: pb.TrackVideoSettings) -> TrackOptions:
    """Read a caller's settings; unset fields take their defaults.

    Raises:
        InvalidSettings: A field is outside its range.
    """
    if settings.crop_mode not in _CROP_MODES:
        raise InvalidSettings(f"crop mode {settings.crop_mode}: allowed are 0 to 2", crop_mode=settings.crop_mode)
    return TrackOptions(
        mask_spec=_mask_spec(settings.mask_spec),
        crop_mode=_CROP_MODES[settings.crop_mode],
        retarget_to=_geometry(settings.retarget_to) if settings.HasField("retarget_to") else None,
        omit_masks=settings.omit_masks,
    )


def header_to_pb(header: TrackHeader) -> pb.TrackVideoResponse:
    """The first message of an answer."""
    spec = header.mask_spec
    return pb.TrackVideoResponse(
        header=pb.TrackVideoHeader(
            width=header.width,
            height=header.height,
            time_base=_rational(header.time_base),
            average_rate=_rational(header.average_rate),
            frame_count_from_header=header.frame_count_from_header,
            crop=pb.Crop(x=header.crop.x, y=header.crop.y, size=header.crop.size),
            mask_spec=pb.MaskSpec(version=spec.version, size=spec.size, line_width=spec.line_width),
            mask_spec_hash=spec.hash,
            geometry=pb.FaceGeometry(points=header.geometry.points.ravel().tolist()),
        )
    )


def frames_to_pb(frames: Iterable[TrackedFrame]) -> Iterator[pb.TrackVideoResponse]:
    """Frames in messages of about :data:`BATCH_BYTES`."""
    batch: list[pb.TrackedFrame] = []
    size = 0
    for frame in frames:
        message = _frame_to_pb(frame)
        if batch and (size + len(message.mask) > BATCH_BYTES or len(batch) == MAX_BATCH_FRAMES):
            yield _frames_message(batch)
            batch, size = [], 0
        batch.append(message)
        size += len(message.mask)
    if batch:
        yield _frames_message(batch)


def summary_to_pb(summary: TrackSummary) -> pb.TrackVideoResponse:
    """The last message of an answer."""
    return pb.TrackVideoResponse(
        summary=pb.TrackVideoSummary(
            frame_count=summary.frame_count,
            detected_count=summary.detected_count,
            interpolated_count=summary.interpolated_count,
            held_count=summary.held_count,
            multiple_face_count=summary.multiple_face_count,
            elapsed_seconds=summary.elapsed_s,
        )
    )


def _mask_spec(spec: pb.MaskSpec) -> MaskSpec:
    default = MaskSpec()
    try:
        return MaskSpec(
            version=spec.version or default.version,
            size=spec.size or default.size,
            line_width=spec.line_width or default.line_width,
        )
    except MaskSpecMismatch as error:
        raise InvalidSettings(error.message, **error.metadata) from None


def _geometry(geometry: pb.FaceGeometry) -> FaceGeometry:
    points = np.array(geometry.points, dtype=np.float32)
    if points.size != 2 * LANDMARK_COUNT:
        raise InvalidSettings(f"retarget_to has {points.size} numbers: {2 * LANDMARK_COUNT} are needed")
    if not np.isfinite(points).all() or np.ptp(points) == 0:
        raise InvalidSettings("retarget_to must be finite points that are not all the same")
    return FaceGeometry(points.reshape(LANDMARK_COUNT, 2))


def _frame_to_pb(frame: TrackedFrame) -> pb.TrackedFrame:
    landmarks = frame.landmarks
    return pb.TrackedFrame(
        index=landmarks.index,
        pts=landmarks.pts,
        duration=landmarks.duration,
        source=SOURCE_TO_PB[landmarks.source],
        points=landmarks.points.ravel().tolist(),
        mask=b"" if frame.mask is None else frame.mask.tobytes(),
    )


def _frames_message(frames: list[pb.TrackedFrame]) -> pb.TrackVideoResponse:
    return pb.TrackVideoResponse(frames=pb.TrackedFrames(frames=frames))


def _rational(value: Fraction) -> pb.Rational:
    return pb.Rational(numerator=value.numerator, denominator=value.denominator)
