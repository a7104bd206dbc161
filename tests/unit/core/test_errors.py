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
