from __future__ import annotations

import gc
import itertools
import os
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.support import videos
from vid2vid_core.crop import Crop
from vid2vid_core.errors import (
    DeadlineExceeded,
    InvalidSettings,
    MediaTooLong,
    RenderCancelled,
    TruncatedMedia,
    UnsupportedMedia,
)
from vid2vid_core.frames import VideoFrame
from vid2vid_core.media import FrameReader, MediaLimits, probe


def read(path: Path, **settings: object) -> list[VideoFrame]:
    with FrameReader(path, probe(path), **settings) as reader:  # type: ignore[call-overload]
        return list(reader)


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child.name() == "ffmpeg"]


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More raw data than any pipe holds, so that ffmpeg is still running after the first frame."""
    return videos.make_clip(tmp_path_factory.mktemp("long") / "c.mp4", width=640, height=480, seconds=2)


def test_reader_yields_every_frame_with_the_times_of_the_container(tmp_path: Path) -> None:
    clip = videos.make_clip(tmp_path / "c.mp4", rate="30000/1001")

    frames = read(clip)

    assert [frame.pts * frame.time_base for frame in frames] == [Fraction(1001 * n, 30000) for n in range(30)]
    assert {frame.duration * frame.time_base for frame in frames} == {Fraction(1001, 30000)}
    assert {frame.rgb.shape for frame in frames} == {(64, 96, 3)}


def test_reader_keeps_the_times_of_a_variable_rate_clip_with_b_frames(tmp_path: Path) -> None:
    clip = videos.make_vfr_clip(tmp_path / "c.mp4")

    frames = read(clip)

    expected = [n * 6000 + (n * 7 % 5) * 1100 for n in range(20)]
    assert [frame.pts for frame in frames] == expected
    assert [frame.duration for frame in frames[:-1]] == np.diff(expected).tolist()
    assert frames[-1].duration > 0


def test_reader_keeps_a_start_offset(tmp_path: Path) -> None:
    clip = videos.make_offset_clip(tmp_path / "c.mp4", offset=0.5)

    frames = read(clip)

    assert frames[0].pts * frames[0].time_base == Fraction(1, 2)
    assert len(frames) == 30


def test_reader_drops_what_an_edit_list_hides_and_does_not_call_it_truncated(tmp_path: Path) -> None:
    whole = videos.make_clip(tmp_path / "whole.mp4", options=("-g", "30"))
    videos.ffmpeg("-ss", "0.3", "-i", whole, "-c", "copy", tmp_path / "c.mp4")
    info = probe(tmp_path / "c.mp4")

    frames = read(tmp_path / "c.mp4")

    assert info.frame_count_from_header == 30
    assert len(frames) == len(videos.frame_times(tmp_path / "c.mp4")) < 30


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("c.webm", {"video_codec": "libvpx-vp9", "audio_codec": "libopus"}),
        ("c.mov", {"audio_codec": "pcm_s16le"}),
        ("c.ts", {}),
        ("c.avi", {"video_codec": "mpeg4", "audio_codec": "mp3"}),
        ("c.mp4", {"audio": False}),
        ("live.mp4", {"options": ("-movflags", "+frag_keyframe+empty_moov", "-g", "10")}),
    ],
)
def test_reader_decodes_every_container_completely(tmp_path: Path, name: str, settings: dict[str, str]) -> None:
    clip = videos.make_clip(tmp_path / name, **settings)  # type: ignore[arg-type]

    frames = read(clip)

    assert len(frames) == 30
    assert all(after.pts > before.pts for before, after in itertools.pairwise(frames))


def test_reader_yields_the_only_frame_with_its_duration(tmp_path: Path) -> None:
    frames = read(videos.make_clip(tmp_path / "c.mp4", seconds=0.04, rate="25", audio=False))

    assert [(frame.pts, frame.duration * frame.time_base) for frame in frames] == [(0, Fraction(1, 25))]


@pytest.mark.parametrize(("degrees", "red"), [(90, "top"), (180, "right"), (270, "bottom")])
def test_reader_shows_a_rotated_clip_upright(tmp_path: Path, degrees: int, red: str) -> None:
    frame = read(videos.make_rotated_clip(tmp_path / "c.mp4", degrees))[0].rgb

    height, width, _ = frame.shape
    y, x = {"top": (4, width // 2), "bottom": (height - 5, width // 2), "right": (height // 2, width - 5)}[red]
    red_pixel, blue_pixel = frame[y, x], frame[height - 1 - y, width - 1 - x]
    assert red_pixel[0] > 200
    assert red_pixel[2] < 60
    assert blue_pixel[0] < 60
    assert blue_pixel[2] > 200


def test_reader_delivers_square_pixels(tmp_path: Path) -> None:
    assert read(videos.make_wide_pixel_clip(tmp_path / "c.mp4"))[0].rgb.shape == (64, 192, 3)


def test_reader_crops_to_the_pixel_also_at_odd_offsets(tmp_path: Path) -> None:
    clip = videos.make_clip(tmp_path / "c.mp4", seconds=0.1, options=("-qp", "0"))
    info = probe(clip)
    with FrameReader(clip, info, gray=True) as reader:
        whole = next(reader).gray
    with FrameReader(clip, info, gray=True, crop=Crop(7, 5, 41)) as reader:
        part = next(reader).gray

    np.testing.assert_array_equal(part, whole[5:46, 7:48])


def test_reader_repeats_the_edge_where_a_crop_reaches_outside(tmp_path: Path) -> None:
    clip = videos.make_clip(tmp_path / "c.mp4", seconds=0.1)
    info = probe(clip)
    crop = Crop(-5, -3, 71)
    with FrameReader(clip, info, gray=True) as plain, FrameReader(clip, info, gray=True, crop=crop) as padded:
        whole, part = next(plain).gray, next(padded).gray
    colour = read(clip, crop=crop)[0].rgb

    np.testing.assert_array_equal(part, np.pad(whole[:64, :66], ((3, 4), (5, 0)), mode="edge"))
    assert colour.shape == (71, 71, 3)
    np.testing.assert_array_equal(colour[:, :5], np.repeat(colour[:, 5:6], 5, axis=1))
    np.testing.assert_array_equal(colour[67:], np.repeat(colour[66:67], 4, axis=0))
    with pytest.raises(InvalidSettings, match="outside the picture of 96x64"):
        FrameReader(clip, info, crop=Crop(96, 0, 10))


def test_reader_scales_a_crop_and_shrinks_a_short_side(tmp_path: Path) -> None:
    clip = videos.make_clip(tmp_path / "c.mp4", seconds=0.1)
    info = probe(clip)

    assert read(clip, crop=Crop(10, 0, 64), size=32)[0].rgb.shape == (32, 32, 3)
    assert read(clip, max_short_side=32)[0].rgb.shape == (32, 48, 3)
    assert FrameReader(clip, info, max_short_side=500).height == 64


def test_reader_gives_full_range_gray(tmp_path: Path) -> None:
    clip = videos.make_clip(tmp_path / "c.mp4", seconds=0.1, picture="color=c=white:s={width}x{height}:r={rate}")
    info = probe(clip)

    with FrameReader(clip, info, gray=True) as plain, FrameReader(clip, info, gray=True, crop=Crop(-3, 0, 64)) as cut:
        assert next(plain).gray.min() >= 254
        assert next(cut).gray.min() >= 254


def test_reader_thins_out_frames_and_keeps_their_times(tmp_path: Path) -> None:
    frames = read(videos.make_clip(tmp_path / "c.mp4"), sample_rate=10)

    assert [frame.pts * frame.time_base for frame in frames] == [Fraction(n, 10) for n in range(10)]


def test_sparse_samples_are_frames_of_the_clip(tmp_path: Path) -> None:
    clip = videos.make_clip(tmp_path / "c.mp4", seconds=4)
    times = {frame.pts: frame.rgb for frame in read(clip)}

    samples = read(clip, sample_rate=2)

    assert len(samples) == 8
    assert all(np.array_equal(sample.rgb, times[sample.pts]) for sample in samples)
    gaps = np.diff([float(sample.pts * sample.time_base) for sample in samples])
    assert gaps.min() > 0.49
    assert gaps.max() < 0.7


def test_reader_yields_what_decodes_and_then_reports_the_cut(tmp_path: Path) -> None:
    whole = videos.make_clip(tmp_path / "whole.mp4", options=("-bf", "0", "-g", "10"))
    info = probe(whole)
    content = whole.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content[: int(len(content) * 0.6)])
    frames: list[VideoFrame] = []

    with pytest.raises(TruncatedMedia, match="data end after frame"), FrameReader(cut, info) as reader:
        frames.extend(reader)

    assert 5 < len(frames) < 30


def test_reader_reports_a_clip_that_cannot_be_decoded(tmp_path: Path) -> None:
    clip = videos.make_clip(tmp_path / "c.mp4", seconds=0.2)
    info = probe(clip, name="content video")
    clip.write_bytes(b"nothing" * 1000)

    with pytest.raises(UnsupportedMedia) as raised:
        next(FrameReader(clip, info))

    assert str(tmp_path) not in raised.value.message


@pytest.mark.parametrize("limits", [MediaLimits(max_frames=10), MediaLimits(max_seconds=0.3)])
def test_reader_stops_at_the_limits_whatever_the_header_said(tmp_path: Path, limits: MediaLimits) -> None:
    clip = videos.make_clip(tmp_path / "c.mp4")

    with pytest.raises(MediaTooLong), FrameReader(clip, probe(clip), limits=limits) as reader:
        list(reader)

    assert children() == []


def test_reader_stops_a_clip_that_burns_too_much_processor_time(long_clip: Path) -> None:
    limits = MediaLimits(decode_cpu_s=1)

    with (
        pytest.raises(MediaTooLong, match="more than 1 s of processor time"),
        FrameReader(long_clip, probe(long_clip), limits=limits, size=4096) as reader,
    ):
        for _ in reader:
            pass

    assert children() == []


def test_reader_ends_an_ffmpeg_that_stands_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = videos.make_clip(tmp_path / "c.mp4", seconds=0.2)
    info = probe(clip)
    fake = tmp_path / "ffmpeg"
    fake.write_text("#!/bin/sh\nexec sleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    with pytest.raises(DeadlineExceeded), FrameReader(clip, info, limits=MediaLimits(decode_timeout_s=0.3)) as reader:
        next(reader)

    assert [child for child in psutil.Process().children() if child.name() in {"sleep", "ffmpeg"}] == []


def test_reader_leaves_no_ffmpeg_behind_when_closed_early(long_clip: Path) -> None:
    with FrameReader(long_clip, probe(long_clip)) as reader:
        next(reader)
        assert len(children()) == 1

    assert children() == []
    reader.close()


def test_reader_leaves_no_ffmpeg_behind_when_collected(long_clip: Path) -> None:
    reader = FrameReader(long_clip, probe(long_clip))
    next(reader)
    assert len(children()) == 1

    del reader
    gc.collect()

    assert children() == []


def test_reader_closed_by_another_thread_does_not_look_finished(long_clip: Path) -> None:
    reader = FrameReader(long_clip, probe(long_clip))
    next(reader)
    closer = threading.Timer(0.1, reader.close)
    closer.start()

    with pytest.raises(RenderCancelled):
        for _ in reader:
            time.sleep(0.05)

    closer.join()
    assert children() == []


def test_reader_holds_only_a_few_frames_in_memory(long_clip: Path) -> None:
    with FrameReader(long_clip, probe(long_clip)) as reader:
        next(reader)
        time.sleep(0.3)
        assert reader.frame_count == 2
        assert children()[0].is_running()
