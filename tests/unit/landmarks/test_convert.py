"""The wire's messages."""

import numpy as np
import pytest

from tests.support.faces import FRONTAL_FACE
from vid2vid.landmarks.v1 import landmarks_pb2 as pb
from vid2vid_core.errors import InvalidSettings
from vid2vid_core.landmarks import FrameLandmarks, LandmarkSource
from vid2vid_core.landmarks_client import TrackedFrame
from vid2vid_core.mask import MaskSpec
from vid2vid_landmarks.convert import BATCH_BYTES, MAX_BATCH_FRAMES, frames_to_pb, options_from_pb


def tracked(index: int, size: int | None) -> TrackedFrame:
    landmarks = FrameLandmarks(
        index=index, pts=-3 + index, duration=1, source=LandmarkSource.INTERPOLATED, points=FRONTAL_FACE
    )
    return TrackedFrame(landmarks=landmarks, mask=None if size is None else np.zeros((size, size), np.uint8))


def test_unset_settings_take_the_documented_defaults() -> None:
    options = options_from_pb(pb.TrackVideoSettings())
    assert options.mask_spec == MaskSpec(version=1, size=256, line_width=2)
    assert options.crop_mode == "portrait"
    assert options.retarget_to is None
    assert not options.omit_masks


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        pytest.param(pb.TrackVideoSettings(mask_spec=pb.MaskSpec(version=9)), "9", id="unknown mask version"),
        pytest.param(pb.TrackVideoSettings(mask_spec=pb.MaskSpec(size=100)), "100", id="size off the grid"),
        pytest.param(pb.TrackVideoSettings(mask_spec=pb.MaskSpec(line_width=99)), "99", id="fat lines"),
        pytest.param(pb.TrackVideoSettings(crop_mode=7), "7", id="unknown crop mode"),  # type: ignore[arg-type]
        pytest.param(pb.TrackVideoSettings(retarget_to=pb.FaceGeometry(points=[1.0])), "136", id="short geometry"),
        pytest.param(pb.TrackVideoSettings(retarget_to=pb.FaceGeometry(points=[0.5] * 136)), "same", id="a dot"),
        pytest.param(
            pb.TrackVideoSettings(retarget_to=pb.FaceGeometry(points=[float("nan")] * 136)), "finite", id="not numbers"
        ),
    ],
)
def test_settings_outside_their_range_fail(settings: pb.TrackVideoSettings, named: str) -> None:
    with pytest.raises(InvalidSettings, match=named):
        options_from_pb(settings)


def test_messages_stay_below_a_mebibyte_of_masks() -> None:
    messages = list(frames_to_pb(tracked(index, 256) for index in range(40)))
    assert [len(message.frames.frames) for message in messages] == [16, 16, 8]
    assert all(sum(len(frame.mask) for frame in message.frames.frames) <= BATCH_BYTES for message in messages)


def test_messages_without_masks_stay_short_too() -> None:
    messages = list(frames_to_pb(tracked(index, None) for index in range(MAX_BATCH_FRAMES + 1)))
    assert [len(message.frames.frames) for message in messages] == [MAX_BATCH_FRAMES, 1]
    frame = messages[0].frames.frames[0]
    assert (frame.pts, frame.duration, frame.source) == (-3, 1, pb.LANDMARK_SOURCE_INTERPOLATED)
    assert np.array(frame.points, np.float32).reshape(68, 2) == pytest.approx(FRONTAL_FACE)
