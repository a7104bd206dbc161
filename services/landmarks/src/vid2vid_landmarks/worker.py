"""The template process and its forks, the workers: they answer jobs. Started by :mod:`.worker_process`."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import mmap
import os
import signal
import sys
import traceback
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vid2vid_core.errors import Vid2VidError
from vid2vid_landmarks.detector import FaceDetector
from vid2vid_landmarks.jobs import run_job

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Load the models, then fork workers until the pipe closes.

    Arguments: the pipe's descriptor, the predictor's path, the parent's id.
    """
    descriptor, predictor, parent = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    _end_with(parent)
    # Ctrl-C and SIGTERM reach the whole process group; the parent drains first and then closes the pipes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Nobody waits for workers: their pipes tell that they have ended.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    cv2.setNumThreads(1)
    with Connection(descriptor) as control:
        try:
            detector = FaceDetector(predictor)
        except Vid2VidError as error:
            control.send(error.message)
            return
        control.send(None)
        gc.freeze()  # the collector would write to, and so copy, every page that the workers share
        try:
            _fork_all(control, detector)
        except (EOFError, ConnectionError):
            # Without a parent that wants them back, wait returns when the last worker has ended.
            with contextlib.suppress(ChildProcessError):
                os.wait()


def _fork_all(control: Connection, detector: FaceDetector) -> None:
    template = os.getpid()
    while True:
        pipe, pixels = recv_handle(control), recv_handle(control)
        worker = os.fork()
        if worker == 0:
            _work(control, detector, pipe, pixels, template)
        os.close(pipe)
        os.close(pixels)
        control.send(worker)


def _work(control: Connection, detector: FaceDetector, pipe: int, pixels: int, template: int) -> None:
    """The life of a worker; does not return, because what follows is the template's."""
    status = 1
    try:
        _end_with(template)
        control.close()
        with Connection(pipe) as connection:
            _answer_all(connection, detector, _Pixels(pixels))
    except (EOFError, ConnectionError):
        status = 0
    except Exception:  # noqa: BLE001 - os._exit would hide it
        traceback.print_exc()
    finally:
        os._exit(status)


def _answer_all(connection: Connection, detector: FaceDetector, pixels: _Pixels) -> None:
    while True:
        job, shape = connection.recv()
        try:
            answer, problem = run_job(detector, job, pixels.read(shape)), None
        except Exception:  # noqa: BLE001 - the parent logs it and fails the call; the worker serves on
            answer, problem = None, traceback.format_exc()
        connection.send((answer, problem))


class _Pixels:
    """The worker's view of the memory that it shares with the parent."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._map: mmap.mmap | None = None

    def read(self, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
        """The frames that lie there now; the parent leaves them alone until they are answered."""
        size = shape[0] * shape[1] * shape[2]
        if self._map is None or len(self._map) < size:
            self._map = mmap.mmap(self._descriptor, size, prot=mmap.PROT_READ)
        return np.frombuffer(self._map, np.uint8, size).reshape(shape)


def _end_with(parent: int) -> None:
    """Have the kernel end this process when the parent thread is gone, however it went."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


if __name__ == "__main__":
    main()
