"""What is outside the containers: clips, and the client that talks to the published port."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.compose.project import Failed, run


@dataclass(frozen=True, slots=True)
class Clips:
    """The clips of the test, made on the fly."""

    style: Path
    content: Path
    long_content: Path
    """The content, many times over: a render of it leaves time for something to happen."""


def make_clips(folder: Path, *, seconds: float = 4.0, repetitions: int = 30) -> Clips:
    """Make them where the trainer's container, another user, may read them."""
    arguments = ["--style-seconds", "8", "--content-seconds", str(seconds), "--size", "256"]
    run([sys.executable, "-m", "vid2vid_demo.clips", "--out", str(folder), *arguments], timeout_s=120)
    clips = Clips(folder / "style.mp4", folder / "content.mp4", folder / "long.mp4")
    command = ["ffmpeg", "-v", "error", "-y", "-stream_loop", str(repetitions - 1), "-i", str(clips.content)]
    run([*command, "-c", "copy", str(clips.long_content)], timeout_s=60)
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)
    return clips


def frame_count(path: Path) -> int:
    """Frames of a clip's video, counted."""
    command = ["ffprobe", "-v", "error", "-count_packets", "-select_streams", "v:0"]
    command += ["-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", str(path)]
    return int(run(command, timeout_s=60).stdout.strip().strip(","))


@dataclass(frozen=True, slots=True)
class Render:
    """How one call of the client ended."""

    status: int
    result: dict[str, Any]
    error: str

    @property
    def version(self) -> int:
        """The version that rendered."""
        return int(self.result["version"])


class Client:
    """The ``vid2vid`` command, started anew for every render."""

    def __init__(self, target: str, model: str, folder: Path) -> None:
        self._options = ["--renderer", target, "--model", model, "--json", "--quiet"]
        self._folder = folder
        self._count = 0

    def render(self, content: Path, *, version: int | None = None, timeout_s: float = 120) -> Render:
        """Render a clip and say how it went; a file that is not complete fails the test."""
        self._count += 1
        output = self._folder / f"{self._count}.mp4"
        command = [sys.executable, "-m", "vid2vid_client", "render", *self._options]
        command += ["--content", str(content), "--output", str(output)]
        command += ["--version", str(version)] if version is not None else []
        done = run(command, timeout_s=timeout_s, check=False)
        if done.returncode != 0:
            if list(self._folder.glob(f"*{output.stem}*")):
                raise Failed(f"a failed render left a file: {done.stderr.strip()}")
            return Render(done.returncode, {}, done.stderr.strip())
        if frame_count(output) != frame_count(content):
            raise Failed(f"{frame_count(output)} frames rendered from {frame_count(content)}")
        return Render(0, json.loads(done.stdout), "")

    def must_render(self, content: Path, *, version: int | None = None) -> Render:
        """Render a clip."""
        done = self.render(content, version=version)
        if done.status != 0:
            raise Failed(f"render failed with status {done.status}: {done.error}")
        return done

    def wait_for_answer(self, content: Path, *, timeout_s: float = 120) -> float:
        """Ask again and again until a render succeeds; returns the seconds that it took."""
        started = time.monotonic()
        while (done := self.render(content)).status != 0:
            if time.monotonic() - started > timeout_s:
                raise Failed(f"no answer for {timeout_s:.0f} s: {done.error}")
            time.sleep(0.5)
        return time.monotonic() - started


class RendersInTheBackground:
    """Renders one clip after the other while something else happens."""

    def __init__(self, client: Client, content: Path) -> None:
        self._client = client
        self._content = content
        self._stop = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run)
        self.done: list[Render] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Render until the block ends, then wait for the last one."""
        self._thread.start()
        try:
            time.sleep(2)
            yield
        finally:
            self._stop.set()
            self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self.done.append(self._client.render(self._content, timeout_s=300))
        except (Failed, OSError, subprocess.SubprocessError) as error:
            self._failure = error
