"""Worker processes as the coordinator sees them: how they start, get pixels, answer and end.

All of them are forked from one template process that has loaded the models: the predictor's 100 MB are then in memory,
and in the processor's cache, once. With two workers that took 40 % off the time of a prediction. The template is a
fresh Python process with a single thread, so forking it is safe; forking this one, which serves gRPC, would not be.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import Future
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.errors import ConfigurationError, InternalError
from vid2vid_core.logging import get_logger
from vid2vid_landmarks.jobs import Answer, Job

_log = get_logger(__name__)

_START_TIMEOUT_S = 60.0
_JOB_TIMEOUT_S = 120.0
"""A thousand times what a job takes: a worker that is this late hangs."""
_END_TIMEOUT_S = 2.0


class WorkerDied(Exception):
    """The process has ended in the middle of a job; never leaves the pool."""


class WorkerProcess:
    """One worker: a pipe for jobs and answers, and a piece of shared memory for pixels."""

    def __init__(self, process_id: int, pipe: socket.socket, pixels: SharedPixels) -> None:
        """Take over what belongs to a process that has just started."""
        self.id = process_id
        """Process id."""
        self._socket = pipe
        self._connection = Connection(os.dup(pipe.fileno()))
        self._pixels = pixels

    @property
    def alive(self) -> bool:
        """Whether it can take a job: a worker says nothing unasked, so what can be read now is its end."""
        try:
            return not self._connection.poll(0)
        except OSError:
            return False

    def run(self, job: Job, frames: NDArray[np.uint8]) -> Answer:
        """Have a job done.

        Raises:
            WorkerDied: The process ended, or gave no answer and was killed.
            InternalError: The job raised; the worker lives on.
        """
        try:
            self._pixels.write(frames)
            self._connection.send((job, frames.shape))
            if not self._connection.poll(_JOB_TIMEOUT_S):
                self._kill()
                raise WorkerDied(f"no answer within {_JOB_TIMEOUT_S:.0f} seconds")
            answer, problem = self._connection.recv()
        except (EOFError, OSError) as error:
            raise WorkerDied(f"process {self.id} closed its pipe") from error
        if problem is not None:
            _log.error("landmark job failed", traceback=problem)
            raise InternalError("a landmark job failed; the service's log has the details")
        result: Answer = answer
        return result

    def close(self) -> None:
        """End the process; it ends by itself when its pipe closes, unless it hangs."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            if not self._connection.poll(_END_TIMEOUT_S):
                self._kill()
        self._connection.close()
        self._socket.close()
        self._pixels.close()

    def _kill(self) -> None:
        # Its pipe is open, so it lives and the id is still its own.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.id, signal.SIGKILL)


class SharedPixels:
    """Memory that this process and one worker share. It has no name: nothing is left when both are gone, however."""

    def __init__(self) -> None:
        """Begin with none; it grows with the jobs."""
        self.descriptor = os.memfd_create("vid2vid-frames", os.MFD_CLOEXEC)
        """For the worker."""
        self._map: mmap.mmap | None = None

    def write(self, frames: NDArray[np.uint8]) -> None:
        """Copy frames in from the start; the worker must not be reading."""
        if self._map is None or len(self._map) < frames.nbytes:
            os.ftruncate(self.descriptor, frames.nbytes)
            self._map = mmap.mmap(self.descriptor, frames.nbytes)
        np.copyto(np.frombuffer(self._map, np.uint8, frames.size).reshape(frames.shape), frames)

    def close(self) -> None:
        """Free this side; may be called once."""
        self._map = None
        os.close(self.descriptor)


class WorkerNursery:
    """Starts workers by forking the template process, which it keeps and replaces if it has ended."""

    def __init__(self, predictor: Path) -> None:
        """Start the thread that owns the template; the template itself starts with the first worker.

        Args:
            predictor: The model file that workers use.
        """
        self._predictor = predictor
        self._wanted: queue.SimpleQueue[Future[WorkerProcess] | None] = queue.SimpleQueue()
        self._template: subprocess.Popen[bytes] | None = None
        self._control: Connection | None = None
        # The kernel ends the template with the thread that started it: this one lives until close.
        self._thread = threading.Thread(target=self._serve, name="landmark-nursery", daemon=True)
        self._thread.start()

    def start_worker(self) -> WorkerProcess:
        """A new worker; safe from any thread.

        Raises:
            ConfigurationError: The template can't start, or can't load the predictor.
        """
        started: Future[WorkerProcess] = Future()
        self._wanted.put(started)
        return started.result()

    def close(self) -> None:
        """End the template, and with it every worker that is left."""
        self._wanted.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (started := self._wanted.get()) is not None:
            try:
                started.set_result(self._fork())
            except ConfigurationError as error:
                started.set_exception(error)
            except Exception as error:  # noqa: BLE001 - no files or memory left, say: the one who asks can go on
                _log.error("landmark worker not started", exc_info=True)
                started.set_exception(ConfigurationError(f"a landmark worker did not start: {error}"))
        self._end_template()

    def _fork(self) -> WorkerProcess:
        if self._template is None or self._template.poll() is not None:
            self._end_template()
            self._start_template()
        assert self._control is not None  # noqa: S101 - for the type checker
        ours, theirs = socket.socketpair()
        pixels = SharedPixels()
        with theirs:
            try:
                for descriptor in (theirs.fileno(), pixels.descriptor):
                    send_handle(self._control, descriptor, None)
                process_id: int = self._receive()
            except (EOFError, OSError, ConfigurationError) as error:
                ours.close()
                pixels.close()
                self._end_template()
                raise ConfigurationError("a landmark worker did not start: its template has ended") from error
        return WorkerProcess(process_id, ours, pixels)

    def _start_template(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "vid2vid_landmarks.worker"]
            command += [str(theirs.fileno()), str(self._predictor), str(os.getpid())]
            self._template = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # Workers are single-threaded, and so must be what is forked: no thread per core from libraries.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        self._control = Connection(ours.detach())
        try:
            problem: str | None = self._receive()
        except (EOFError, OSError):
            problem = f"a landmark worker did not start: exit status {self._template.wait(_END_TIMEOUT_S)}"
        if problem is not None:
            self._end_template()
            raise ConfigurationError(problem)

    def _receive(self) -> Any:
        assert self._control is not None  # noqa: S101 - for the type checker
        if not self._control.poll(_START_TIMEOUT_S):
            raise ConfigurationError(f"a landmark worker did not start within {_START_TIMEOUT_S:.0f} seconds")
        return self._control.recv()

    def _end_template(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._template is None:
            return
        try:
            # It ends by itself when its pipe closes and the workers have ended.
            self._template.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._template.kill()
            self._template.wait()
        self._template = None
