from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest

from tests.support import videos
from vid2vid_core.errors import (
    ConfigurationError,
    DeadlineExceeded,
    EmptyMedia,
    MediaTooLong,
    NoVideoStream,
    PictureTooLarge,
    TruncatedMedia,
    UnsupportedMedia,
)
from vid2vid_core.media import AudioHandling, MediaLimits, probe


def test_probe_reads_size_rate_and_audio_of_a_plain_clip(tmp_path: Path) -> None:
    info = probe(videos.make_clip(tmp_path / "c.mp4", rate="30000/1001"))

    assert (info.width, info.height) == (96, 64)
    assert info.average_rate == Fraction(30000, 1001)
    assert info.time_base == Fraction(1, 30000)
    assert info.frame_count_from_header == 30
    assert info.duration_seconds == pytest.approx(1.001, abs=1e-3)
    assert info.audio is not None
    assert (info.audio.codec, info.audio.sample_rate, info.audio.channels) == ("aac", 44100, 1)
    assert info.audio_handling is AudioHandling.COPIED


def test_probe_says_that_a_silent_clip_has_no_audio(tmp_path: Path) -> None:
    info = probe(videos.make_clip(tmp_path / "c.mp4", audio=False))

    assert info.audio is None
    assert info.audio_handling is AudioHandling.NONE


@pytest.mark.parametrize(("degrees", "size"), [(90, (64, 96)), (180, (96, 64)), (270, (64, 96))])
def test_probe_turns_the_size_with_the_display_matrix(tmp_path: Path, degrees: int, size: tuple[int, int]) -> None:
    info = probe(videos.make_rotated_clip(tmp_path / "c.mp4", degrees))

    assert (info.width, info.height) == size
    assert info.rotation == degrees


@pytest.mark.parametrize(("aspect", "size"), [("2/1", (192, 64)), ("1/2", (96, 128)), ("16/15", (102, 64))])
def test_probe_makes_pixels_square_by_enlarging(tmp_path: Path, aspect: str, size: tuple[int, int]) -> None:
    info = probe(videos.make_wide_pixel_clip(tmp_path / "c.mp4", aspect))

    assert (info.width, info.height) == size


def test_probe_keeps_an_odd_size(tmp_path: Path) -> None:
    clip = videos.make_odd_clip(tmp_path / "c.mp4")

    assert (probe(clip).width, probe(clip).height) == (65, 63)


def test_probe_reads_webm_without_a_frame_count(tmp_path: Path) -> None:
    clip = videos.make_clip(tmp_path / "c.webm", video_codec="libvpx-vp9", audio_codec="libopus")

    info = probe(clip)

    assert (info.codec, info.frame_count_from_header) == ("vp9", 0)
    assert info.audio_handling is AudioHandling.TRANSCODED


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (videos.make_empty_file, EmptyMedia, "0 bytes"),
        (videos.make_text_file, UnsupportedMedia, "not a video"),
        (videos.make_audio_only, NoVideoStream, "only: audio"),
        (videos.make_audio_with_cover, NoVideoStream, "no video stream"),
        (videos.make_cut_clip, TruncatedMedia, "mdat box needs"),
    ],
)
def test_probe_refuses_what_is_no_whole_video_in_one_line(tmp_path, build, error, words) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    path = build(tmp_path / "upload.mp4")

    with pytest.raises(error) as raised:
        probe(path, name="content video")

    assert words in raised.value.message
    assert raised.value.message.startswith("content video")
    assert "\n" not in raised.value.message
    assert str(tmp_path) not in raised.value.message


def test_probe_calls_a_clip_without_its_index_truncated(tmp_path: Path) -> None:
    with pytest.raises(TruncatedMedia):
        probe(videos.make_cut_clip(tmp_path / "c.mp4", index_first=False))


def test_probe_finds_the_cut_in_a_file_for_matroska_and_avi(tmp_path: Path) -> None:
    for name in ("c.mkv", "c.avi"):
        with pytest.raises(TruncatedMedia, match="needs"):
            probe(videos.make_cut_clip(tmp_path / name))


def test_probe_refuses_a_file_that_is_missing_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.mp4", tmp_path):
        with pytest.raises(UnsupportedMedia, match="not a file"):
            probe(path)


def test_probe_does_not_follow_a_playlist_to_other_files(tmp_path: Path) -> None:
    secret = videos.make_clip(tmp_path / "secret.ts", seconds=0.2)

    with pytest.raises(UnsupportedMedia):
        probe(videos.make_playlist(tmp_path / "upload.m3u8", secret))


def test_probe_takes_odd_file_names_as_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    videos.make_clip(tmp_path / "c.mp4", seconds=0.2)
    monkeypatch.chdir(tmp_path)
    for name in ("-i.mp4", "http:x.mp4", "a %d'b.mp4"):
        (tmp_path / "c.mp4").replace(tmp_path / name)
        assert probe(Path(name)).width == 96
        (tmp_path / name).replace(tmp_path / "c.mp4")


@pytest.mark.parametrize(
    ("limits", "error", "words"),
    [
        (MediaLimits(max_pixels=96 * 64 - 1), PictureTooLarge, "96x64, 6144 pixels; allowed are 6143"),
        (MediaLimits(max_seconds=0.5), MediaTooLong, "1.0 s long; allowed are 0.5 s"),
        (MediaLimits(max_frames=29), MediaTooLong, "30 frames; allowed are 29"),
    ],
)
def test_probe_names_the_limit_that_a_clip_breaks(tmp_path, limits, error, words) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    clip = videos.make_clip(tmp_path / "c.mp4")

    with pytest.raises(error, match=words):
        probe(clip, limits)


def test_limits_that_admit_nothing_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="max_frames=0"):
        MediaLimits(max_frames=0)


def test_probe_says_that_ffprobe_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = videos.make_clip(tmp_path / "c.mp4", seconds=0.2)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ConfigurationError, match="ffprobe is not installed"):
        probe(clip)


def test_probe_ends_an_ffprobe_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = videos.make_clip(tmp_path / "c.mp4", seconds=0.2)
    fake = tmp_path / "ffprobe"
    fake.write_text("#!/bin/sh\nexec sleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    with pytest.raises(DeadlineExceeded):
        probe(clip, MediaLimits(decode_timeout_s=0.3))
