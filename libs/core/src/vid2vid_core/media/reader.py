"""Frames of a clip as they are shown, in a stream, each with its exact presentation time."""

from __future__ import annotations

import signal
from pathlib import Path
from types import TracebackType
from typing import Generic, Literal, NamedTuple, Self, TypeVar, cast, overload

import ffmpeg
import numpy as np
from numpy.typing import NDArray

from vid2vid_core.crop import Crop
from vid2vid_core.errors import (
    DeadlineExceeded,
    InternalError,
    MediaTooLong,
    RenderCancelled,
    TruncatedMedia,
    UnsupportedMedia,
    Vid2VidError,
)
from vid2vid_core.frames import GrayFrame, VideoFrame
from vid2vid_core.media import process
from vid2vid_core.media.filters import decode_filters, output_size
from vid2vid_core.media.limits import MediaLimits
from vid2vid_core.media.probe import VideoInfo
from vid2vid_core.media.times import FrameTimes

FrameT = TypeVar("FrameT", VideoFrame, GrayFrame)

_CUT_MESSAGES = ("partial file", "File ended prematurely")
_LONGEST_LAST_FRAME_S = 10
"""A stated end further behind the last frame than this is taken for a wrong header."""
_SPARSE = 6
"""From one frame in so many on, samples can be chosen among reference frames, which are every second to fourth."""


class _Decoded(NamedTuple):
    pixels: NDArray[np.uint8]
    pts: int
    duration: int


class FrameReader(Generic[FrameT]):
    """Decodes one clip with one ffmpeg process; iterate once, then :meth:`close` (a ``with`` block does).

    Every frame of the clip comes exactly once and in presentation order, as fast as it is taken: ffmpeg waits when
    the pipe is full, so memory does not grow with the clip. A frame's pts is the container's own. Where broken clips
    have a time that is missing or does not advance, it moves to the next possible one. A frame lasts until the next;
    the last one to the stated end of the stream, or as long as the one before.
    """

    @overload
    def __init__(
        self: FrameReader[VideoFrame],
        path: Path,
        info: VideoInfo,
        *,
        limits: MediaLimits | None = ...,
        crop: Crop | None = ...,
        size: int | None = ...,
        gray: Literal[False] = ...,
        max_short_side: int | None = ...,
        sample_rate: float | None = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: FrameReader[GrayFrame],
        path: Path,
        info: VideoInfo,
        *,
        limits: MediaLimits | None = ...,
        crop: Crop | None = ...,
        size: int | None = ...,
        gray: Literal[True],
        max_short_side: int | None = ...,
        sample_rate: float | None = ...,
    ) -> None: ...
    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        *,
        limits: MediaLimits | None = None,
        crop: Crop | None = None,
        size: int | None = None,
        gray: bool = False,
        max_short_side: int | None = None,
        sample_rate: float | None = None,
    ) -> None:
        """Describe what to decode; ffmpeg starts with the first frame or the ``with`` block.

        Args:
            path: The file.
            info: What :func:`probe` said about it.
            limits: Bounds for frames, seconds, waiting and processor time; the defaults if None.
            crop: Square of the picture as shown, its edge repeated outside; the whole picture if None.
            size: Width and height of the frames, in pixels; unscaled if None.
            gray: Yield :class:`GrayFrame` (full-range luma) instead of :class:`VideoFrame`.
            max_short_side: Without size: scale down, shape kept, until the short side is at most this.
            sample_rate: Skip frames so that at most this many per second remain. Where that is a small share of them,
                frames that no other depends on are not even decoded.

        Raises:
            InvalidSettings: A setting is outside its range.
        """
        self.info = info
        self.width, self.height = output_size(info, crop, size, max_short_side)
        self.frame_count = 0
        """Frames decoded so far; one more than were taken, until the end."""
        self._limits = limits or MediaLimits()
        filters = decode_filters(info, (self.width, self.height), crop=crop, gray=gray, sample_rate=sample_rate)
        self._path = str(path)
        self._gray = gray
        self._arguments = _arguments(Path(path), info, self._limits, filters, sample_rate)
        self._shape = (self.height, self.width) if gray else (self.height, self.width, 3)
        self._times = FrameTimes(info.time_base)
        self._process: process.MediaProcess | None = None
        self._first_pts: int | None = None
        self._ahead: _Decoded | None = None
        self._last_duration = 0
        self._ended = False
        self._closed = False
        self._failure: Vid2VidError | None = None

    def __enter__(self) -> Self:
        """Start decoding."""
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop ffmpeg."""
        self.close()

    def __iter__(self) -> Self:
        """The reader itself."""
        return self

    def __next__(self) -> FrameT:
        """The next frame.

        Raises:
            TruncatedMedia: The data end before the container says so; every frame before the cut has been yielded.
            UnsupportedMedia: FFmpeg could not decode the clip.
            MediaTooLong: The clip goes on past max_frames or max_seconds, or burns more than decode_cpu_s.
            DeadlineExceeded: ffmpeg stood still for decode_timeout_s.
            RenderCancelled: The reader was closed before its end.
        """
        frame = self._ahead or self._decode(after=None)
        if frame is None:
            if self._failure is not None:
                raise self._failure
            raise StopIteration
        self._ahead = self._decode(after=frame)
        if self._ahead is not None:
            self._last_duration = self._ahead.pts - frame.pts
        else:
            self._last_duration = self._duration_at_end(frame)
        return self._wrap(frame)

    def close(self) -> None:
        """Stop ffmpeg and free its pipes; may be called again, and from another thread."""
        self._closed = True
        if self._process is not None:
            self._process.kill()

    def _start(self) -> process.MediaProcess:
        if self._process is None:
            self._process = process.MediaProcess(self._arguments, on_line=self._times.take_line)
        return self._process

    def _wrap(self, frame: _Decoded) -> FrameT:
        times = {"pts": frame.pts, "duration": self._last_duration}
        if self._gray:
            wrapped: VideoFrame | GrayFrame = GrayFrame(gray=frame.pixels, time_base=self.info.time_base, **times)
        else:
            wrapped = VideoFrame(rgb=frame.pixels, time_base=self.info.time_base, **times)
        return cast(FrameT, wrapped)

    def _decode(self, after: _Decoded | None) -> _Decoded | None:
        """The next frame, or None at the end, with the reason in _failure if it is not a good one."""
        if self._ended:
            return None
        if self._closed:
            raise RenderCancelled(f"decoding of {self.info.name} was stopped")
        pixels = np.empty(self._shape, dtype=np.uint8)
        try:
            count = self._start().read_into(pixels.data.cast("B"), self._limits.decode_timeout_s)
            if count == pixels.nbytes:
                return self._timed(pixels, after)
            self._ended = True
            self._failure = self._judge_end()
        except (DeadlineExceeded, MediaTooLong) as error:
            self._ended = True
            self._failure = error
            self._start().kill()
        return None

    def _timed(self, pixels: NDArray[np.uint8], after: _Decoded | None) -> _Decoded:
        time = self._times.next(self._limits.decode_timeout_s)
        if time is None:
            raise InternalError(f"ffmpeg gave no time for frame {self.frame_count} of {self.info.name}")
        self.frame_count += 1
        pts = time.pts
        if after is not None and (pts is None or pts <= after.pts):
            pts = after.pts + (self._nominal_duration() if pts is None else 1)
        pts = self.info.start_pts if pts is None else pts
        self._first_pts = pts if self._first_pts is None else self._first_pts
        self._check_length(pts - self._first_pts)
        return _Decoded(pixels, pts, time.duration)

    def _check_length(self, ticks: int) -> None:
        limits, name = self._limits, self.info.name
        if self.frame_count > limits.max_frames:
            raise MediaTooLong(f"{name} has more than {limits.max_frames} frames, which is all that is allowed")
        if ticks * self.info.time_base > limits.max_seconds:
            raise MediaTooLong(f"{name} is longer than {limits.max_seconds:g} s, which is all that is allowed")

    def _judge_end(self) -> Vid2VidError | None:
        running = self._start()
        status = running.finish(self._limits.decode_timeout_s)
        name, count = self.info.name, self.frame_count
        if self._closed or running.killed:
            return RenderCancelled(f"decoding of {name} was stopped")
        complaints = running.complaints
        cpu_limit = f"{process.SIGNAL_MESSAGE} {signal.SIGXCPU.value}."
        if status == -signal.SIGXCPU or any(cpu_limit in line for line in complaints):
            return MediaTooLong(f"{name} took more than {self._limits.decode_cpu_s} s of processor time to decode")
        if any(message in line for line in complaints for message in _CUT_MESSAGES):
            return TruncatedMedia(f"{name} is cut off: its data end after frame {count}", frames=count)
        if status != 0 or count == 0:
            reason = complaints[-1].replace(self._path, name) if complaints else "no frame came out"
            return UnsupportedMedia(f"{name} can't be decoded past frame {count}: {reason}", frames=count)
        return None

    def _nominal_duration(self) -> int:
        return max(1, round(1 / self.info.average_rate / self.info.time_base))

    def _duration_at_end(self, frame: _Decoded) -> int:
        """How long the last frame is shown: as it says itself, to the stream's end, or like the one before."""
        if frame.duration > 0:
            return frame.duration
        to_end = self.info.start_pts + self.info.duration - frame.pts
        if self.info.duration > 0 and 0 < to_end * self.info.time_base <= _LONGEST_LAST_FRAME_S:
            return to_end
        return self._last_duration or self._nominal_duration()


def _arguments(path: Path, info: VideoInfo, limits: MediaLimits, filters: str, sample_rate: float | None) -> list[str]:
    """The command line: raw frames on stdout, times on stderr, nothing dropped, doubled or shifted."""
    sparse = sample_rate is not None and sample_rate * _SPARSE <= info.average_rate
    discard = {"skip_frame": "noref"} if sparse else {}
    source = ffmpeg.input(process.input_url(path), max_pixels=limits.max_pixels, **discard, **process.INPUT_OPTIONS)
    output = source[str(info.stream_index)].output(
        "pipe:1",
        format="rawvideo",
        vf=filters,
        fps_mode="passthrough",
        timelimit=limits.decode_cpu_s,
        loglevel="repeat+level+info",
    )
    return list(output.global_args(*process.GLOBAL_OPTIONS, "-copyts").compile())
