"""A worker process: reads jobs from a pipe, answers them, ends with its parent. Started by :mod:`.workers`."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np

from vid2vid_core.errors import Vid2VidError
from vid2vid_landmarks.detector import FaceDetector
from vid2vid_landmarks.jobs import run_job

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Answer jobs until the pipe closes. Arguments: the pipe's descriptor, the predictor's path, the parent's id."""
    descriptor, predictor, parent = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    _end_with(parent)
    # Ctrl-C and SIGTERM reach the whole process group; the parent drains first and then closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    cv2.setNumThreads(1)
    with Connection(descriptor) as connection:
        try:
            detector = FaceDetector(predictor)
        except Vid2VidError as error:
            connection.send(error.message)
            return
        connection.send(None)
        try:
            _answer_all(connection, detector)
        except (EOFError, ConnectionError):
            return


def _answer_all(connection: Connection, detector: FaceDetector) -> None:
    while True:
        job, shape = connection.recv()
        frames = np.frombuffer(connection.recv_bytes(), dtype=np.uint8).reshape(shape)
        try:
            answer, problem = run_job(detector, job, frames), None
        except Exception:  # noqa: BLE001 - the parent logs it and fails the call; the worker serves on
            answer, problem = None, traceback.format_exc()
        connection.send((answer, problem))


def _end_with(parent: int) -> None:
    """Have the kernel end this process when the parent thread is gone, however it went."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


if __name__ == "__main__":
    main()
