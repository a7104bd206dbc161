"""Everything that can go wrong, with the gRPC status and the machine-readable reason that callers see.

::

    Vid2VidError
    ├── InvalidArgument
    │   ├── InvalidSettings        a request field or option outside its range
    │   ├── InvalidModelName       a style name that the model repository can't hold
    │   ├── InvalidFrame           a picture of the wrong shape or type
    │   ├── InvalidLandmarks       landmarks of the wrong shape or with values that aren't finite
    │   ├── EmptyMedia             a file without a byte
    │   ├── UnsupportedMedia       a file that FFmpeg can't demux or decode
    │   ├── NoVideoStream          a file with sound only
    │   ├── TruncatedMedia         a file whose end is missing
    │   ├── NoFaceDetected         a clip without a single face
    │   ├── MediaTooLong           a clip over the limit of seconds or frames
    │   ├── PictureTooLarge        a clip over the limit of pixels
    │   └── UploadTooLarge         a file over the limit of bytes
    ├── NotFound
    │   ├── ModelNotFound          Triton knows no such style
    │   └── ModelVersionNotFound   the style has no such version
    ├── FailedPrecondition
    │   ├── ModelNotReady          the version exists and can't render at the moment
    │   ├── MaskSpecMismatch       the model wants masks that this renderer can't draw
    │   ├── ContractViolation      a model or its parameters don't follow the contract
    │   ├── TrainingDiverged       a loss stopped being a number
    │   ├── OutputNotWritable      the result has no place to go
    │   └── ConfigurationError     a setting of this machine is wrong or a file is missing
    ├── ResourceExhausted
    │   ├── QueueFull              as many calls run as are allowed
    │   ├── StorageFull            no space left on the device
    │   └── MemoryExhausted        a device has less memory than the work needs
    ├── Unavailable
    │   ├── GeneratorUnavailable   Triton doesn't answer
    │   ├── LandmarksUnavailable   the landmark service doesn't answer
    │   ├── RendererUnavailable    the renderer doesn't answer
    │   └── ShuttingDown           the service is draining
    ├── ControlRefused             Triton wants another control key
    ├── UploadStalled              the bytes of an upload come too slowly, or not at all
    ├── DeadlineExceeded           the caller's deadline has passed
    ├── RenderCancelled            the caller cancelled
    └── InternalError              a defect of ours
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, cast

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

ERROR_DOMAIN = "vid2vid"
"""``google.rpc.ErrorInfo.domain`` of every error below."""

MAX_MESSAGE_BYTES = 1200
"""What of a message travels. A status goes out twice, as text and inside the details, and gRPC drops trailing metadata
over 8 KiB together with the status in it: a long list of models would arrive as RESOURCE_EXHAUSTED."""

MAX_VALUE_BYTES = 200
"""What of each metadata value travels."""


class Vid2VidError(Exception):
    """Root of the tree. The message is one line for people; ``metadata`` holds its variables for programs."""

    status: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL
    """gRPC status that a service answers with."""

    def __init__(self, message: str, **metadata: object) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = {key: str(value) for key, value in metadata.items()}

    @classmethod
    def reason(cls) -> str:
        """``google.rpc.ErrorInfo.reason``: the class name in upper snake case."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).upper()

    def to_status(self) -> status_pb2.Status:
        """The ``google.rpc.Status`` that travels in the trailing metadata; long texts are cut to fit."""
        metadata = {key: _shortened(value, MAX_VALUE_BYTES) for key, value in self.metadata.items()}
        detail = any_pb2.Any()
        detail.Pack(error_details_pb2.ErrorInfo(reason=self.reason(), domain=ERROR_DOMAIN, metadata=metadata))
        message = _shortened(_one_line(self.message), MAX_MESSAGE_BYTES)
        return status_pb2.Status(code=self.status.value[0], message=message, details=[detail])


class InvalidArgument(Vid2VidError):
    """The request can't be carried out as it stands, whenever it is sent."""

    status = grpc.StatusCode.INVALID_ARGUMENT


class InvalidSettings(InvalidArgument):
    """A request field or an option lies outside its range."""


class InvalidModelName(InvalidArgument):
    """A style name that the model repository can't hold."""


class InvalidFrame(InvalidArgument):
    """A picture of the wrong shape or type."""


class InvalidLandmarks(InvalidArgument):
    """Landmarks of the wrong shape, or with values that aren't finite."""


class EmptyMedia(InvalidArgument):
    """A file without a byte."""


class UnsupportedMedia(InvalidArgument):
    """A file that FFmpeg can't demux or decode."""


class NoVideoStream(InvalidArgument):
    """A file without moving pictures."""


class TruncatedMedia(InvalidArgument):
    """A file whose end is missing."""


class NoFaceDetected(InvalidArgument):
    """A clip without a single face."""


class MediaTooLong(InvalidArgument):
    """A clip over the limit of seconds or frames."""


class PictureTooLarge(InvalidArgument):
    """A clip over the limit of pixels per picture."""


class UploadTooLarge(InvalidArgument):
    """A file over the limit of bytes."""


class NotFound(Vid2VidError):
    """The named thing does not exist."""

    status = grpc.StatusCode.NOT_FOUND


class ModelNotFound(NotFound):
    """Triton knows no style of this name."""


class ModelVersionNotFound(NotFound):
    """The style has no such version."""


class FailedPrecondition(Vid2VidError):
    """The request is fine; the state of the system does not allow it."""

    status = grpc.StatusCode.FAILED_PRECONDITION


class ModelNotReady(FailedPrecondition):
    """The version exists and can't render at the moment."""


class MaskSpecMismatch(FailedPrecondition):
    """The model was trained on masks that this renderer can't draw."""


class ContractViolation(FailedPrecondition):
    """A model or its parameters don't follow the contract of :mod:`vid2vid_core.tensors`."""


class TrainingDiverged(FailedPrecondition):
    """A loss stopped being a number; what was learned is lost."""


class OutputNotWritable(FailedPrecondition):
    """The result has no place to go."""


class ConfigurationError(FailedPrecondition):
    """A setting of this machine is wrong, or a file that it needs is missing."""


class ResourceExhausted(Vid2VidError):
    """Something has run out; trying later may help."""

    status = grpc.StatusCode.RESOURCE_EXHAUSTED


class QueueFull(ResourceExhausted):
    """As many calls run as are allowed."""


class StorageFull(ResourceExhausted):
    """No space is left on the device."""


class MemoryExhausted(ResourceExhausted):
    """A device has less memory than the work needs."""


class Unavailable(Vid2VidError):
    """A peer does not answer; trying again is right."""

    status = grpc.StatusCode.UNAVAILABLE


class GeneratorUnavailable(Unavailable):
    """Triton does not answer."""


class LandmarksUnavailable(Unavailable):
    """The landmark service does not answer."""


class RendererUnavailable(Unavailable):
    """The renderer does not answer."""


class ShuttingDown(Unavailable):
    """The service is draining and takes no new calls."""


class ControlRefused(Vid2VidError):
    """Triton's model control wants a key, and another one than was sent."""

    status = grpc.StatusCode.PERMISSION_DENIED


class UploadStalled(Vid2VidError):
    """The bytes of an upload come too slowly, or not at all."""

    status = grpc.StatusCode.DEADLINE_EXCEEDED


class DeadlineExceeded(Vid2VidError):
    """The caller's deadline has passed."""

    status = grpc.StatusCode.DEADLINE_EXCEEDED


class RenderCancelled(Vid2VidError):
    """The caller cancelled."""

    status = grpc.StatusCode.CANCELLED


class InternalError(Vid2VidError):
    """A defect of ours; the log has the details."""


def error_classes(root: type[Vid2VidError] = Vid2VidError) -> Iterator[type[Vid2VidError]]:
    """Every class of the tree, the root first."""
    yield root
    for child in root.__subclasses__():
        yield from error_classes(child)


def error_from_rpc(error: grpc.RpcError, *, unavailable: type[Unavailable]) -> Vid2VidError:
    """The error that a peer raised, from the status of a failed call.

    Args:
        error: What a stub raised.
        unavailable: The class for a peer that could not be reached.

    Returns:
        The peer's own class if its ``ErrorInfo`` names one, otherwise the class that fits the status.
    """
    call = cast(grpc.Call, error)  # what a stub raises is both
    try:
        status = rpc_status.from_call(call)
    except ValueError:  # the details contradict the status, because something between us and the peer has replaced it
        status = None
    if status is not None:
        for detail in status.details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info) and info.domain == ERROR_DOMAIN:
                return _error_named(info, status.message)
    return _by_status(call.code(), unavailable)(_one_line(call.details() or call.code().name))


def _error_named(info: error_details_pb2.ErrorInfo, message: str) -> Vid2VidError:
    for cls in error_classes():
        if cls.reason() == info.reason:
            return cls(message, **dict(info.metadata))
    return InternalError(f"{message} ({info.reason})", **dict(info.metadata))


def _by_status(code: grpc.StatusCode, unavailable: type[Unavailable]) -> type[Vid2VidError]:
    known: dict[grpc.StatusCode, type[Vid2VidError]] = {
        grpc.StatusCode.UNAVAILABLE: unavailable,
        grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
        grpc.StatusCode.CANCELLED: RenderCancelled,
        grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
        grpc.StatusCode.NOT_FOUND: NotFound,
        grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
        grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    }
    return known.get(code, InternalError)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _shortened(text: str, max_bytes: int) -> str:
    encoded = text.encode(errors="replace")
    if len(encoded) <= max_bytes:
        return text
    return encoded[: max_bytes - len("...")].decode(errors="ignore") + "..."
