from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vid2vid.renderer.v1 import renderer_pb2 as pb
from vid2vid_client.models import model_from_pb
from vid2vid_client.results import progress_from_pb, result_from_pb, settings_message
from vid2vid_core.errors import InvalidSettings

DEFAULTS: dict[str, Any] = {
    "model": "anna",
    "version": None,
    "layout": "single",
    "crop": "portrait",
    "retarget": True,
}


def test_settings_name_every_choice() -> None:
    assert settings_message(**DEFAULTS) == pb.RenderSettings(
        model="anna",
        layout=pb.LAYOUT_SINGLE,
        crop_mode=pb.CROP_MODE_PORTRAIT,
        retarget_mode=pb.RETARGET_MODE_ON,
    )
    other = settings_message(model="anna", version=3, layout="side-by-side", crop="none", retarget=False)
    assert other == pb.RenderSettings(
        model="anna",
        version=3,
        layout=pb.LAYOUT_SIDE_BY_SIDE,
        crop_mode=pb.CROP_MODE_NONE,
        retarget_mode=pb.RETARGET_MODE_OFF,
    )


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("version", 0, "1 to 2147483647, or none"),
        ("version", -1, "1 to 2147483647, or none"),
        ("version", 2**31, "1 to 2147483647, or none"),
        ("layout", "triptych", "single, side-by-side"),
        ("crop", "face", "portrait, none"),
    ],
)
def test_value_outside_its_range_is_refused_with_what_is_allowed(field: str, value: object, allowed: str) -> None:
    with pytest.raises(InvalidSettings, match=allowed) as caught:
        settings_message(**{**DEFAULTS, field: value})
    assert str(value) in caught.value.message


def test_progress_of_a_newer_renderer_counts_as_rendering() -> None:
    newer = pb.RenderProgress(stage=99, frames_done=3)  # type: ignore[arg-type]
    progress = progress_from_pb(newer)
    assert (progress.stage, progress.done) == ("rendering", 3)


def test_result_has_every_count_of_the_summary() -> None:
    summary = pb.RenderSummary(
        frame_count=100,
        detected_count=90,
        interpolated_count=6,
        held_count=4,
        audio=pb.AUDIO_HANDLING_TRANSCODED,
        elapsed_seconds=4,
        stage_seconds=[pb.StageTime(name="infer", seconds=3.5)],
    )
    result = result_from_pb(Path("fake.mp4"), "r1", summary)
    assert (result.frame_count, result.detected_count, result.interpolated_count, result.held_count) == (100, 90, 6, 4)
    assert result.audio == "transcoded"
    assert result.frames_per_second == 25
    assert result.stage_seconds == {"infer": 3.5}


def test_model_state_of_a_newer_renderer_is_unknown() -> None:
    version = pb.ModelVersion(version=1, state=99)  # type: ignore[arg-type]
    assert model_from_pb(pb.Model(name="anna", versions=[version])).versions[0].state == "unknown"
