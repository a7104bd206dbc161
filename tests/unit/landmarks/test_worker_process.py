"""Starting workers where the machine has run out of something."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import NoReturn

import pytest
from structlog.testing import capture_logs

from vid2vid_core.errors import ConfigurationError
from vid2vid_landmarks.worker_process import WorkerNursery


def test_worker_that_gets_no_pipe_fails_with_the_cause(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_files_left() -> NoReturn:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket, "socketpair", no_files_left)
    nursery = WorkerNursery(tmp_path / "predictor.dat")
    with capture_logs() as logs, pytest.raises(ConfigurationError, match=r"did not start: .*Too many open files"):
        nursery.start_worker()
    assert [entry["log_level"] for entry in logs] == ["error"]
    nursery.close()
