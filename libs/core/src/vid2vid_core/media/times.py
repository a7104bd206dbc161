"""Presentation times of decoded frames, from the lines that FFmpeg's showinfo filter writes.

Raw pictures in a pipe carry no time, and every FFmpeg from 5.1 on prints it exactly, in ticks, before the picture
leaves the filter chain. (Of FFmpeg's containers for raw video, Matroska rounds times to milliseconds.)
"""

from __future__ import annotations

import queue
import re
from fractions import Fraction
from typing import NamedTuple

_PREFIX = r"^\[Parsed_showinfo_\d+ @ 0x[0-9a-f]+\] \[info\] "
_FRAME = re.compile(_PREFIX + r"n: *\d+ pts: *(?P<pts>-?\d+|NOPTS) +pts_time:\S+ +(?:duration: *(?P<duration>\d+) )?")
_UNIT = re.compile(_PREFIX + r"config in time_base: (?P<unit>\d+/\d+)")


class FrameTime(NamedTuple):
    """When a frame is shown."""

    pts: int | None
    """Presentation time in units of time_base, None where the clip has none."""
    duration: int
    """Duration in units of time_base, 0 where FFmpeg does not tell (before 6.0)."""


class FrameTimes:
    """A queue from the thread that reads stderr to the one that reads frames; no longer than the pipe is deep."""

    def __init__(self, time_base: Fraction) -> None:
        self._time_base = time_base
        self._scale = Fraction(1)
        self._times: queue.SimpleQueue[FrameTime] = queue.SimpleQueue()

    def take_line(self, line: str) -> None:
        """Take one line of ffmpeg's stderr."""
        if match := _FRAME.match(line):
            pts = None if match["pts"] == "NOPTS" else self._rescale(int(match["pts"]))
            self._times.put(FrameTime(pts, self._rescale(int(match["duration"] or 0))))
        elif (match := _UNIT.match(line)) and not match["unit"].startswith("0/"):
            self._scale = Fraction(match["unit"]) / self._time_base

    def next(self, timeout_s: float) -> FrameTime | None:
        """The next frame's time, or None if no line comes within timeout_s."""
        try:
            return self._times.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def _rescale(self, ticks: int) -> int:
        return round(ticks * self._scale)
