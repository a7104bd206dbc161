"""The worker pool with real processes."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pytest

from tests.support.face_clips import blank, with_head
from vid2vid_core.errors import ConfigurationError, InternalError, RenderCancelled, ShuttingDown
from vid2vid_landmarks.detector import find_predictor
from vid2vid_landmarks.jobs import ScoutJob
from vid2vid_landmarks.workers import WorkerPool

FACE = np.asarray(cv2.cvtColor(with_head(blank(300, 300), 30, 20, 240), cv2.COLOR_RGB2GRAY), dtype=np.uint8)[None]
JOB = ScoutJob((240,))


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(1, find_predictor())
    yield pool
    pool.close()


def test_worker_answers_a_job(pool: WorkerPool) -> None:
    with pool.share() as share:
        answer = share.submit(JOB, FACE).result(timeout=30)
    assert len(answer) == 1
    assert len(answer[0]) == 1


def test_killed_worker_fails_its_job_and_the_next_one_works(pool: WorkerPool) -> None:
    with pool.share() as share:
        (worker,) = pool.process_ids
        future = share.submit(JOB, np.repeat(FACE, 64, axis=0))
        while not future.running():
            time.sleep(0.001)
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(InternalError, match="worker"):
            future.result(timeout=30)
        assert len(share.submit(JOB, FACE).result(timeout=30)) == 1
    assert pool.process_ids != [worker]


def test_worker_killed_while_idle_costs_no_job(pool: WorkerPool) -> None:
    (worker,) = pool.process_ids
    os.kill(worker, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(worker)], timeout=5)
    with pool.share() as share:
        assert len(share.submit(JOB, FACE).result(timeout=30)) == 1


def test_job_that_cannot_be_sent_fails_alone(pool: WorkerPool) -> None:
    unsendable: Any = lambda: None  # noqa: E731 - a function without a name can't be pickled
    with pool.share() as share:
        with pytest.raises(InternalError, match="can't be used"):
            share.submit(unsendable, FACE).result(timeout=30)
        assert len(share.submit(JOB, FACE).result(timeout=30)) == 1


def test_job_that_raises_fails_alone(pool: WorkerPool) -> None:
    with pool.share() as share:
        broken = share.submit(ScoutJob(None), FACE)  # type: ignore[arg-type]
        with pytest.raises(InternalError, match="log"):
            broken.result(timeout=30)
        assert len(share.submit(JOB, FACE).result(timeout=30)) == 1


def test_calls_take_turns(pool: WorkerPool) -> None:
    done: list[str] = []
    with pool.share() as first, pool.share() as second:
        futures = [first.submit(JOB, FACE) for _ in range(6)] + [second.submit(JOB, FACE) for _ in range(2)]
        for name, future in zip("aaaaaabb", futures, strict=True):
            future.add_done_callback(lambda _, name=name: done.append(name))  # type: ignore[misc]
        for future in futures:
            future.result(timeout=30)
    assert done.index("b") <= 3
    assert "".join(done).rindex("b") <= 5


def test_closed_share_cancels_what_waits(pool: WorkerPool) -> None:
    with pool.share() as share:
        futures = [share.submit(JOB, FACE) for _ in range(5)]
        share.close()
        assert futures[-1].cancelled()
        with pytest.raises(RenderCancelled):
            share.submit(JOB, FACE)


def test_closed_pool_leaves_no_process_and_takes_no_call() -> None:
    pool = WorkerPool(1, find_predictor())
    (worker,) = pool.process_ids
    pool.close()
    assert not psutil.pid_exists(worker)
    with pytest.raises(ShuttingDown), pool.share():
        pass


def test_unreadable_predictor_fails_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "damaged.dat"
    path.write_bytes(b"no model")
    with pytest.raises(ConfigurationError, match="predictor"):
        WorkerPool(1, path)


def test_killed_template_costs_no_later_job(pool: WorkerPool) -> None:
    (worker,) = pool.process_ids
    template = psutil.Process(worker).parent()
    assert template is not None
    assert template.pid != os.getpid()
    template.kill()
    psutil.wait_procs([psutil.Process(worker)] if psutil.pid_exists(worker) else [], timeout=5)
    with pool.share() as share:
        assert len(share.submit(JOB, FACE).result(timeout=30)) == 1


def test_pixels_of_any_size_pass_through_shared_memory(pool: WorkerPool) -> None:
    with pool.share() as share:
        for copies in (1, 3, 2):
            frames = np.concatenate([np.zeros_like(FACE), *[FACE] * copies])
            answer = share.submit(JOB, frames).result(timeout=30)
            assert [len(faces) for faces in answer] == [0] + [1] * copies
    assert not list(Path("/dev/shm").glob("vid2vid-frames*"))  # noqa: S108 - it has no name
