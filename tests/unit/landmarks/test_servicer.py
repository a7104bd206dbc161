"""Admission of calls."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from vid2vid.landmarks.v1 import landmarks_pb2 as pb
from vid2vid_core.errors import EmptyMedia, QueueFull
from vid2vid_landmarks.servicer import LandmarkServicer
from vid2vid_landmarks.settings import LandmarksSettings
from vid2vid_landmarks.workers import WorkerPool


class Context:
    """The part of ``grpc.ServicerContext`` that is used before a clip is complete."""

    def add_callback(self, _callback: object) -> bool:
        return True


def test_call_over_the_limit_fails_and_a_finished_call_makes_room(tmp_path: Path) -> None:
    settings = LandmarksSettings(max_concurrent_calls=1, temp_dir=str(tmp_path))
    servicer = LandmarkServicer(settings, cast(WorkerPool, None))
    context = cast(Any, Context())

    def requests(expected: type[Exception]) -> Iterator[pb.TrackVideoRequest]:
        with pytest.raises(expected):
            next(servicer.TrackVideo(iter([pb.TrackVideoRequest(settings=pb.TrackVideoSettings())]), context))
        yield pb.TrackVideoRequest(settings=pb.TrackVideoSettings())

    for _ in range(2):
        with pytest.raises(EmptyMedia):
            next(servicer.TrackVideo(requests(QueueFull), context))
    assert list(tmp_path.iterdir()) == []
