"""ffmpeg and ffprobe as child processes that can't hang, can't be left behind and say why they failed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import subprocess
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from vid2vid_core.errors import ConfigurationError, DeadlineExceeded

INPUT_OPTIONS = {
    "protocol_whitelist": "file,pipe",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,gif,mxf,nut,wav",
}
"""For every input: no network, and only real containers, because a playlist could name other files of this machine."""
GLOBAL_OPTIONS = ["-nostdin", "-hide_banner", "-nostats"]
PIPE_BYTES = 2**20
"""Wished pipe capacity: the largest that Linux allows without privileges; a 256-pixel frame has 192 KiB."""
KEPT_LINES = 32
LONGEST_LINE = 2000
EXIT_WAIT_S = 10.0
SIGNAL_MESSAGE = "Exiting normally, received signal"
"""How ffmpeg, which catches signals, says that it obeyed one; its exit status does not tell which."""
_LEVEL = re.compile(r"^(?:\[[^\]]* @ 0x[0-9a-f]+\] )*\[(?P<level>fatal|error|panic|warning)\] (?P<text>.*)")


def input_url(path: Path) -> str:
    """A path as FFmpeg's URL, so that no file name is taken for a protocol or an option."""
    return f"file:{path}"


class _Messages:
    """The last complaints of a process, collected by a thread that must not hold on to the process object."""

    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        self.complaints: deque[str] = deque(maxlen=KEPT_LINES)
        self._on_line = on_line

    def drain(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(ValueError, OSError):
            begins = True
            while raw := stream.readline(LONGEST_LINE):
                # The rest of an overlong line could pretend to be a message of FFmpeg's own.
                whole, begins = begins, raw.endswith(b"\n")
                if not whole:
                    continue
                line = raw.decode("utf-8", "replace").rstrip()
                if match := _LEVEL.match(line):
                    self.complaints.append(match["text"])
                elif SIGNAL_MESSAGE in line:
                    self.complaints.append(line)
                if self._on_line is not None:
                    self._on_line(line)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if process.poll() is None:
            process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(EXIT_WAIT_S)


def _dispose(process: subprocess.Popen[bytes], stderr_thread: threading.Thread) -> None:
    """Kill the process if it still runs, and free its pipes."""
    _kill(process)
    with contextlib.suppress(RuntimeError):  # the garbage collector may run in that very thread
        stderr_thread.join(EXIT_WAIT_S)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


class MediaProcess:
    """One running ffmpeg with a pipe on its stdin or stdout.

    The process ends with :meth:`finish` or :meth:`kill`, and at the latest when this object is collected. Reading,
    writing and killing may happen in different threads.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        feed: bool = False,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """Start the process.

        Args:
            arguments: Program and arguments; no shell sees them.
            feed: Whether to write to its stdin instead of reading from its stdout.
            on_line: Called in another thread with every line of stderr; must not refer to this object.

        Raises:
            ConfigurationError: The program is not installed.
        """
        self._process = start(arguments, feed=feed)
        self._messages = _Messages(on_line)
        self._stderr_thread = threading.Thread(
            target=self._messages.drain,
            args=(self._process.stderr,),
            name=f"{arguments[0]}-stderr",
            daemon=True,
        )
        self._stderr_thread.start()
        self._pipe = self._process.stdin if feed else self._process.stdout
        assert self._pipe is not None  # noqa: S101 - both are pipes by construction
        self._fd = self._pipe.fileno()
        os.set_blocking(self._fd, False)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._io = threading.Lock()
        self.killed = False
        self._dispose = weakref.finalize(self, _dispose, self._process, self._stderr_thread)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def complaints(self) -> list[str]:
        """The last warnings and errors of the process, oldest first."""
        return list(self._messages.complaints)

    def read_into(self, view: memoryview, timeout_s: float) -> int:
        """Fill ``view`` from stdout.

        Returns:
            Bytes read; fewer than asked for at the end of the output.

        Raises:
            DeadlineExceeded: Nothing came for timeout_s; the process is killed.
        """
        done = 0
        with self._io:
            while done < len(view) and not self._pipe_closed():
                self._wait_for(select.POLLIN, timeout_s)
                try:
                    count = os.readv(self._fd, [view[done:]])
                except BlockingIOError:
                    continue
                if count == 0:
                    break
                done += count
        return done

    def write_from(self, parts: Sequence[bytes | memoryview], timeout_s: float) -> None:
        """Write all bytes of all parts to stdin.

        Raises:
            BrokenPipeError: The process has gone.
            DeadlineExceeded: It took nothing for timeout_s; it is killed.
        """
        views = [memoryview(part).cast("B") for part in parts]
        with self._io:
            while views:
                if self._pipe_closed():
                    raise BrokenPipeError
                self._wait_for(select.POLLOUT, timeout_s)
                try:
                    count = os.writev(self._fd, views)
                except BlockingIOError:
                    continue
                while views and count >= len(views[0]):
                    count -= len(views.pop(0))
                if views:
                    views[0] = views[0][count:]

    def finish(self, timeout_s: float) -> int:
        """Close the pipe and wait for the exit.

        Returns:
            The exit status; negative for a signal.

        Raises:
            DeadlineExceeded: It did not exit within timeout_s; it is killed.
        """
        self._close_pipe()
        try:
            status = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise DeadlineExceeded(f"ffmpeg did not finish within {timeout_s:g} s") from None
        self._dispose()
        return status

    def kill(self) -> None:
        """Stop the process at once; a thread that reads or writes sees the end of the pipe. May be called again."""
        self.killed = True
        _kill(self._process)
        with self._io:
            self._dispose()

    def _pipe_closed(self) -> bool:
        return self._pipe is None or self._pipe.closed

    def _wait_for(self, event: int, timeout_s: float) -> None:
        poll = select.poll()
        poll.register(self._fd, event)
        if not poll.poll(timeout_s * 1000):
            self.killed = True
            _kill(self._process)
            raise DeadlineExceeded(f"ffmpeg stood still for {timeout_s:g} s")

    def _close_pipe(self) -> None:
        with self._io, contextlib.suppress(OSError):
            if self._pipe is not None:
                self._pipe.close()


def start(arguments: Sequence[str], *, feed: bool) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that a Ctrl-C meant for us does not cut a file in the middle.

    Raises:
        ConfigurationError: The program is not installed.
    """
    try:
        return subprocess.Popen(
            list(arguments),
            bufsize=0,
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if feed else subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError):
        raise ConfigurationError(f"{arguments[0]} is not installed or not on PATH", program=arguments[0]) from None


def run(arguments: Sequence[str], timeout_s: float) -> tuple[int, bytes, str]:
    """Run a program to its end.

    Returns:
        Exit status, stdout, and stderr as text.

    Raises:
        ConfigurationError: The program is not installed.
        DeadlineExceeded: It took longer than timeout_s and was killed.
    """
    began = time.monotonic()
    with start(arguments, feed=False) as process:
        try:
            output, messages = process.communicate(timeout=timeout_s)
        except BaseException as error:
            process.kill()
            process.communicate()
            if isinstance(error, subprocess.TimeoutExpired):
                elapsed = time.monotonic() - began
                raise DeadlineExceeded(f"{arguments[0]} did not answer within {elapsed:.0f} s") from None
            raise
    return process.returncode, output, messages.decode("utf-8", "replace")
