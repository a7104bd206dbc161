from __future__ import annotations

import io

from rich.console import Console

from vid2vid_client.display import BarDisplay, LineDisplay, NoDisplay, choose_display, model_table, progress_text
from vid2vid_client.models import Model, ModelVersion
from vid2vid_client.results import RenderProgress


def lines(display: LineDisplay, stream: io.StringIO, *moments: RenderProgress) -> list[str]:
    with display:
        for moment in moments:
            display.show(moment)
    return stream.getvalue().splitlines()


def frames(done: int) -> RenderProgress:
    return RenderProgress(stage="rendering", done=done, total=100, frames_per_second=25.0)


def test_log_gets_a_line_per_stage_and_no_more_in_between() -> None:
    stream = io.StringIO()
    upload = RenderProgress(stage="uploading", done=2**20, total=3 * 2**20)
    muxing = RenderProgress(stage="muxing", done=100, total=100)
    shown = lines(LineDisplay(Console(file=stream)), stream, upload, upload, frames(1), frames(2), muxing)
    assert shown == [
        "uploading: 1.0 of 3.0 MiB",
        "rendering: 1 of 100 frames, 25.0 frames/s",
        "muxing: 100 of 100 frames",
    ]


def test_log_gets_another_line_of_the_same_stage_after_the_interval() -> None:
    stream = io.StringIO()
    assert len(lines(LineDisplay(Console(file=stream), interval_s=0), stream, frames(1), frames(2))) == 2


def test_unknown_total_is_left_out() -> None:
    assert progress_text(RenderProgress(stage="rendering", done=7, total=0)) == "7 frames"


def test_display_suits_the_place() -> None:
    terminal, log = Console(file=io.StringIO(), force_terminal=True), Console(file=io.StringIO())
    assert isinstance(choose_display(terminal, quiet=False), BarDisplay)
    assert isinstance(choose_display(log, quiet=False), LineDisplay)
    assert isinstance(choose_display(terminal, quiet=True), NoDisplay)


def test_bar_shows_stage_and_amount() -> None:
    stream = io.StringIO()
    with BarDisplay(Console(file=stream, force_terminal=True, width=100)) as bar:
        bar.show(frames(50))
    assert "rendering" in stream.getvalue()
    assert "50 of 100 frames, 25.0 frames/s" in stream.getvalue()


def test_brackets_in_a_reason_are_shown_as_they_are() -> None:
    stream = io.StringIO()
    reason = "Internal: cannot read [/models/anna/1/model.onnx] [red]"
    lost = ModelVersion(version=1, state="unavailable", reason=reason, device="", training_run="", onnx_sha256="")
    anna = Model(name="anna", versions=(lost,), size=0, mask_spec_hash="", max_batch_size=0)
    Console(file=stream, width=160).print(model_table([anna]))
    assert reason in stream.getvalue()


def test_models_stand_in_a_table_with_a_row_per_version() -> None:
    stream = io.StringIO()
    ready = ModelVersion(version=1, state="ready", reason="", device="cpu", training_run="00001-anna", onnx_sha256="")
    anna = Model(name="anna", versions=(ready,), size=256, mask_spec_hash="", max_batch_size=16)
    idle = Model(name="idle", versions=(), size=0, mask_spec_hash="", max_batch_size=0)
    Console(file=stream, width=120).print(model_table([anna, idle]))
    rows = [line.split() for line in stream.getvalue().splitlines()]
    assert rows[1] == ["anna", "1", "ready", "256", "cpu", "00001-anna"]
    assert rows[2][:4] == ["idle", "-", "not", "loaded"]
