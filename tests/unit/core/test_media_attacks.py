"""Files made to harm: each ends in a typed error or in few frames, within seconds, and leaves no process behind."""

from __future__ import annotations

import contextlib
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.videos import ffmpeg, make_clip
from vid2vid_core.errors import (
    DeadlineExceeded,
    InvalidArgument,
    MediaTooLong,
    NoVideoStream,
    PictureTooLarge,
    UnsupportedMedia,
    Vid2VidError,
)
from vid2vid_core.media.limits import MediaLimits
from vid2vid_core.media.probe import probe
from vid2vid_core.media.reader import FrameReader

SECONDS = 10.0
"""Far above what any of these takes, also on a busy machine; far below what harm takes."""


@pytest.fixture(autouse=True)
def _in_time_and_without_leftovers() -> Iterator[None]:
    before = set(psutil.Process().children(recursive=True))
    began = time.monotonic()
    yield
    assert time.monotonic() - began < SECONDS
    left = [child for child in psutil.Process().children(recursive=True) if child not in before]
    assert [child for child in left if child.status() != psutil.STATUS_ZOMBIE] == []


def decode(path: Path, limits: MediaLimits | None = None) -> int:
    """Probe and decode as a service does; the number of frames."""
    limits = limits or MediaLimits()
    with FrameReader(path, probe(path, limits), limits=limits, size=64) as frames:
        return sum(1 for _ in frames)


def hls(address: str) -> str:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n"


SCRIPTS = {
    "playlist of a local file": hls("file:///etc/passwd"),
    "playlist of a local file without a scheme": hls("/etc/passwd"),
    "playlist of an address": hls("http://127.0.0.1:9/secret.ts"),
    "playlist of nested protocols": hls("concat:file:///etc/passwd|file:///etc/hosts"),
    "playlist of a subfile": hls("subfile,,start,0,end,64,,:/etc/passwd"),
    "concat script": "ffconcat version 1.0\nfile /etc/passwd\n",
    "DASH manifest": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>file:///etc/passwd'
    "</BaseURL></Period></MPD>",
    "SVG with an outside image": '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">'
    '<image href="file:///etc/passwd"/></svg>',
    "SDP that opens a port": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "picture sequence": "P6 64 64 255\n" + "x" * 64 * 64 * 3,
}


@pytest.mark.parametrize("name", ["clip.mp4", "clip.m3u8", "clip-%d.png"])
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_file_that_names_other_files_is_no_video(tmp_path: Path, script: str, name: str) -> None:
    path = tmp_path / name
    path.write_text(script)
    with pytest.raises(UnsupportedMedia) as caught:
        probe(path)
    assert "root:" not in caught.value.message
    assert str(tmp_path) not in caught.value.message


def test_file_name_is_never_a_protocol_or_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "clip.mp4", seconds=0.2, audio=False)
    for name in ("concat:clip.mp4", "-i", "http:clip.mp4", "clip;touch x;.mp4", "$(touch x).mp4"):
        (tmp_path / "clip.mp4").rename(tmp_path / name)
        assert decode(Path(name)) == 6
        (tmp_path / name).rename(tmp_path / "clip.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def png(width: int, height: int) -> bytes:
    def part(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100))
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", pixels) + part(b"IEND", b"")


@pytest.mark.parametrize(("size", "error"), [(64, UnsupportedMedia), (30_000, PictureTooLarge)])
def test_picture_is_no_video_whatever_its_name(tmp_path: Path, size: int, error: type[Vid2VidError]) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(png(size, size))
    with pytest.raises(error):
        probe(path)


def jpeg_clip(path: Path, size: int, *, container_too: bool) -> Path:
    """An AVI whose JPEG pictures, and its header if asked, claim another size than they have."""
    make_clip(path, seconds=0.2, audio=False, video_codec="mjpeg", options=("-pix_fmt", "yuvj420p"))
    content = bytearray(path.read_bytes())
    position = -1
    while (position := content.find(b"\xff\xc0\x00\x11", position + 1)) >= 0:
        struct.pack_into(">HH", content, position + 5, size, size)
    if container_too:
        struct.pack_into("<ii", content, content.index(b"strf") + 12, size, size)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("size", [16_000, 30_000])
def test_clip_that_claims_huge_pictures_is_refused_with_their_size(tmp_path: Path, size: int) -> None:
    path = jpeg_clip(tmp_path / "clip.avi", size, container_too=True)
    with pytest.raises(PictureTooLarge, match=f"{size}x{size}, {size * size} pixels; allowed are 9437184"):
        probe(path)


def test_huge_pictures_behind_a_small_header_are_not_decoded(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedMedia):
        decode(jpeg_clip(tmp_path / "clip.avi", 16_000, container_too=False))


def test_picture_that_grows_in_the_middle_of_a_clip_is_not_decoded(tmp_path: Path) -> None:
    options = ("-bsf:v", "h264_mp4toannexb")
    small = make_clip(tmp_path / "small.ts", seconds=0.4, audio=False, options=options)
    large = make_clip(tmp_path / "large.ts", seconds=0.4, audio=False, width=640, height=480, options=options)
    path = tmp_path / "clip.ts"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    limits = MediaLimits(max_pixels=200 * 200)
    with contextlib.suppress(InvalidArgument):  # FFmpeg may drop the large pictures, or fail; it must not show them
        assert decode(path, limits) <= 13


def sparse_clip(path: Path, *, frames: int, ticks: int, time_base: str) -> Path:
    """A tiny clip whose frames stand `ticks` of `time_base` apart."""
    times = ("-vf", f"settb={time_base},setpts=N*{ticks}", "-fps_mode", "passthrough", "-enc_time_base", time_base)
    codec = ("-c:v", "libx264", "-preset", "ultrafast")
    ffmpeg("-f", "lavfi", "-i", "color=s=64x64", "-frames:v", str(frames), *times, *codec, path)
    return path


def test_tiny_clip_that_claims_ten_hours_is_refused(tmp_path: Path) -> None:
    path = sparse_clip(tmp_path / "clip.mkv", frames=2, ticks=36_000_000, time_base="1/1000")
    assert path.stat().st_size < 10_000
    with pytest.raises(MediaTooLong, match=r"36000.0 s long; allowed are 3600 s"):
        probe(path)


def test_clip_without_a_stated_length_is_stopped_at_the_limit(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.ts", seconds=4, audio=False)
    with pytest.raises(MediaTooLong):
        decode(path, MediaLimits(max_seconds=1))


def test_clip_with_a_hundred_thousand_frames_a_second_is_bounded_by_its_frames(tmp_path: Path) -> None:
    path = sparse_clip(tmp_path / "clip.mkv", frames=900, ticks=1, time_base="1/1000")
    assert decode(path) == 900
    with pytest.raises(MediaTooLong, match="more than 300 frames"):
        decode(path, MediaLimits(max_frames=300))


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few kilobytes that decode to gigabytes."""
    path = tmp_path_factory.mktemp("bomb") / "bomb.mkv"
    picture = "color=c=black:s={width}x{height}:r={rate}"
    return make_clip(path, seconds=0.3, rate="500", width=3840, height=2160, audio=False, picture=picture)


def test_bomb_ends_at_its_processor_time(bomb: Path) -> None:
    assert bomb.stat().st_size < 100_000
    with pytest.raises(MediaTooLong, match="took more than 1 s of processor time"):
        decode(bomb, MediaLimits(decode_cpu_s=1))


def test_bomb_over_the_pixel_limit_is_not_decoded(bomb: Path) -> None:
    with pytest.raises(PictureTooLarge, match="3840x2160"):
        decode(bomb, MediaLimits(max_pixels=1920 * 1080))


def test_probe_that_does_not_answer_is_killed(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", seconds=0.2)
    with pytest.raises(DeadlineExceeded, match="ffprobe did not answer"):
        probe(path, MediaLimits(decode_timeout_s=0.001))


def attachment(folder: Path) -> Path:
    clip, secret = make_clip(folder / "plain.mp4", seconds=0.2, audio=False), folder / "secret.txt"
    secret.write_text("attached")
    kind = ("-metadata:s:t", "mimetype=text/plain", "-metadata:s:t", "filename=../../evil.sh")
    ffmpeg("-i", clip, "-attach", secret, *kind, "-c", "copy", folder / "clip.mkv")
    return folder / "clip.mkv"


def test_attachment_is_ignored_and_never_written(tmp_path: Path) -> None:
    path = attachment(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert decode(path) == 6
    assert sorted(tmp_path.rglob("*")) == before


def subtitles(folder: Path) -> Path:
    (folder / "s.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n")
    ffmpeg("-i", folder / "s.srt", folder / "clip.mkv")
    return folder / "clip.mkv"


def attachment_only(folder: Path) -> Path:
    path = attachment(folder)
    ffmpeg("-i", path, "-map", "0:t", "-c", "copy", folder / "only.mkv")
    return folder / "only.mkv"


@pytest.mark.parametrize("make", [subtitles, attachment_only])
def test_clip_without_moving_pictures_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises((NoVideoStream, UnsupportedMedia)):
        probe(make(tmp_path))


def test_megabytes_of_tags_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vid2vid_core.media import process

    outputs: list[int] = []
    run = process.run

    def watched(arguments: list[str], timeout_s: float) -> tuple[int, bytes, str]:
        answer = run(arguments, timeout_s)
        outputs.append(len(answer[1]))
        return answer

    monkeypatch.setattr(process, "run", watched)
    lyrics = tmp_path / "tags.txt"
    lyrics.write_text(";FFMETADATA1\ncomment=" + "x" * 2**21 + "\n")
    clip = make_clip(tmp_path / "plain.mp4", seconds=0.2)
    ffmpeg("-i", clip, "-i", lyrics, "-map_metadata", "1", "-c", "copy", tmp_path / "clip.mkv")
    assert (tmp_path / "clip.mkv").stat().st_size > 2**21
    assert probe(tmp_path / "clip.mkv").width == 96
    assert outputs[0] < 10_000
