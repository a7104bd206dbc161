"""The encoder's command line: raw frames on stdin and the content's audio become one MP4."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from vid2vid_core.media import process
from vid2vid_core.media.filters import TO_H264

COARSEST_TIMESCALE = 10_000
"""Ticks per second that a track has at least; also the precision of the audio's start offset."""
FINEST_TIMESCALE = 2**31 - 1
"""MP4 stores a track's ticks per second in 32 bits."""
STANDARD_TAGS = frozenset({"title", "artist", "album", "comment", "date", "description", "copyright", "encoder"})
"""Metadata that MP4 has a place for; other keys need QuickTime's key list."""
LAST_FRAME_FILTERS = "setts=duration=if(eq(NEXT_PTS\\,NOPTS)\\,0\\,NEXT_PTS-PTS),noise=drop=eq(duration\\,0)"
"""Bitstream filters: a packet lasts until the next, and the one that nothing follows is left out."""


def timescale_of(time_base: Fraction) -> int:
    """The track's ticks per second: a multiple of the time_base's, so that every pts is exact."""
    multiple = max(1, math.ceil(COARSEST_TIMESCALE / time_base.denominator))
    return time_base.denominator * multiple


def encode_arguments(
    output: Path,
    *,
    timescale: int,
    audio_from: Path | None,
    copy_audio: bool,
    metadata: dict[str, str],
    encoder: dict[str, Any],
) -> list[str]:
    """Program and arguments.

    Args:
        output: The MP4 to write; overwritten.
        timescale: Ticks per second of the video track and of its edit list.
        audio_from: File whose first audio stream is muxed, None for silence.
        copy_audio: Copy its packets instead of encoding AAC.
        metadata: Tags of the file.
        encoder: x264's options.
    """
    # One packet tells everything about the stream; waiting for more would hold back the first frames.
    frames = ffmpeg.input("pipe:0", format="matroska", probesize=32, analyzeduration=0, protocol_whitelist="file,pipe")
    streams = [frames["v:0"]]
    flags = "+faststart+use_metadata_tags" if set(metadata) - STANDARD_TAGS else "+faststart"
    options: dict[str, Any] = {
        "vf": ",".join(TO_H264),
        "c:v": "libx264",
        **encoder,
        "bf": 0,
        "fps_mode": "passthrough",
        "enc_time_base": f"1:{timescale}",
        "bsf:v": LAST_FRAME_FILTERS,
        "video_track_timescale": timescale,
        "movie_timescale": timescale,
        "colorspace": "bt709",
        "color_primaries": "bt709",
        "color_trc": "bt709",
        "color_range": "tv",
        "map_metadata": -1,
        "map_chapters": -1,
        "movflags": flags,
        "format": "mp4",
        "loglevel": "repeat+level+warning",
    }
    if audio_from is not None:
        streams.append(ffmpeg.input(process.input_url(audio_from), **process.INPUT_OPTIONS)["a:0"])
        options |= {"c:a": "copy"} if copy_audio else {"c:a": "aac", "b:a": "192k"}
    tags = [item for key, value in metadata.items() for item in ("-metadata", f"{key}={value}")]
    command = list(ffmpeg.output(*streams, process.input_url(output), **options).compile())
    return [*command[:-1], *tags, command[-1], "-copyts", "-y", *process.GLOBAL_OPTIONS]
