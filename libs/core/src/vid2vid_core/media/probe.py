"""What a clip is, read from its container before anything is decoded."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from vid2vid_core.errors import (
    EmptyMedia,
    MediaTooLong,
    NoVideoStream,
    PictureTooLarge,
    TruncatedMedia,
    UnsupportedMedia,
)
from vid2vid_core.media import process
from vid2vid_core.media.audio import UNKNOWN_CODEC, AudioHandling, AudioInfo
from vid2vid_core.media.limits import MediaLimits
from vid2vid_core.media.truncation import missing_end

_FALLBACK_RATE = Fraction(25)
"""Frames per second where a container says nothing; information only, the clock is pts."""
_STILL_DISPOSITIONS = ("attached_pic", "timed_thumbnails", "still_image")
_ENTRIES = (
    "stream=index,codec_type,codec_name,codec_tag_string,width,height,sample_aspect_ratio,color_space,time_base,"
    "avg_frame_rate,r_frame_rate,nb_frames,start_pts,duration_ts,duration,sample_rate,channels"
    f":stream_disposition=default,{','.join(_STILL_DISPOSITIONS)}:stream_side_data=rotation:format=duration"
)
"""What is read here and nothing else: a file may hold hundreds of megabytes of tags."""
_TOO_LARGE = re.compile(r"Picture size (\d+)x(\d+) (?:exceeds specified max pixel count|is invalid)")


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """A clip's video stream, and its audio in short."""

    name: str
    """How messages call the clip."""
    stream_index: int
    """Index of the video stream among all streams of the file."""
    codec: str
    """FFmpeg's name of the video codec."""
    width: int
    """Width of the picture as shown, in pixels: upright and with square pixels."""
    height: int
    """Height of the picture as shown, in pixels."""
    rotation: int
    """Clockwise turn that the display matrix asks for: 0, 90, 180 or 270 degrees; FFmpeg applies it."""
    sample_aspect_ratio: Fraction
    """Width over height of a pixel as coded, before the turn."""
    color_space: str
    """FFmpeg's name of the YUV matrix, ``unknown`` where the clip does not say."""
    time_base: Fraction
    """Unit of every pts and duration of the stream, in seconds."""
    average_rate: Fraction
    """Mean frame rate in frames per second; information, not the clock."""
    frame_count_from_header: int
    """The container's own count of frames, 0 where it has none. An estimate."""
    start_pts: int
    """The first frame's presentation time as the container states it, in units of time_base."""
    duration: int
    """Length of the video stream in units of time_base, 0 where the container does not say."""
    duration_seconds: float
    """Length of the video stream, or of the whole clip, in seconds, 0 where the container does not say."""
    audio: AudioInfo | None
    """The first audio stream."""

    @property
    def audio_handling(self) -> AudioHandling:
        """What the writer should do with the audio."""
        return AudioHandling.NONE if self.audio is None else self.audio.handling


def probe(path: Path, limits: MediaLimits | None = None, *, name: str = "video") -> VideoInfo:
    """Read a clip's streams with ffprobe.

    Args:
        path: The file.
        limits: What the clip may measure; the defaults if None.
        name: How messages call the clip; they never contain the path.

    Raises:
        EmptyMedia: The file has no byte.
        TruncatedMedia: Its end is missing.
        UnsupportedMedia: It can't be opened, or FFmpeg knows neither container nor codec.
        NoVideoStream: It has no moving pictures; cover art does not count.
        PictureTooLarge: It is over max_pixels.
        MediaTooLong: Its header is over max_seconds or max_frames.
        DeadlineExceeded: ffprobe did not answer in time.
        ConfigurationError: ffprobe is not installed.
    """
    limits = limits or MediaLimits()
    path = Path(path)
    _check_file(path, name)
    document = _ffprobe(path, limits, name)
    info = _video_info(document, name)
    _check_limits(info, limits)
    return info


def _check_file(path: Path, name: str) -> None:
    try:
        size = path.stat().st_size if path.is_file() else None
        missing = missing_end(path) if size else None
    except OSError as error:
        raise UnsupportedMedia(f"{name} can't be read: {error.strerror}") from None
    if size is None:
        raise UnsupportedMedia(f"{name} is not a file")
    if size == 0:
        raise EmptyMedia(f"{name} is empty: 0 bytes")
    if missing is not None:
        raise TruncatedMedia(f"{name} is cut off: {missing}")


def _ffprobe(path: Path, limits: MediaLimits, name: str) -> dict[str, Any]:
    options = [item for key, value in process.INPUT_OPTIONS.items() for item in (f"-{key}", value)]
    arguments = ["ffprobe", "-hide_banner", "-loglevel", "error", *options, "-print_format", "json"]
    arguments += ["-max_pixels", str(limits.max_pixels), "-show_entries", _ENTRIES, process.input_url(path)]
    status, output, messages = process.run(arguments, limits.decode_timeout_s)
    try:
        document = json.loads(output)
    except ValueError:
        document = {}
    if (refused := _TOO_LARGE.search(messages)) and not _has_size(document):
        raise _too_large(name, int(refused[1]), int(refused[2]), limits)
    if status != 0 or not document.get("streams"):
        raise UnsupportedMedia(f"{name} is not a video that FFmpeg can read{_reason(messages, path)}")
    return dict(document)


def _has_size(document: dict[str, Any]) -> bool:
    stream = _best_video(document.get("streams", []))
    return stream is not None and min(int(stream.get("width", 0)), int(stream.get("height", 0))) > 0


def _too_large(name: str, width: int, height: int, limits: MediaLimits) -> PictureTooLarge:
    return PictureTooLarge(
        f"{name} is {width}x{height}, {width * height} pixels; allowed are {limits.max_pixels}",
        pixels=width * height,
        max_pixels=limits.max_pixels,
    )


def _reason(messages: str, path: Path) -> str:
    lines = messages.strip().splitlines()
    text = lines[-1].replace(process.input_url(path), "").replace(str(path), "").strip(" :") if lines else ""
    return f": {text}" if text else ""


def _video_info(document: dict[str, Any], name: str) -> VideoInfo:
    streams: list[dict[str, Any]] = document["streams"]
    stream = _best_video(streams)
    if stream is None:
        kinds = ", ".join(sorted({str(item.get("codec_type", "unknown")) for item in streams}))
        raise NoVideoStream(f"{name} has no video stream, only: {kinds}")
    coded = int(stream.get("width", 0)), int(stream.get("height", 0))
    if stream.get("codec_name", "unknown") == "unknown" or min(coded) < 1:
        raise UnsupportedMedia(f"{name}: its video codec {stream.get('codec_tag_string', '?')} is not supported")
    rotation = _rotation(stream)
    aspect = _fraction(stream.get("sample_aspect_ratio", "1:1")) or Fraction(1)
    width, height = _shown_size(*coded, aspect, rotation)
    return VideoInfo(
        name=name,
        stream_index=int(stream["index"]),
        codec=str(stream["codec_name"]),
        width=width,
        height=height,
        rotation=rotation,
        sample_aspect_ratio=aspect,
        color_space=str(stream.get("color_space", "unknown")),
        time_base=_fraction(stream["time_base"]) or Fraction(1, 1000),
        average_rate=_rate(stream),
        frame_count_from_header=int(stream.get("nb_frames", 0)),
        start_pts=int(stream.get("start_pts", 0)),
        duration=int(stream.get("duration_ts", 0)),
        duration_seconds=float(stream.get("duration") or document.get("format", {}).get("duration") or 0),
        audio=_audio_info(streams),
    )


def _best_video(streams: list[dict[str, Any]]) -> dict[str, Any] | None:
    moving = [
        stream
        for stream in streams
        if stream.get("codec_type") == "video"
        and not any(stream.get("disposition", {}).get(still) for still in _STILL_DISPOSITIONS)
    ]
    preferred = [stream for stream in moving if stream.get("disposition", {}).get("default")]
    return next(iter(preferred or moving), None)


def _audio_info(streams: list[dict[str, Any]]) -> AudioInfo | None:
    stream = next((stream for stream in streams if stream.get("codec_type") == "audio"), None)
    if stream is None:
        return None
    return AudioInfo(
        codec=str(stream.get("codec_name", UNKNOWN_CODEC)),
        sample_rate=int(stream.get("sample_rate", 0)),
        channels=int(stream.get("channels", 0)),
    )


def _rotation(stream: dict[str, Any]) -> int:
    """Clockwise degrees; ffprobe reports the display matrix counter-clockwise. Odd angles keep the coded size."""
    for side_data in stream.get("side_data_list", []):
        if "rotation" in side_data:
            angle = round(-float(side_data["rotation"])) % 360
            return angle if angle % 90 == 0 else 0
    return 0


def _shown_size(width: int, height: int, aspect: Fraction, rotation: int) -> tuple[int, int]:
    """Square pixels are reached by enlarging the short side, so that no detail is lost; then the turn."""
    if aspect > 1:
        width = round(width * aspect)
    elif aspect < 1:
        height = round(height / aspect)
    return (height, width) if rotation in {90, 270} else (width, height)


def _rate(stream: dict[str, Any]) -> Fraction:
    rates = (_fraction(stream.get(key, "0/0")) for key in ("avg_frame_rate", "r_frame_rate"))
    return next((rate for rate in rates if rate), _FALLBACK_RATE)


def _fraction(text: str) -> Fraction | None:
    """``30000/1001`` or ``4:3`` as a Fraction; None for ``0/0`` and for what is not positive."""
    try:
        value = Fraction(text.replace(":", "/"))
    except (ValueError, ZeroDivisionError):
        return None
    return value if value > 0 else None


def _check_limits(info: VideoInfo, limits: MediaLimits) -> None:
    if info.width * info.height > limits.max_pixels:
        raise _too_large(info.name, info.width, info.height, limits)
    if info.duration_seconds > limits.max_seconds:
        raise MediaTooLong(
            f"{info.name} is {info.duration_seconds:.1f} s long; allowed are {limits.max_seconds:g} s",
            seconds=info.duration_seconds,
            max_seconds=limits.max_seconds,
        )
    if info.frame_count_from_header > limits.max_frames:
        raise MediaTooLong(
            f"{info.name} has {info.frame_count_from_header} frames; allowed are {limits.max_frames}",
            frames=info.frame_count_from_header,
            max_frames=limits.max_frames,
        )
