"""Run a command and take everything it has started down with it: ``python -m vid2vid_demo.guard GRACE COMMAND...``.

The local stack puts one guard in front of each service. The guard's standard input is a pipe whose other end the stack
holds; the kernel closes it whatever becomes of the stack, SIGKILL included. Then, or on SIGTERM, the guard

1. asks the command to end (SIGTERM to it alone, so that it can drain its own workers in its own order),
2. waits GRACE seconds, then kills the command's process group,
3. kills what the command has left behind, in whatever session: orphans become children of the guard.

A guard knows nothing but the standard library and costs about 10 MB.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None)


def main() -> None:
    """Guard the command given by the arguments; end with its exit status."""
    grace_s, command = float(sys.argv[1]), sys.argv[2:]
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wake = wake_on_signals()
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=die_with_guard,  # noqa: PLW1509 - there is one thread only
    )
    while child.poll() is None and not stop_requested(wake):
        pass
    end(child, grace_s)
    kill_orphans()
    sys.exit(child.returncode if child.returncode >= 0 else 128 - child.returncode)


def die_with_guard() -> None:
    """Called in the child: have the kernel kill it if even the guard is killed."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def wake_on_signals() -> int:
    """Let SIGTERM, SIGINT and SIGCHLD write their number into a pipe; returns its reading end."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    os.set_blocking(reader, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    return reader


def stop_requested(wake: int) -> bool:
    """Wait for something to happen; whether it was the stack's end of the pipe closing, or SIGTERM."""
    ready, _, _ = select.select([sys.stdin.fileno(), wake], [], [])
    if sys.stdin.fileno() in ready and not os.read(sys.stdin.fileno(), 64):
        return True
    return wake in ready and bool({signal.SIGTERM, signal.SIGINT} & set(os.read(wake, 64)))


def end(child: subprocess.Popen[bytes], grace_s: float) -> None:
    """SIGTERM, the grace, then SIGKILL to the whole group."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(grace_s)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def kill_orphans() -> None:
    """Kill the descendants that have come to this process after their parents ended, until there are none."""
    while children := Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split():
        for pid in map(int, children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, 0)[0]:
                pass


if __name__ == "__main__":
    main()
