"""What the renderer counts, and whose render id a stage's thread logs with."""

import threading
import time

import pytest

from vid2vid_core.errors import RenderCancelled
from vid2vid_core.logging import bound_render_id, current_render_id
from vid2vid_renderer.admission import Admission
from vid2vid_renderer.metrics import RenderMetrics
from vid2vid_renderer.stages import BusyClock, StageGroup, StageQueue


def value(metrics: RenderMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_waiting_frames_of_all_renders_are_added_up_until_each_is_forgotten() -> None:
    metrics = RenderMetrics()
    queues = [StageQueue[int](StageGroup(), 10) for _ in range(2)]
    forget = [metrics.watch_queues({"tracked": queue.waiting}) for queue in queues]
    for queue in queues:
        queue.put(1)
        queue.put(2)
    next(queues[0])
    assert value(metrics, "vid2vid_queue_frames", queue="tracked") == 3
    assert value(metrics, "vid2vid_queue_frames", queue="rendered") == 0
    forget[1]()
    forget[1]()
    assert value(metrics, "vid2vid_queue_frames", queue="tracked") == 1


def test_work_that_never_pauses_is_counted_while_it_goes_on() -> None:
    metrics = RenderMetrics()
    clock = BusyClock(metrics.busy("infer"))
    clock.begin()
    time.sleep(0.02)
    clock.begin()
    counted = value(metrics, "vid2vid_stage_busy_seconds_total", stage="infer")
    assert counted is not None
    assert counted >= 0.02
    clock.end()
    clock.end()
    assert value(metrics, "vid2vid_stage_busy_seconds_total", stage="infer") == pytest.approx(clock.seconds)


def test_renders_under_way_are_those_that_are_admitted() -> None:
    metrics, admission = RenderMetrics(), Admission(3)
    metrics.watch_admission(admission)
    with admission.enter():
        assert value(metrics, "vid2vid_renders_active") == 1
    assert value(metrics, "vid2vid_renders_active") == 0
    assert value(metrics, "vid2vid_renders_limit") == 3


def test_two_services_in_one_process_count_apart() -> None:
    first, second = RenderMetrics(), RenderMetrics()
    first.upload_bytes.inc(5)
    assert value(second, "vid2vid_upload_bytes_total") == 0


def test_stage_logs_with_the_render_id_of_whoever_started_it() -> None:
    group, seen = StageGroup(), []
    go_on = threading.Event()

    def stage() -> None:
        assert go_on.wait(5)
        seen.append(current_render_id())

    with bound_render_id("r1"):
        group.start("one", stage)
    with bound_render_id("r2"):
        group.start("two", stage)
    go_on.set()
    assert group.wait(5)
    group.stop(RenderCancelled("over"))
    assert sorted(seen) == ["r1", "r2"]
