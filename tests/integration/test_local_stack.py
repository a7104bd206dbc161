"""The three services as local processes: they come up together and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.triton import require_triton, wait_until
from vid2vid_core.errors import LandmarksUnavailable
from vid2vid_demo.stack import LocalStack

pytestmark = pytest.mark.needs_triton


@pytest.fixture(autouse=True)
def _needs_triton() -> None:
    require_triton()


def processes_of(stack: LocalStack) -> list[psutil.Process]:
    guards = [psutil.Process(service.pid) for service in stack.services]
    return [process for guard in guards for process in (guard, *guard.children(recursive=True))]


def running(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def test_stack_notices_a_dead_service_and_stops_without_leftovers(tmp_path: Path) -> None:
    with LocalStack(repository=tmp_path / "models", log_dir=tmp_path / "logs") as stack:
        stack.check()
        processes = processes_of(stack)
        assert len(processes) >= 6  # A guard and a service, three times.
        landmarks = psutil.Process(stack.services[0].pid).children()[0]
        landmarks.kill()
        wait_until(lambda: running(processes[:1]) == [])
        with pytest.raises(LandmarksUnavailable, match="landmarks ended with status 137"):
            stack.check()
    assert running(processes) == []
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == [
        "landmarks.log",
        "renderer.log",
        "triton.log",
    ]


def test_stack_command_says_ready_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    services = ("landmarks", "triton", "renderer")
    ports = [f"--{name}{kind}-port=0" for name in services for kind in ("", "-metrics")]
    folders = [f"--repository={tmp_path / 'models'}", f"--logs={tmp_path / 'logs'}"]
    command = [sys.executable, "-m", "vid2vid_demo.stack", *ports, *folders]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as stack:
        assert stack.stdout is not None
        lines: list[str] = []
        while not lines or lines[-1] != "ready; Ctrl-C stops":
            line = stack.stdout.readline()
            assert line, lines
            lines.append(line.rstrip())
        processes = psutil.Process(stack.pid).children(recursive=True)
        os.kill(stack.pid, signal.SIGINT)
        assert stack.stdout.read().strip() == "stopping"
        assert stack.wait(30) == 0
    assert tuple(line.split()[0] for line in lines[:3]) == services
    assert running(processes) == []
