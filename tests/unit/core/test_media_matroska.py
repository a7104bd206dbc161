from __future__ import annotations

import json
import subprocess
from fractions import Fraction

import numpy as np
import pytest

from vid2vid_core.media.matroska import NANOSECONDS, frame_header, stream_header


def packets(stream: bytes) -> list[dict[str, str]]:
    command = ["ffprobe", "-v", "error", "-print_format", "json", "-show_packets", "-f", "matroska", "-i", "pipe:0"]
    done = subprocess.run(command, input=stream, capture_output=True, timeout=30, check=True)
    assert done.stderr == b""
    return list(json.loads(done.stdout)["packets"])


@pytest.mark.parametrize("unit", [Fraction(1, 90000), Fraction(1001, 30000), Fraction(1, 15360), Fraction(1, 1000000)])
def test_times_survive_the_stream_in_every_time_base(unit: Fraction) -> None:
    pixels = np.zeros((4, 6, 3), np.uint8).tobytes()
    pts = [0, 1, 2, 7, 1000, 123_456, 987_654_321]
    stream = stream_header(6, 4, Fraction(30000, 1001))
    stream += b"".join(frame_header(tick, unit, len(pixels)) + pixels for tick in pts)

    found = packets(stream)

    assert [round(int(packet["pts"]) / NANOSECONDS / unit) for packet in found[:-1]] == pts[:-1]
    assert round(Fraction(int(found[-1]["pts"]), NANOSECONDS) / unit) == pts[-1]
    assert {packet["size"] for packet in found} == {str(len(pixels))}


def test_pixels_stand_in_the_stream_as_they_are() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    stream = stream_header(7, 5, Fraction(25)) + frame_header(3, Fraction(1, 25), picture.nbytes) + picture.tobytes()

    command = ["ffmpeg", "-v", "error", "-f", "matroska", "-i", "pipe:0", "-f", "rawvideo", "pipe:1"]
    done = subprocess.run(command, input=stream, capture_output=True, timeout=30, check=True)

    assert done.stdout == picture.tobytes()
