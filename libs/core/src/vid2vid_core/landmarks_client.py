"""The landmark service as trainer and renderer see it, so that both train and render on the same masks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import grpc
import numpy as np
from numpy.typing import NDArray

from vid2vid.landmarks.v1 import landmarks_pb2 as pb
from vid2vid.landmarks.v1 import landmarks_pb2_grpc as pb_grpc
from vid2vid_core.crop import Crop, CropMode
from vid2vid_core.errors import InternalError, LandmarksUnavailable, error_from_rpc
from vid2vid_core.landmarks import LANDMARK_COUNT, FaceGeometry, FrameLandmarks, LandmarkSource
from vid2vid_core.mask import MaskSpec
from vid2vid_core.rpc.channel import RENDER_ID_METADATA, open_channel
from vid2vid_core.rpc.uploads import file_chunks

CROP_MODE_TO_PB: dict[CropMode, pb.CropMode] = {
    "portrait": pb.CROP_MODE_PORTRAIT,
    "none": pb.CROP_MODE_NONE,
}
SOURCE_TO_PB: dict[LandmarkSource, pb.LandmarkSource] = {
    LandmarkSource.DETECTED: pb.LANDMARK_SOURCE_DETECTED,
    LandmarkSource.INTERPOLATED: pb.LANDMARK_SOURCE_INTERPOLATED,
    LandmarkSource.HELD: pb.LANDMARK_SOURCE_HELD,
}
_SOURCE_FROM_PB = {number: source for source, number in SOURCE_TO_PB.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackHeader:
    """What holds for a whole clip."""

    width: int
    """Picture width as shown, in pixels."""
    height: int
    """Picture height as shown, in pixels."""
    time_base: Fraction
    """Unit of every pts, in seconds."""
    average_rate: Fraction
    """Frames per second, as information; the clock is pts."""
    frame_count_from_header: int
    """The container's own count, 0 where it has none."""
    crop: Crop
    """The square that all masks of the clip show."""
    mask_spec: MaskSpec
    """How the masks are drawn."""
    geometry: FaceGeometry
    """The clip's own average face, before retargeting."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrackedFrame:
    """One frame's landmarks and mask."""

    landmarks: FrameLandmarks
    """The points and their time."""
    mask: NDArray[np.uint8] | None
    """uint8 ``[size, size]``, read-only; None where masks were not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackSummary:
    """Counts over a whole clip."""

    frame_count: int
    detected_count: int
    interpolated_count: int
    held_count: int
    multiple_face_count: int
    elapsed_s: float


class Tracking(Protocol):
    """One clip on its way through the landmark service: header first, then every frame in order, then summary."""

    @property
    def header(self) -> TrackHeader:
        """What holds for the whole clip; available when the clip has been analysed."""

    @property
    def summary(self) -> TrackSummary:
        """Counts; available after the last frame."""

    def __iter__(self) -> Iterator[TrackedFrame]:
        """Every frame in presentation order, once."""

    def cancel(self) -> None:
        """End the work at the service; safe from any thread, and after the end."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel what is not finished."""


class Landmarks(Protocol):
    """The seam to the landmark service."""

    def track(
        self,
        path: Path,
        *,
        mask_spec: MaskSpec,
        crop_mode: CropMode = "portrait",
        retarget_to: FaceGeometry | None = None,
        omit_masks: bool = False,
        render_id: str = "",
    ) -> Tracking:
        """Begin to track a clip."""


class LandmarksClient:
    """A connection to a landmark service; safe for several threads.

    ::

        with LandmarksClient("127.0.0.1:50051") as client, client.track(path, mask_spec=MaskSpec()) as tracking:
            print(tracking.header.crop)
            for frame in tracking: ...
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._channel = open_channel(target)
        self._stub = pb_grpc.LandmarkServiceStub(self._channel)

    def track(
        self,
        path: Path,
        *,
        mask_spec: MaskSpec,
        crop_mode: CropMode = "portrait",
        retarget_to: FaceGeometry | None = None,
        omit_masks: bool = False,
        render_id: str = "",
    ) -> GrpcTracking:
        """Begin to track a clip.

        Args:
            path: The clip, in its own container and codec.
            mask_spec: How masks are drawn.
            crop_mode: How the square around the face is chosen.
            retarget_to: Face that the motion is mapped onto; None keeps the clip's own.
            omit_masks: Leave the masks out, for callers that need landmarks only.
            render_id: Names this work in the service's log.
        """
        settings = pb.TrackVideoSettings(
            mask_spec=pb.MaskSpec(version=mask_spec.version, size=mask_spec.size, line_width=mask_spec.line_width),
            crop_mode=CROP_MODE_TO_PB[crop_mode],
            retarget_to=None if retarget_to is None else pb.FaceGeometry(points=retarget_to.points.ravel().tolist()),
            omit_masks=omit_masks,
        )
        metadata = ((RENDER_ID_METADATA, render_id),) if render_id else ()
        upload = _Upload(settings, path)
        call = self._stub.TrackVideo(iter(upload), metadata=metadata)
        return GrpcTracking(call, upload, self._target)

    def close(self) -> None:
        """Close the connection; calls under way are cancelled."""
        self._channel.close()

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()


class _Upload:
    """The request stream. gRPC consumes it in a thread of its own, so a failure to read the file is kept here."""

    def __init__(self, settings: pb.TrackVideoSettings, path: Path) -> None:
        self._settings = settings
        self._path = path
        self.error: OSError | None = None

    def __iter__(self) -> Iterator[pb.TrackVideoRequest]:
        yield pb.TrackVideoRequest(settings=self._settings)
        try:
            for chunk in file_chunks(self._path):
                yield pb.TrackVideoRequest(chunk=chunk)
        except OSError as error:
            self.error = error
            raise


class GrpcTracking:
    """A :class:`Tracking` over gRPC."""

    def __init__(self, call: grpc.Call, upload: _Upload, target: str) -> None:
        self._call = call
        self._upload = upload
        self._target = target
        self._lock = threading.Lock()
        self._header: TrackHeader | None = None
        self._summary: TrackSummary | None = None

    @property
    def header(self) -> TrackHeader:
        """What holds for the whole clip. Blocks until the service has analysed it.

        Raises:
            Vid2VidError: What the service answered, LandmarksUnavailable if it can't be reached.
        """
        with self._lock:
            if self._header is None:
                self._header = _header_from_pb(self._next("header").header)
            return self._header

    @property
    def summary(self) -> TrackSummary:
        """Counts over the whole clip.

        Raises:
            InternalError: Asked for before the last frame was read.
        """
        if self._summary is None:
            raise InternalError("the summary of a tracking is known after its last frame")
        return self._summary

    def __iter__(self) -> Iterator[TrackedFrame]:
        """Every frame in presentation order, once.

        Raises:
            Vid2VidError: What the service answered.
        """
        size = self.header.mask_spec.size
        while self._summary is None:
            message = self._next("frames", "summary")
            if message.WhichOneof("payload") == "summary":
                self._expect_end()
                self._summary = _summary_from_pb(message.summary)
                return
            for frame in message.frames.frames:
                yield _frame_from_pb(frame, size)

    def cancel(self) -> None:
        """End the work at the service; safe from any thread, and after the end."""
        self._call.cancel()

    def __enter__(self) -> Self:
        """The tracking itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel what is not finished."""
        self.cancel()

    def _next(self, *expected: str) -> pb.TrackVideoResponse:
        try:
            message: pb.TrackVideoResponse = next(self._call)  # type: ignore[call-overload]
        except StopIteration:
            raise InternalError("the landmark service ended its answer without a summary") from None
        except grpc.RpcError as error:
            if self._upload.error is not None:
                raise self._upload.error from error
            raise self._explain(error) from error
        if message.WhichOneof("payload") not in expected:
            raise InternalError(f"the landmark service sent {message.WhichOneof('payload')} instead of {expected[0]}")
        return message

    def _expect_end(self) -> None:
        """Take the call's status: a call that is left before it counts as cancelled at the service."""
        try:
            message: pb.TrackVideoResponse = next(self._call)  # type: ignore[call-overload]
        except StopIteration:
            return
        except grpc.RpcError as error:
            raise self._explain(error) from error
        raise InternalError(f"the landmark service sent {message.WhichOneof('payload')} after its summary")

    def _explain(self, error: grpc.RpcError) -> Exception:
        known = error_from_rpc(error, unavailable=LandmarksUnavailable)
        if isinstance(known, LandmarksUnavailable) and not known.metadata:
            return LandmarksUnavailable(
                f"the landmark service at {self._target} does not answer: {known.message}", target=self._target
            )
        return known


def _header_from_pb(header: pb.TrackVideoHeader) -> TrackHeader:
    return TrackHeader(
        width=header.width,
        height=header.height,
        time_base=Fraction(header.time_base.numerator, header.time_base.denominator),
        average_rate=Fraction(header.average_rate.numerator, header.average_rate.denominator or 1),
        frame_count_from_header=header.frame_count_from_header,
        crop=Crop(header.crop.x, header.crop.y, header.crop.size),
        mask_spec=MaskSpec(
            version=header.mask_spec.version, size=header.mask_spec.size, line_width=header.mask_spec.line_width
        ),
        geometry=FaceGeometry(np.array(header.geometry.points, dtype=np.float32).reshape(-1, 2)),
    )


def _frame_from_pb(frame: pb.TrackedFrame, size: int) -> TrackedFrame:
    mask = np.frombuffer(frame.mask, dtype=np.uint8).reshape(size, size) if frame.mask else None
    return TrackedFrame(
        landmarks=FrameLandmarks(
            index=frame.index,
            pts=frame.pts,
            duration=frame.duration,
            source=_SOURCE_FROM_PB[frame.source],
            points=np.array(frame.points, dtype=np.float32).reshape(LANDMARK_COUNT, 2),
        ),
        mask=mask,
    )


def _summary_from_pb(summary: pb.TrackVideoSummary) -> TrackSummary:
    return TrackSummary(
        frame_count=summary.frame_count,
        detected_count=summary.detected_count,
        interpolated_count=summary.interpolated_count,
        held_count=summary.held_count,
        multiple_face_count=summary.multiple_face_count,
        elapsed_s=summary.elapsed_seconds,
    )
