from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.fakes import SIZE, FakeGenerator, FakeLandmarks, number_of, resolved_model
from vid2vid_core.errors import GeneratorUnavailable, RenderCancelled
from vid2vid_core.landmarks_client import TrackedFrame
from vid2vid_core.mask import MaskSpec
from vid2vid_renderer.inference_stage import InferenceStage, RenderedFrame, batches
from vid2vid_renderer.stages import StageGroup, StageQueue, StageStopped


def tracked(count: int, *, omit_masks: bool = False) -> list[TrackedFrame]:
    tracking = FakeLandmarks(frame_count=count).track(
        None,  # type: ignore[arg-type]
        mask_spec=MaskSpec(size=SIZE),
        omit_masks=omit_masks,
    )
    return list(tracking)


@pytest.fixture
def group() -> Iterator[StageGroup]:
    group = StageGroup()
    yield group
    group.stop(RenderCancelled("the test is over"))


def run(
    generator: FakeGenerator, group: StageGroup, count: int, *, batch_size: int = 4, inflight: int = 3, limit: int = 16
) -> tuple[InferenceStage, list[RenderedFrame]]:
    stage = InferenceStage(
        group,
        generator,
        resolved_model(max_batch_size=limit),
        batch_size=batch_size,
        inflight=inflight,
        timeout_s=10,
    )
    rendered: StageQueue[RenderedFrame] = StageQueue(group, 1000)
    stage.run(tracked(count), rendered)
    return stage, list(rendered)


def test_batches_are_full_but_for_the_last() -> None:
    assert [len(batch) for batch in batches(tracked(10), 4)] == [4, 4, 2]
    assert [len(batch) for batch in batches(tracked(8), 4)] == [4, 4]
    assert list(batches([], 4)) == []


def test_model_limit_makes_batches_smaller(group: StageGroup) -> None:
    generator = FakeGenerator()
    stage, _ = run(generator, group, 7, batch_size=8, limit=3)
    assert generator.batch_sizes == [3, 3, 1]
    assert stage.mean_batch_size == pytest.approx(7 / 3)


def test_results_keep_their_order_when_answers_do_not(group: StageGroup) -> None:
    generator = FakeGenerator(delays_s=[0.15, 0.05, 0.0, 0.1, 0.0, 0.02])
    _, rendered = run(generator, group, 23)
    assert [frame.landmarks.index for frame in rendered] == list(range(23))
    assert [number_of(frame.rgb) for frame in rendered] == list(range(23))
    assert [number_of(frame.mask) for frame in rendered] == list(range(23))


def test_several_requests_are_in_flight_but_no_more_than_allowed(group: StageGroup) -> None:
    generator = FakeGenerator(delay_s=0.02)
    stage, _ = run(generator, group, 40, inflight=3)
    assert generator.most_inflight == 3
    assert stage.clock.seconds > 0.02


def test_generator_failure_ends_the_stage_with_its_error(group: StageGroup) -> None:
    generator = FakeGenerator(fail_at_batch=1, failure=GeneratorUnavailable("gone"))
    with pytest.raises(GeneratorUnavailable, match="gone"):
        run(generator, group, 20)


def test_stop_cancels_every_request_in_flight(group: StageGroup) -> None:
    generator = FakeGenerator(block=True)
    stage = InferenceStage(group, generator, resolved_model(), batch_size=4, inflight=3, timeout_s=10)
    rendered: StageQueue[RenderedFrame] = StageQueue(group, 10)
    group.start("infer", lambda: stage.run(tracked(40), rendered))
    assert not group.wait(0.1)
    group.stop(RenderCancelled("enough"))
    assert group.join(2)
    generator.close()
    assert generator.cancelled_count == 3


def test_requests_submitted_while_stopping_are_cancelled(group: StageGroup) -> None:
    generator = FakeGenerator(block=True)
    stage = InferenceStage(group, generator, resolved_model(), batch_size=4, inflight=1, timeout_s=10)
    group.stop(RenderCancelled("before it began"))
    with pytest.raises(StageStopped):
        stage.run(tracked(8), StageQueue(group, 10))
    generator.close()
    assert generator.cancelled_count == len(generator.batch_sizes) == 1
