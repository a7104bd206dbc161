from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from tests.support.ports import free_port
from vid2vid_core.errors import GeneratorUnavailable, LandmarksUnavailable
from vid2vid_renderer.readiness import LANDMARK_SERVICE, LandmarksHealth, ReadinessWatch, first_problem
from vid2vid_renderer.retries import ask_again


@pytest.fixture
def landmark_service() -> Iterator[tuple[str, health.HealthServicer]]:
    server = grpc.server(ThreadPoolExecutor(2))
    servicer = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}", servicer
    server.stop(0).wait()


def test_landmark_service_that_serves_is_ready(landmark_service: tuple[str, health.HealthServicer]) -> None:
    target, servicer = landmark_service
    servicer.set(LANDMARK_SERVICE, health_pb2.HealthCheckResponse.SERVING)
    check = LandmarksHealth(target)
    check()
    check.close()


def test_landmark_service_that_does_not_serve_is_not_ready(
    landmark_service: tuple[str, health.HealthServicer],
) -> None:
    target, servicer = landmark_service
    servicer.set(LANDMARK_SERVICE, health_pb2.HealthCheckResponse.NOT_SERVING)
    check = LandmarksHealth(target)
    with pytest.raises(LandmarksUnavailable, match=f"{target} is not ready"):
        check()
    check.close()


def test_landmark_service_that_is_down_is_named_with_its_address() -> None:
    target = f"127.0.0.1:{free_port()}"
    check = LandmarksHealth(target, timeout_s=2)
    with pytest.raises(LandmarksUnavailable, match=f"{target} does not answer") as caught:
        check()
    assert caught.value.metadata == {"target": target}
    check.close()


def test_first_problem_is_the_first_peer_s() -> None:
    def fails() -> None:
        raise GeneratorUnavailable("Triton is down")

    assert first_problem([lambda: None, fails]) == "Triton is down"
    assert first_problem([lambda: None]) is None


def test_watch_reports_the_first_finding_and_every_change() -> None:
    is_down = threading.Event()
    is_down.set()
    reports: list[bool] = []

    def check() -> None:
        if is_down.is_set():
            raise GeneratorUnavailable("Triton is down")

    watch = ReadinessWatch([check], reports.append, interval_s=0.01)
    watch.start()
    for change in (is_down.clear, is_down.set):
        time.sleep(0.1)
        change()
    time.sleep(0.1)
    watch.stop()
    assert reports == [False, True, False]


def test_question_is_asked_again_while_the_peer_is_away() -> None:
    answers = iter([GeneratorUnavailable("away"), GeneratorUnavailable("away"), None])
    asked: list[int] = []

    def question() -> str:
        asked.append(1)
        if (error := next(answers)) is not None:
            raise error
        return "here"

    assert ask_again(question, delays_s=(0, 0)) == "here"
    assert len(asked) == 3


def test_question_is_not_asked_forever() -> None:
    def question() -> str:
        raise GeneratorUnavailable("away")

    with pytest.raises(GeneratorUnavailable):
        ask_again(question, delays_s=(0, 0))
