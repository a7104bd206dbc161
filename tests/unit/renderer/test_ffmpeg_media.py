"""The media seam over FFmpeg."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.videos import make_clip
from vid2vid_core.errors import UnsupportedMedia
from vid2vid_renderer.ffmpeg_media import FfmpegMedia


def test_audio_that_nobody_can_decode_is_refused_before_any_work(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mkv", seconds=0.2, audio_codec="ac3")
    content = clip.read_bytes()
    assert content.count(b"A_AC3") == 1
    clip.write_bytes(content.replace(b"A_AC3", b"A_ZZ3"))
    with pytest.raises(UnsupportedMedia, match="its audio codec is not supported"):
        FfmpegMedia().probe(clip)


def test_clip_that_begins_before_time_zero_is_refused_before_any_work(tmp_path: Path) -> None:
    early = ("-output_ts_offset", "-0.2", "-avoid_negative_ts", "disabled")
    clip = make_clip(tmp_path / "c.mkv", seconds=0.4, video_codec="mpeg4", options=early)
    with pytest.raises(UnsupportedMedia, match="begins before time 0, at pts -"):
        FfmpegMedia().probe(clip)
