from __future__ import annotations

import gc
import os
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from tests.support import videos
from vid2vid_core.errors import (
    DeadlineExceeded,
    InternalError,
    InvalidFrame,
    InvalidSettings,
    OutputNotWritable,
    RenderCancelled,
    StorageFull,
    Vid2VidError,
)
from vid2vid_core.media import AudioHandling, FrameReader, VideoInfo, VideoWriter, probe

UNIT = Fraction(1, 90000)
BLACK = np.zeros((64, 96, 3), np.uint8)


def open_writer(path: Path, **settings: object) -> VideoWriter:
    defaults: dict[str, object] = {"width": 96, "height": 64, "time_base": UNIT, "average_rate": Fraction(30)}
    return VideoWriter(path, **(defaults | settings))  # type: ignore[arg-type]


def copy_through(content: Path, result: Path) -> VideoInfo:
    """Decode and encode a clip the way the renderer does."""
    info = probe(content)
    with (
        FrameReader(content, info) as reader,
        VideoWriter(
            result,
            width=info.width,
            height=info.height,
            time_base=info.time_base,
            average_rate=info.average_rate,
            audio_from=content,
            audio=info.audio_handling,
        ) as writer,
    ):
        for frame in reader:
            writer.write(frame.rgb, frame.pts, frame.duration)
    return probe(result)


def fake_ffmpeg(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def nothing_is_left(folder: Path) -> bool:
    running = [child for child in psutil.Process().children() if child.name() in {"ffmpeg", "sleep"}]
    return not running and [entry.name for entry in folder.iterdir() if entry.is_file()] == []


@pytest.mark.parametrize("rate", ["30", "30000/1001", "24", "12.5"])
def test_result_has_the_times_durations_and_audio_packets_of_the_content(tmp_path: Path, rate: str) -> None:
    content, result = videos.make_clip(tmp_path / "c.mp4", rate=rate), tmp_path / "r.mp4"

    copy_through(content, result)

    assert videos.frame_times(result) == videos.frame_times(content)
    assert videos.end_of_video(result) == videos.end_of_video(content)
    assert videos.audio_packets(result) == videos.audio_packets(content)


def test_result_keeps_variable_timing_to_the_tick(tmp_path: Path) -> None:
    content, result = videos.make_vfr_clip(tmp_path / "c.mp4"), tmp_path / "r.mp4"

    copy_through(content, result)

    assert videos.frame_times(result) == videos.frame_times(content)
    assert videos.audio_packets(result) == videos.audio_packets(content)


def test_result_keeps_the_distance_between_picture_and_sound(tmp_path: Path) -> None:
    content, result = videos.make_offset_clip(tmp_path / "c.mp4", offset=0.5), tmp_path / "r.mp4"

    copy_through(content, result)

    assert videos.frame_times(result)[0] == Fraction(1, 2)
    assert videos.frame_times(result) == videos.frame_times(content)
    assert videos.audio_packets(result) == videos.audio_packets(content)


def test_result_of_a_transport_stream_keeps_its_start(tmp_path: Path) -> None:
    content, result = videos.make_clip(tmp_path / "c.ts"), tmp_path / "r.mp4"

    copy_through(content, result)

    first = videos.frame_times(content)[0]
    assert first > 1
    assert videos.frame_times(result) == videos.frame_times(content)
    distance = first - videos.audio_packets(content)[0][0]
    assert abs(first - videos.audio_packets(result)[0][0] - distance) < Fraction(1, 40000)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("c.mov", {"audio_codec": "pcm_s16le"}),
        ("c.webm", {"video_codec": "libvpx-vp9", "audio_codec": "libopus"}),
        ("c.mkv", {"audio_codec": "libmp3lame", "options": ("-ar", "11025")}),
    ],
)
def test_audio_that_mp4_does_not_take_becomes_aac(tmp_path: Path, name: str, settings: dict[str, str]) -> None:
    content, result = videos.make_clip(tmp_path / name, **settings), tmp_path / "r.mp4"  # type: ignore[arg-type]

    info = copy_through(content, result)

    assert info.audio is not None
    assert info.audio.codec == "aac"
    assert videos.frame_times(result) == videos.frame_times(content)
    heard = [float(videos.stream_of(clip, "a")["start_time"]) for clip in (content, result)]
    assert heard[1] == pytest.approx(heard[0], abs=0.01)


@pytest.mark.parametrize(("name", "codec"), [("c.avi", "mp3"), ("c.mkv", "ac3"), ("c.mov", "alac")])
def test_audio_that_mp4_takes_is_copied_bit_by_bit(tmp_path: Path, name: str, codec: str) -> None:
    content, result = videos.make_clip(tmp_path / name, audio_codec=codec), tmp_path / "r.mp4"

    copy_through(content, result)

    hashes = [[packet for _, packet in videos.audio_packets(clip)] for clip in (content, result)]
    assert hashes[0] == hashes[1]


def test_silent_content_gives_a_silent_result(tmp_path: Path) -> None:
    info = copy_through(videos.make_clip(tmp_path / "c.mp4", audio=False), tmp_path / "r.mp4")

    assert info.audio is None


def test_last_frame_lasts_as_long_as_it_is_told(tmp_path: Path) -> None:
    with open_writer(tmp_path / "r.mp4") as writer:
        for pts, duration in ((0, 3000), (3000, 12000), (15003, 45000)):
            writer.write(BLACK, pts, duration)

    assert videos.frame_times(tmp_path / "r.mp4") == [0, 3000 * UNIT, 15003 * UNIT]
    assert videos.end_of_video(tmp_path / "r.mp4") == 60003 * UNIT


def test_single_frame_without_a_duration_lasts_one_average_frame(tmp_path: Path) -> None:
    with open_writer(tmp_path / "r.mp4") as writer:
        writer.write(BLACK, 0)

    assert videos.end_of_video(tmp_path / "r.mp4") == Fraction(1, 30)


def test_result_plays_everywhere(tmp_path: Path) -> None:
    result = tmp_path / "r.mp4"
    copy_through(videos.make_clip(tmp_path / "c.mp4"), result)

    stream = videos.stream_of(result, "v")

    assert (stream["codec_name"], stream["pix_fmt"], stream["has_b_frames"]) == ("h264", "yuv420p", 0)
    assert {stream[f"color_{part}"] for part in ("space", "transfer", "primaries")} == {"bt709"}
    assert stream["color_range"] == "tv"
    assert stream["level"] <= 31
    content = result.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (90, 160, 200)])
def test_colours_come_back_as_they_went_in(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    picture = np.full((64, 96, 3), colour, np.uint8)
    with open_writer(tmp_path / "r.mp4", crf=1) as writer:
        writer.write(picture, 0)

    with FrameReader(tmp_path / "r.mp4", probe(tmp_path / "r.mp4")) as reader:
        shown = next(reader).rgb

    assert np.abs(shown.astype(int) - colour).max() <= 4


def test_odd_sizes_become_even_by_repeating_the_edge(tmp_path: Path) -> None:
    picture = np.full((63, 65, 3), 200, np.uint8)
    with open_writer(tmp_path / "r.mp4", width=65, height=63) as writer:
        writer.write(picture, 0)

    with FrameReader(tmp_path / "r.mp4", probe(tmp_path / "r.mp4")) as reader:
        shown = next(reader).rgb

    assert shown.shape == (64, 66, 3)
    assert shown.min() > 190


def test_metadata_is_written_and_the_contents_own_is_left_out(tmp_path: Path) -> None:
    content = videos.make_clip(tmp_path / "c.mp4", options=("-metadata", "location=+48.1+11.5/"))
    tags = {"comment": "rendered; a=b", "vid2vid_model": "anna/2"}
    with open_writer(tmp_path / "r.mp4", metadata=tags, audio_from=content, audio=AudioHandling.COPIED) as writer:
        writer.write(BLACK, 0)

    written = videos.ffprobe(tmp_path / "r.mp4", "-show_format")["format"]["tags"]

    assert written.items() >= tags.items()
    assert not any("location" in key for key in written)


def test_strided_frames_are_written_as_they_look(tmp_path: Path) -> None:
    wide = np.full((64, 192, 3), 250, np.uint8)
    wide[:, 1::2] = 0
    with open_writer(tmp_path / "r.mp4") as writer:
        writer.write(wide[:, ::2], 0)

    with FrameReader(tmp_path / "r.mp4", probe(tmp_path / "r.mp4"), gray=True) as reader:
        assert next(reader).gray.min() > 240


def test_result_takes_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    result = tmp_path / "r.mp4"
    result.write_bytes(b"the previous result")
    writer = open_writer(result)
    writer.write(BLACK, 0)
    assert result.read_bytes() == b"the previous result"

    writer.close()
    writer.close()

    assert probe(result).frame_count_from_header == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.mp4"]


def test_abort_leaves_neither_file_nor_process(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "r.mp4")
    writer.write(BLACK, 0)

    writer.abort()
    writer.abort()

    assert nothing_is_left(tmp_path)


def test_exception_in_the_block_aborts(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="boom"), open_writer(tmp_path / "r.mp4") as writer:
        writer.write(BLACK, 0)
        raise RuntimeError("boom")

    assert nothing_is_left(tmp_path)


def test_forgotten_writer_leaves_neither_file_nor_process(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "r.mp4")
    writer.write(BLACK, 0)

    del writer
    gc.collect()

    assert nothing_is_left(tmp_path)


def test_abort_from_another_thread_ends_a_waiting_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ffmpeg(tmp_path, monkeypatch, "exec sleep 60")
    writer = open_writer(tmp_path / "r.mp4", width=1024, height=1024)
    stopper = threading.Timer(0.3, writer.abort)
    stopper.start()

    with pytest.raises(RenderCancelled):
        for pts in range(3):
            writer.write(np.zeros((1024, 1024, 3), np.uint8), pts)

    stopper.join()
    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize(
    ("rgb", "pts", "words"),
    [
        (np.zeros((64, 95, 3), np.uint8), 1, r"\(64, 95, 3\)"),
        (np.zeros((64, 96, 3), np.float32), 1, "float32"),
        (BLACK, 0, "pts 0; allowed are 1 and above"),
    ],
)
def test_frames_that_do_not_fit_are_refused(tmp_path: Path, rgb: NDArray[np.uint8], pts: int, words: str) -> None:
    with open_writer(tmp_path / "r.mp4") as writer:
        writer.write(BLACK, 0)
        with pytest.raises(InvalidFrame, match=words):
            writer.write(rgb, pts)


def test_result_without_a_frame_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFrame, match="no frame was written"):
        open_writer(tmp_path / "r.mp4").close()

    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"width": 0}, "0x64"),
        ({"time_base": Fraction(1, 2**31)}, "time_base 1/2147483648"),
        ({"average_rate": Fraction(0)}, "average_rate 0"),
        ({"audio": AudioHandling.COPIED}, "audio copied"),
    ],
)
def test_settings_outside_their_range_are_refused(tmp_path: Path, settings: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidSettings, match=words):
        open_writer(tmp_path / "r.mp4", **settings)

    assert nothing_is_left(tmp_path)


def test_place_that_cannot_be_written_to_is_known_before_the_first_frame(tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    problems = {
        tmp_path / "missing" / "r.mp4": "folder .*missing does not exist",
        tmp_path / "folder.mp4": "is a folder",
        Path("/dev/null/r.mp4"): "folder /dev/null does not exist",
    }
    for path, problem in problems.items():
        with pytest.raises(OutputNotWritable, match=problem):
            open_writer(path)

    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        ('echo "[error] av_interleaved_write_frame(): No space left on device" >&2; exit 1', StorageFull, "r.mp4"),
        (
            'cat >/dev/null; echo "[mp4 @ 0x55d0] [error] Error writing trailer: No space left on device" >&2',
            StorageFull,
            "no space left",
        ),
        ('echo "[error] Unknown encoder libx264" >&2; exit 1', InternalError, "Unknown encoder libx264"),
        ("kill -9 $$", InternalError, "said nothing"),
    ],
)
def test_ffmpeg_that_fails_leaves_a_typed_error_and_no_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    error: type[Vid2VidError],
    words: str,
) -> None:
    fake_ffmpeg(tmp_path, monkeypatch, script)

    with pytest.raises(error, match=words), open_writer(tmp_path / "r.mp4") as writer:
        for pts in range(200):
            writer.write(BLACK, pts)

    assert nothing_is_left(tmp_path)


def test_ffmpeg_that_stands_still_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ffmpeg(tmp_path, monkeypatch, "exec sleep 60")

    with pytest.raises(DeadlineExceeded), open_writer(tmp_path / "r.mp4", timeout_s=0.3) as writer:
        for pts in range(200):
            writer.write(BLACK, pts)

    assert nothing_is_left(tmp_path)
