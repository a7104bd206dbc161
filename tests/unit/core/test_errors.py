from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from vid2vid_core import errors


def test_status_carries_reason_domain_and_metadata() -> None:
    status = errors.ModelVersionNotFound("no version 7", model="anna", version=7).to_status()
    info = error_details_pb2.ErrorInfo()
    assert status.code == grpc.StatusCode.NOT_FOUND.value[0]
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == ("MODEL_VERSION_NOT_FOUND", "vid2vid")
    assert dict(info.metadata) == {"model": "anna", "version": "7"}


def test_texts_too_long_for_trailing_metadata_are_cut_between_characters() -> None:
    status = errors.ModelNotFound("\n".join(["ö" * 1000] * 5), model="ü" * 1000).to_status()
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    for text, limit in ((status.message, errors.MAX_MESSAGE_BYTES), (info.metadata["model"], errors.MAX_VALUE_BYTES)):
        assert limit - 2 < len(text.encode()) <= limit
        assert text.endswith("...")
    assert status.message.splitlines() == [status.message]


class Failed(grpc.RpcError):
    """A failed call whose details and status come from different places."""

    def __init__(self, code: grpc.StatusCode, told: errors.Vid2VidError) -> None:
        self._code = code
        self._told = told.to_status()

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return str(self._told.message)

    def trailing_metadata(self) -> Any:
        return (("grpc-status-details-bin", self._told.SerializeToString()),)


def test_details_count_only_where_they_agree_with_the_status() -> None:
    told = errors.NoFaceDetected("no face")
    agreeing, contradicting = Failed(told.status, told), Failed(grpc.StatusCode.UNAVAILABLE, told)
    unavailable = errors.LandmarksUnavailable
    assert type(errors.error_from_rpc(agreeing, unavailable=unavailable)) is errors.NoFaceDetected
    assert type(errors.error_from_rpc(contradicting, unavailable=unavailable)) is unavailable


@pytest.mark.parametrize(
    ("cls", "reason"),
    [
        (errors.NoFaceDetected, "NO_FACE_DETECTED"),
        (errors.QueueFull, "QUEUE_FULL"),
        (errors.Vid2VidError, "VID2VID_ERROR"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_reason_is_the_class_name_in_upper_snake_case(cls: type[errors.Vid2VidError], reason: str) -> None:
    assert cls.reason() == reason
