"""A pool of detector processes that several calls share fairly.

Each process has a thread and a pipe of its own. No lock or queue is shared between processes, so a killed worker can't
leave one locked: its thread sees the pipe end, fails the job it was working on, and has a new process started.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.errors import ConfigurationError, InternalError, RenderCancelled, ShuttingDown
from vid2vid_core.logging import get_logger
from vid2vid_landmarks.jobs import Answer, Job
from vid2vid_landmarks.metrics import LandmarkMetrics
from vid2vid_landmarks.worker_process import WorkerDied, WorkerNursery, WorkerProcess

_log = get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Task:
    job: Job
    frames: NDArray[np.uint8]
    future: Future[Answer] = field(default_factory=Future)
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    """Of the call that submits it: its render id stands in what the lane logs about the job."""


class WorkerShare:
    """One call's share of the pool: a queue of jobs that is served in turn with those of other calls."""

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self.waiting: deque[_Task] = deque()
        self.closed = False

    def submit(self, job: Job, frames: NDArray[np.uint8]) -> Future[Answer]:
        """Queue a job. The caller bounds how many it queues: pixels wait in memory.

        Args:
            job: What to do.
            frames: ``[N, H, W]`` gray, C-contiguous; not to be changed until the answer is there.

        Raises:
            RenderCancelled: The share is closed.
        """
        task = _Task(job, frames)
        with self._changed:
            if self.closed:
                raise RenderCancelled("the call has ended")
            self.waiting.append(task)
            self._changed.notify()
        return task.future

    def close(self) -> None:
        """Drop the jobs that wait; their futures are cancelled. May be called again."""
        with self._changed:
            self.closed = True
            while self.waiting:
                self.waiting.popleft().future.cancel()


class WorkerPool:
    """Detector processes; jobs of different calls take turns."""

    def __init__(self, count: int, predictor: Path, metrics: LandmarkMetrics | None = None) -> None:
        """Start the processes and wait until they have loaded their models.

        Args:
            count: Number of processes.
            predictor: The model file that they load.
            metrics: Counts what the processes do.

        Raises:
            ConfigurationError: A worker can't load the predictor.
        """
        self.nursery = WorkerNursery(predictor)
        """Starts the processes."""
        self._changed = threading.Condition()
        self._shares: deque[WorkerShare] = deque()
        self._stopping = False
        self.metrics = metrics or LandmarkMetrics()
        """Counts what the processes do."""
        self.metrics.watch_workers(count, self._waiting_jobs)
        self._lanes = [_Lane(self, number) for number in range(count)]
        try:
            for lane in self._lanes:
                lane.wait_until_ready()
        except ConfigurationError:
            self.close()
            raise

    @property
    def size(self) -> int:
        """Number of worker processes."""
        return len(self._lanes)

    @property
    def process_ids(self) -> list[int]:
        """The workers' process ids; for tests and diagnosis."""
        return [lane.process_id for lane in self._lanes if lane.process_id is not None]

    @contextmanager
    def share(self) -> Iterator[WorkerShare]:
        """One call's share; jobs that still wait at its end are dropped.

        Raises:
            ShuttingDown: The pool is closed.
        """
        share = WorkerShare(self._changed)
        with self._changed:
            if self._stopping:
                raise ShuttingDown("the landmark workers have stopped")
            self._shares.append(share)
        try:
            yield share
        finally:
            with self._changed:
                self._shares.remove(share)
            share.close()

    def close(self) -> None:
        """Stop the processes; jobs that wait fail."""
        with self._changed:
            self._stopping = True
            for share in self._shares:
                share.close()
            self._changed.notify_all()
        for lane in self._lanes:
            lane.join()
        self.nursery.close()

    def next_task(self) -> _Task | None:
        """The next call's oldest job; blocks. ``None``: the pool is closed."""
        with self._changed:
            while not self._stopping:
                for _ in range(len(self._shares)):
                    share = self._shares[0]
                    self._shares.rotate(-1)
                    if share.waiting:
                        return share.waiting.popleft()
                self._changed.wait()
            return None

    def _waiting_jobs(self) -> int:
        with self._changed:
            return sum(len(share.waiting) for share in self._shares)


class _Lane:
    """One thread with its process."""

    def __init__(self, pool: WorkerPool, number: int) -> None:
        self._pool = pool
        self._number = number
        self._started: Future[None] = Future()
        self._process: WorkerProcess | None = None
        self._thread = threading.Thread(target=self._run, name=f"landmark-worker-{number}", daemon=True)
        self._thread.start()

    @property
    def process_id(self) -> int | None:
        return self._process.id if self._process is not None else None

    def wait_until_ready(self) -> None:
        self._started.result()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            self._process = self._pool.nursery.start_worker()
        except ConfigurationError as error:
            self._started.set_exception(error)
            return
        self._started.set_result(None)
        while (task := self._pool.next_task()) is not None:
            task.context.run(self._serve, task)
        if self._process is not None:
            self._process.close()

    def _serve(self, task: _Task) -> None:
        if not task.future.set_running_or_notify_cancel():
            return
        try:
            if self._process is None or not self._process.alive:
                self._restart()
            assert self._process is not None  # noqa: S101 - for the type checker
            task.future.set_result(self._run_timed(self._process, task))
        except (InternalError, ConfigurationError) as error:
            task.future.set_exception(error)
        except WorkerDied as death:
            _log.error("landmark worker died", worker=self._number, cause=str(death))
            task.future.set_exception(InternalError(f"a landmark worker process ended: {death}"))
            self._restart_quietly()
        except Exception as error:  # noqa: BLE001 - a future that nobody settles would hold its call for ever
            _log.error("landmark worker's answer can't be used", worker=self._number, exc_info=error)
            task.future.set_exception(InternalError("a landmark worker gave an answer that can't be used"))
            self._restart_quietly()

    def _run_timed(self, process: WorkerProcess, task: _Task) -> Answer:
        started = time.monotonic()
        try:
            return process.run(task.job, task.frames)
        finally:
            self._pool.metrics.worker_seconds.inc(time.monotonic() - started)

    def _restart(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None
        self._process = self._pool.nursery.start_worker()
        self._pool.metrics.worker_restarts.inc()

    def _restart_quietly(self) -> None:
        try:
            self._restart()
        except ConfigurationError as error:
            # The next job tries again, and reports it to somebody who asked.
            _log.error("landmark worker does not start", worker=self._number, error=error.message)
