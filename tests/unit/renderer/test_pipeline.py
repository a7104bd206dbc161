from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.support.fakes import (
    FRAME_DURATION,
    SIZE,
    FakeGenerator,
    FakeLandmarks,
    FakeMedia,
    face_geometry,
    number_of,
    resolved_model,
    video_info,
)
from vid2vid_core.errors import (
    GeneratorUnavailable,
    InternalError,
    LandmarksUnavailable,
    MaskSpecMismatch,
    RenderCancelled,
    Vid2VidError,
)
from vid2vid_core.mask import MaskSpec
from vid2vid_core.media.audio import AudioHandling, AudioInfo
from vid2vid_renderer.order import Layout, RenderOrder, RenderReport, RenderStage
from vid2vid_renderer.pipeline import PipelineLimits, RenderPipeline, RunningRender


class Setup:
    """A pipeline of fakes and one order for it."""

    def __init__(self, folder: Path) -> None:
        self.landmarks = FakeLandmarks()
        self.generator = FakeGenerator()
        self.media = FakeMedia()
        self.limits = PipelineLimits(batch_size=4, inflight=2, queue_depth=6)
        self.label_output = True
        self.folder = folder

    def start(self, *, layout: Layout = Layout.SINGLE, retarget: bool = True) -> RunningRender:
        pipeline = RenderPipeline(
            landmarks=self.landmarks,
            generator=self.generator,
            media=self.media,
            limits=self.limits,
            label_output=self.label_output,
        )
        order = RenderOrder(
            content=self.folder / "content",
            output=self.folder / "result.mp4",
            model=resolved_model(),
            layout=layout,
            retarget=retarget,
            render_id="r1",
        )
        return pipeline.start(order)

    def render(self, *, layout: Layout = Layout.SINGLE, retarget: bool = True) -> RenderReport:
        render = self.start(layout=layout, retarget=retarget)
        try:
            assert render.wait(10)
            return render.report()
        finally:
            render.close()

    def fails(self, error: type[Vid2VidError], match: str, *, layout: Layout = Layout.SINGLE) -> None:
        with pytest.raises(error, match=match):
            self.render(layout=layout)
        self.everything_is_stopped()

    def everything_is_stopped(self) -> None:
        assert all(tracking.cancelled.is_set() for tracking in self.landmarks.trackings)
        assert all(reader.closed.is_set() for reader in self.media.readers)
        assert all(writer.aborted.is_set() and not writer.closed for writer in self.media.writers)
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("render-")]


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(tmp_path)


def test_every_frame_comes_out_once_in_order_with_its_time(setup: Setup) -> None:
    setup.landmarks.start_pts = 500
    setup.landmarks.durations = [FRAME_DURATION + 7 * index for index in range(20)]
    report = setup.render()
    writer = setup.media.writers[0]
    assert [number_of(picture) for picture in writer.pictures] == list(range(20))
    durations = [duration for _, duration in writer.times]
    assert durations == setup.landmarks.durations
    assert [pts for pts, _ in writer.times] == [500 + sum(durations[:index]) for index in range(20)]
    assert writer.closed
    assert report.tracking.frame_count == 20


def test_report_has_sizes_stages_and_batches(setup: Setup) -> None:
    report = setup.render()
    assert (report.width, report.height) == (SIZE, SIZE)
    assert set(report.stage_seconds) == {"landmarks", "infer", "encode"}
    assert report.mean_batch_size == 4
    assert report.tracking.multiple_face_count == 3


def test_retargeting_uses_the_style_s_reference_geometry(setup: Setup) -> None:
    setup.render()
    setup.render(retarget=False)
    first, second = setup.landmarks.calls
    assert np.array_equal(first["retarget_to"].points, face_geometry().points)  # type: ignore[attr-defined]
    assert second["retarget_to"] is None
    assert first["render_id"] == "r1"


def test_side_by_side_shows_content_mask_and_rendered_frame(setup: Setup) -> None:
    report = setup.render(layout=Layout.SIDE_BY_SIDE)
    writer = setup.media.writers[0]
    assert (report.width, report.height) == writer.size == (3 * SIZE, SIZE)
    assert "decode" in report.stage_seconds
    for index, picture in enumerate(writer.pictures):
        content, mask, rendered = np.split(picture, 3, axis=1)
        assert (content == index).all()
        assert number_of(mask) == number_of(rendered) == index
        assert (rendered[..., 2] == 20).all()


@pytest.mark.parametrize(
    ("codec", "handling"),
    [(None, AudioHandling.NONE), ("aac", AudioHandling.COPIED), ("vorbis", AudioHandling.TRANSCODED)],
)
def test_audio_is_handled_as_its_codec_asks(setup: Setup, codec: str | None, handling: AudioHandling) -> None:
    audio = AudioInfo(codec=codec, sample_rate=48000, channels=1) if codec else None
    setup.media.info = video_info(audio=audio)
    assert setup.render().audio is handling
    assert setup.media.writers[0].audio is handling


def test_output_says_that_it_is_ai_generated(setup: Setup) -> None:
    setup.render()
    metadata = setup.media.writers[0].metadata
    assert metadata["comment"] == "AI-generated: rendered by vid2vid with model anna version 2"
    assert metadata["digital_source_type"].endswith("/trainedAlgorithmicMedia")
    assert (metadata["vid2vid_model"], metadata["vid2vid_version"]) == ("anna", "2")


def test_output_is_not_labelled_when_that_is_switched_off(setup: Setup) -> None:
    setup.label_output = False
    setup.render()
    assert setup.media.writers[0].metadata == {}


def test_slow_encoder_holds_the_landmark_stream_back(setup: Setup) -> None:
    setup.landmarks.frame_count = 200
    release = threading.Event()
    setup.media.on_write = lambda _index: release.wait(10)
    render = setup.start()
    time.sleep(0.3)
    held_at = setup.landmarks.trackings[0].frames_sent
    # Two queues of 6, a batch being gathered, two batches in flight, one frame in each stage's hands.
    assert held_at <= 2 * 6 + 4 + 2 * 4 + 3
    release.set()
    assert render.wait(10)
    render.report()
    render.close()
    assert len(setup.media.writers[0].pictures) == 200


def test_progress_names_stages_and_counts_frames(setup: Setup) -> None:
    reached, release = threading.Event(), threading.Event()

    def pause(index: int) -> None:
        if index == 10:
            reached.set()
            release.wait(10)

    setup.media.on_write = pause
    render = setup.start()
    reached.wait(10)
    progress = render.progress()
    assert progress.stage is RenderStage.RENDERING
    assert (progress.frames_done, progress.frames_total) == (10, 20)
    assert progress.frames_per_second > 0
    release.set()
    render.wait(10)
    assert render.progress().stage is RenderStage.MUXING
    render.close()


def test_landmark_service_that_is_down_fails_the_render(setup: Setup) -> None:
    setup.landmarks.fail_at, setup.landmarks.failure = -1, LandmarksUnavailable("down")
    setup.fails(LandmarksUnavailable, "down")


def test_landmark_stream_that_breaks_fails_the_render(setup: Setup) -> None:
    setup.landmarks.fail_at, setup.landmarks.failure = 11, LandmarksUnavailable("lost")
    setup.fails(LandmarksUnavailable, "lost", layout=Layout.SIDE_BY_SIDE)


def test_landmark_stream_that_ends_early_fails_the_render(setup: Setup) -> None:
    setup.landmarks.end_early_at = 15
    setup.fails(InternalError, "sent 15 of 20 frames")


def test_landmark_stream_with_a_gap_fails_the_render(setup: Setup) -> None:
    setup.landmarks.skip = 7
    setup.fails(InternalError, "sent frame 8 instead of 7")


def test_landmark_stream_without_a_frame_fails_the_render(setup: Setup) -> None:
    setup.landmarks.frame_count = 0
    setup.fails(InternalError, "sent 0 of 0 frames")


def test_masks_of_another_spec_fail_the_render(setup: Setup) -> None:
    setup.landmarks.mask_spec = MaskSpec(size=SIZE, line_width=3)
    setup.fails(MaskSpecMismatch, '"line_width":2.*"line_width":3')


def test_generator_failure_fails_the_render(setup: Setup) -> None:
    setup.generator = FakeGenerator(fail_at_batch=2, failure=GeneratorUnavailable("Triton is gone"))
    setup.fails(GeneratorUnavailable, "Triton is gone")


def test_encoder_failure_fails_the_render(setup: Setup) -> None:
    setup.media.fail_at = 5
    setup.fails(InternalError, "scripted encoder failure", layout=Layout.SIDE_BY_SIDE)


@pytest.mark.parametrize("count", [12, 19])
def test_content_with_fewer_frames_than_landmarks_fails_the_render(setup: Setup, count: int) -> None:
    setup.media.frame_count = count
    setup.fails(InternalError, f"ended at frame {count}", layout=Layout.SIDE_BY_SIDE)


def test_content_with_more_frames_than_landmarks_fails_the_render(setup: Setup) -> None:
    setup.media.frame_count = 21
    setup.fails(InternalError, "more than the 20 frames", layout=Layout.SIDE_BY_SIDE)


def test_content_with_other_times_than_landmarks_fails_the_render(setup: Setup) -> None:
    setup.media.pts_shift = 1
    setup.fails(InternalError, "disagree about the time of frame 0", layout=Layout.SIDE_BY_SIDE)


@pytest.mark.parametrize("blocked", ["landmarks", "generator", "encoder"])
def test_cancellation_stops_everything_within_a_second(setup: Setup, blocked: str) -> None:
    if blocked == "landmarks":
        setup.landmarks.block_at = 9
    elif blocked == "generator":
        setup.generator = FakeGenerator(block=True)
    else:
        setup.media.write_delay_s = 60
    render = setup.start(layout=Layout.SIDE_BY_SIDE)
    assert not render.wait(0.2)
    started = time.monotonic()
    render.cancel(RenderCancelled("enough"))
    assert render.wait(1)
    render.close()
    assert time.monotonic() - started < 1
    with pytest.raises(RenderCancelled, match="enough"):
        render.report()
    setup.everything_is_stopped()
    setup.generator.close()


def test_render_that_is_given_up_stops_everything(setup: Setup) -> None:
    setup.landmarks.block_at = 9
    render = setup.start()
    assert not render.wait(0.1)
    render.close()
    setup.everything_is_stopped()


def test_two_renders_at_once_keep_their_frames_apart(tmp_path: Path) -> None:
    setups = [Setup(tmp_path / "one"), Setup(tmp_path / "two")]
    shared = FakeGenerator(delay_s=0.005)
    for index, setup in enumerate(setups):
        setup.folder.mkdir()
        setup.generator = shared
        setup.landmarks.frame_count = 30 + index
    renders = [setup.start() for setup in setups]
    for setup, render in zip(setups, renders, strict=True):
        assert render.wait(10)
        render.report()
        render.close()
        pictures = setup.media.writers[0].pictures
        assert [number_of(picture) for picture in pictures] == list(range(setup.landmarks.frame_count))
