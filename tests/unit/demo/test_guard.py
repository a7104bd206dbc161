"""The guard leaves no process behind, whatever ends first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

TREE = """
    import os, signal, subprocess, sys, time
    from pathlib import Path
    folder = Path(sys.argv[1])
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    same_session = subprocess.Popen(sleeper)
    own_session = subprocess.Popen(sleeper, start_new_session=True)
    {on_term}
    (folder / "pids.tmp").write_text(f"{os.getpid()} {same_session.pid} {own_session.pid}")
    (folder / "pids.tmp").rename(folder / "pids")
    time.sleep(600)
"""
"""A command with two children that don't end by themselves, one of them in a session of its own."""

STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
DRAINING = "signal.signal(signal.SIGTERM, lambda *_: ((folder / 'drained').touch(), sys.exit(7)))"


def start(folder: Path, *, on_term: str, grace_s: float) -> subprocess.Popen[bytes]:
    script = folder / "tree.py"
    script.write_text(textwrap.dedent(TREE).replace("{on_term}", on_term), encoding="utf-8")
    command = [sys.executable, "-m", "vid2vid_demo.guard", str(grace_s), sys.executable, str(script), str(folder)]
    guard = subprocess.Popen(command, stdin=subprocess.PIPE)
    wait_until((folder / "pids").exists)
    return guard


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def close_pipe(guard: subprocess.Popen[bytes]) -> None:
    assert guard.stdin is not None
    guard.stdin.close()


def terminate(guard: subprocess.Popen[bytes]) -> None:
    guard.terminate()


@pytest.mark.parametrize("stop", [close_pipe, terminate])
def test_guard_lets_the_command_drain_and_ends_all_of_it(
    tmp_path: Path, stop: Callable[[subprocess.Popen[bytes]], None]
) -> None:
    with start(tmp_path, on_term=DRAINING, grace_s=20) as guard:
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        stop(guard)
        assert guard.wait(20) == 7
    assert (tmp_path / "drained").exists()
    assert [pid for pid in pids if is_running(pid)] == []


def test_guard_kills_a_command_that_ignores_the_request(tmp_path: Path) -> None:
    with start(tmp_path, on_term=STUBBORN, grace_s=0.2) as guard:
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        guard.terminate()
        assert guard.wait(20) == 128 + signal.SIGKILL
    assert [pid for pid in pids if is_running(pid)] == []


def test_nothing_survives_when_the_holder_of_the_pipe_is_killed(tmp_path: Path) -> None:
    holder_script = (
        "import sys, time; from pathlib import Path; from tests.unit.demo.test_guard import start, STUBBORN;"
        "start(Path(sys.argv[1]), on_term=STUBBORN, grace_s=0.2); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", holder_script, str(tmp_path)]) as holder:
        wait_until((tmp_path / "pids").exists)
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        os.kill(holder.pid, signal.SIGKILL)
    wait_until(lambda: not any(is_running(pid) for pid in pids))


def test_direct_command_ends_even_when_the_guard_is_killed(tmp_path: Path) -> None:
    with start(tmp_path, on_term=STUBBORN, grace_s=20) as guard:
        command, *children = (int(pid) for pid in (tmp_path / "pids").read_text().split())
        guard.kill()
    wait_until(lambda: not is_running(command))
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def test_guard_passes_on_the_exit_status_of_the_command() -> None:
    command = [sys.executable, "-m", "vid2vid_demo.guard", "1", sys.executable, "-c", "raise SystemExit(3)"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as guard:
        assert guard.wait(20) == 3
