"""The small parts: layout, progress, admission, settings."""

from __future__ import annotations

import numpy as np
import pytest

from vid2vid_core.errors import ConfigurationError, InternalError, QueueFull
from vid2vid_renderer.admission import Admission
from vid2vid_renderer.layout import compose, picture_size
from vid2vid_renderer.order import Layout, RenderStage
from vid2vid_renderer.progress import ProgressMeter
from vid2vid_renderer.settings import RendererSettings


def test_side_by_side_is_three_pictures_wide() -> None:
    assert picture_size(Layout.SINGLE, 64) == (64, 64)
    assert picture_size(Layout.SIDE_BY_SIDE, 64) == (192, 64)


def test_content_of_another_size_is_refused() -> None:
    with pytest.raises(InternalError, match="content frame"):
        compose(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((5, 5, 3), np.uint8))


def test_total_never_falls_behind_what_is_done() -> None:
    meter = ProgressMeter()
    meter.enter(RenderStage.RENDERING, total=1)
    meter.advance()
    meter.advance()
    assert (meter.read().frames_done, meter.read().frames_total) == (2, 2)


def test_unknown_total_stays_unknown() -> None:
    meter = ProgressMeter()
    meter.enter(RenderStage.RENDERING, total=0)
    meter.advance()
    assert meter.read().frames_total == 0


def test_place_is_free_again_after_a_failure() -> None:
    admission = Admission(1)
    with pytest.raises(ZeroDivisionError), admission.enter():
        with pytest.raises(QueueFull, match="at most 1"), admission.enter():
            pass
        raise ZeroDivisionError
    with admission.enter():
        assert admission.active == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("BATCH_SIZE", "17"), ("BATCH_SIZE", "0"), ("INFLIGHT", "0"), ("TRITON", "nowhere"), ("TRITON_METRICS", "x")],
)
def test_setting_outside_its_range_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"VID2VID_RENDERER_{name}", value)
    with pytest.raises(ConfigurationError, match=f"VID2VID_RENDERER_{name}='{value}'"):
        RendererSettings.from_environment()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VID2VID_RENDERER_TRITON", "triton:8001")
    monkeypatch.setenv("VID2VID_RENDERER_QUEUE_DEPTH", "5")
    settings = RendererSettings.from_environment()
    assert (settings.triton, settings.queue_depth, settings.listen) == ("triton:8001", 5, "127.0.0.1:50052")
