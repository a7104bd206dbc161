"""Builders of tiny clips in every shape that users bring, and what ffprobe says about a file."""

from __future__ import annotations

import json
import struct
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

ROTATION_MATRICES = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}
"""The upper left part of tkhd's matrix (ISO/IEC 14496-12, section 8.3.2) for clockwise turns."""
AUDIO = "sine=frequency=440:sample_rate=44100"
LEFT_RED_RIGHT_BLUE = "color=c=red:s={width}x{height}:r={rate},drawbox=x=iw/2:w=iw/2:h=ih:c=blue:t=fill"


def ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg; its messages are shown where it fails."""
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def make_clip(
    path: Path,
    *,
    seconds: float = 1.0,
    rate: str = "30",
    width: int = 96,
    height: int = 64,
    audio: bool = True,
    picture: str = "testsrc2=s={width}x{height}:r={rate}",
    filters: str = "null",
    options: tuple[str, ...] = (),
    video_codec: str = "libx264",
    audio_codec: str = "aac",
) -> Path:
    """Write a clip of FFmpeg's moving test picture and a tone; the index stands first in an MP4."""
    source = picture.format(width=width, height=height, rate=rate)
    inputs = ["-f", "lavfi", "-t", str(seconds), "-i", source]
    inputs += ["-f", "lavfi", "-t", str(seconds), "-i", AUDIO] if audio else []
    codecs = ["-c:v", video_codec] + (["-preset", "ultrafast", "-bf", "2"] if video_codec == "libx264" else [])
    codecs += ["-c:a", audio_codec] if audio else []
    flags = ["-movflags", "+faststart"] if path.suffix in {".mp4", ".mov"} else []
    pixels = ["-pix_fmt", "yuv420p"] if "-pix_fmt" not in options else []
    ffmpeg(*inputs, "-vf", filters, *codecs, *pixels, *flags, *options, path)
    return path


def make_vfr_clip(path: Path, *, frames: int = 20) -> Path:
    """A clip whose frames last from 1/30 to 1/10 second, with B-frames and sound."""
    times = "settb=1/90000,setpts=N*6000+mod(N*7\\,5)*1100"
    options = ("-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-video_track_timescale", "90000")
    return make_clip(path, seconds=frames / 30, filters=times, options=options)


def make_offset_clip(path: Path, *, offset: float = 0.5) -> Path:
    """A clip whose picture starts later than its sound."""
    plain = make_clip(path.with_name("plain-" + path.name))
    copy = ("-map", "0:v", "-map", "1:a", "-c", "copy", "-movflags", "+faststart")
    ffmpeg("-itsoffset", str(offset), "-i", plain, "-i", plain, *copy, path)
    return path


def make_rotated_clip(path: Path, degrees: int) -> Path:
    """A clip that is red on its left and blue on its right as coded, to be shown turned clockwise."""
    return turn_clockwise(make_clip(path, picture=LEFT_RED_RIGHT_BLUE, seconds=0.2), degrees)


def turn_clockwise(path: Path, degrees: int) -> Path:
    """Have an MP4 shown turned clockwise, without touching its pictures."""
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40
    a, b, c, d = ROTATION_MATRICES[degrees]
    one = 1 << 16
    struct.pack_into(">9i", content, matrix, a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def make_wide_pixel_clip(path: Path, aspect: str = "2/1") -> Path:
    """A clip whose pixels are not square."""
    return make_clip(path, filters=f"setsar={aspect}", seconds=0.2)


def make_odd_clip(path: Path) -> Path:
    """A clip of 65x63 pixels."""
    picture = "testsrc=s={width}x{height}:r={rate}"
    return make_clip(path, picture=picture, width=65, height=63, seconds=0.2, options=("-pix_fmt", "yuv444p"))


def make_cut_clip(path: Path, *, keep: float = 0.6, index_first: bool = True) -> Path:
    """A clip that lost its end; without the index at its start nothing of it can be decoded."""
    whole = make_clip(path.with_name("whole-" + path.name), options=() if index_first else ("-movflags", "0"))
    content = whole.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    return path


def make_audio_only(path: Path) -> Path:
    """A file with sound and nothing else."""
    ffmpeg("-f", "lavfi", "-t", "1", "-i", AUDIO, "-c:a", "aac", path)
    return path


def make_audio_with_cover(path: Path) -> Path:
    """A song with a picture on its cover."""
    picture = ("-f", "lavfi", "-i", "color=c=red:s=64x64:r=1", "-frames:v", "1")
    ffmpeg("-f", "lavfi", "-t", "1", "-i", AUDIO, *picture, "-c:v", "mjpeg", "-disposition:v", "attached_pic", path)
    return path


def make_empty_file(path: Path) -> Path:
    """A file without a byte."""
    path.write_bytes(b"")
    return path


def make_text_file(path: Path) -> Path:
    """A file that is no video, whatever its name says."""
    path.write_text("This is not a video.\n" * 200)
    return path


def make_playlist(path: Path, target: Path) -> Path:
    """A playlist that names another file of the machine."""
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:{target}\n#EXT-X-ENDLIST\n")
    return path


def ffprobe(path: Path, *options: str) -> dict[str, Any]:
    """What ffprobe says, parsed."""
    command = ["ffprobe", "-v", "error", "-print_format", "json", *options, str(path)]
    return dict(json.loads(subprocess.run(command, capture_output=True, timeout=60, check=True).stdout))


def stream_of(path: Path, kind: str) -> dict[str, Any]:
    """The first stream of a kind: "v" or "a"."""
    return dict(ffprobe(path, "-select_streams", f"{kind}:0", "-show_streams")["streams"][0])


def frame_times(path: Path) -> list[Fraction]:
    """Presentation time of every decoded frame in seconds, exact."""
    frames = ffprobe(path, "-select_streams", "v:0", "-show_frames", "-show_entries", "frame=pts")["frames"]
    unit = Fraction(stream_of(path, "v")["time_base"])
    return [int(frame["pts"]) * unit for frame in frames if "pts" in frame]


def audio_packets(path: Path) -> list[tuple[Fraction, str]]:
    """Time in seconds and hash of every audio packet."""
    options = ("-select_streams", "a:0", "-show_packets", "-show_data_hash", "md5")
    packets = ffprobe(path, *options)["packets"]
    unit = Fraction(stream_of(path, "a")["time_base"])
    return [(int(packet["pts"]) * unit, str(packet["data_hash"])) for packet in packets]


def end_of_video(path: Path) -> Fraction:
    """When the last frame's time is over, in seconds, as the container says."""
    stream = stream_of(path, "v")
    return (int(stream["start_pts"]) + int(stream["duration_ts"])) * Fraction(stream["time_base"])
