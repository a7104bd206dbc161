"""The rendered video: H.264 with the content's own presentation times and audio, in an MP4 that plays everywhere."""

from __future__ import annotations

import weakref
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.errors import (
    DeadlineExceeded,
    InternalError,
    InvalidFrame,
    InvalidSettings,
    RenderCancelled,
    StorageFull,
    Vid2VidError,
)
from vid2vid_core.files import publish, reserve, unlink
from vid2vid_core.media import process
from vid2vid_core.media.audio import AudioHandling
from vid2vid_core.media.encoding import FINEST_TIMESCALE, encode_arguments, timescale_of
from vid2vid_core.media.matroska import frame_header, stream_header

FULL_MESSAGES = ("No space left on device", "Disk quota exceeded")
WRITE_FAILURES = (*FULL_MESSAGES, "Error writing trailer", "Input/output error")


class VideoWriter:
    """Encodes frames with one ffmpeg process that muxes the content's audio in the same run.

    The file grows under a temporary name beside ``path`` and takes its name in :meth:`close`; :meth:`abort` and
    every error leave nothing. A ``with`` block closes, or aborts on an exception.

    There are no B-frames: then decoding order is showing order and an MP4's durations, which FFmpeg sums in decoding
    order, are exact for variable rates too. It costs about a tenth in size.
    """

    def __init__(
        self,
        path: Path,
        *,
        width: int,
        height: int,
        time_base: Fraction,
        average_rate: Fraction,
        audio_from: Path | None = None,
        audio: AudioHandling = AudioHandling.NONE,
        metadata: dict[str, str] | None = None,
        preset: str = "veryfast",
        crf: int = 18,
        timeout_s: float = 120.0,
    ) -> None:
        """Start ffmpeg.

        Args:
            path: The MP4 to write; an existing file is replaced on close.
            width: Width of every frame, in pixels; an odd one is made even by repeating the last column.
            height: Height of every frame, in pixels; likewise.
            time_base: Unit of every pts and duration, in seconds.
            average_rate: Mean frame rate in frames per second; sets the H.264 level, not the times.
            audio_from: The content video; needed unless audio is NONE.
            audio: What to do with its first audio stream.
            metadata: Tags of the file. The content's own tags (places, devices) are not taken over.
            preset: x264's preset; "veryfast" keeps the encoder far faster than the generator on two cores.
            crf: x264's quality; 18 is visually lossless, lower is larger.
            timeout_s: Longest wait for ffmpeg to take a frame, and to finish the file.

        Raises:
            InvalidSettings: A setting is outside its range.
            OutputNotWritable: The folder does not exist or can't be written to.
            StorageFull: No space left.
            ConfigurationError: ffmpeg is not installed.
        """
        _check_settings(
            width=width,
            height=height,
            time_base=time_base,
            average_rate=average_rate,
            audio=audio,
            audio_from=audio_from,
        )
        self.path = Path(path)
        self.frame_count = 0
        """Frames written so far."""
        self._shape = (height, width, 3)
        self._padding = ((0, height % 2), (0, width % 2), (0, 0))
        self._time_base = time_base
        self._average_rate = average_rate
        self._timeout_s = timeout_s
        self._last: tuple[NDArray[np.uint8], int, int] | None = None
        self._done = self._aborted = False
        self._temporary = reserve(self.path)
        self._remove = weakref.finalize(self, unlink, self._temporary)
        even = width + width % 2, height + height % 2
        arguments = encode_arguments(
            self._temporary,
            timescale=timescale_of(time_base),
            audio_from=audio_from if audio is not AudioHandling.NONE else None,
            copy_audio=audio is AudioHandling.COPIED,
            metadata=metadata or {},
            encoder={"preset": preset, "crf": crf},
        )
        try:
            self._process = process.MediaProcess(arguments, feed=True)
        except Vid2VidError:
            self._remove()
            raise
        self._send(stream_header(*even, average_rate))

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file, or leave nothing if the block failed."""
        if kind is None:
            self.close()
        else:
            self.abort()

    def write(self, rgb: NDArray[np.uint8], pts: int, duration: int = 0) -> None:
        """Encode one frame; waits while ffmpeg is busy.

        Args:
            rgb: uint8 ``[height, width, 3]``.
            pts: Presentation time in units of time_base, above the last one's and not negative.
            duration: In units of time_base. Only the last frame's counts, the others last until the next; 0 means one
                average frame.

        Raises:
            InvalidFrame: The frame does not fit into this video.
            StorageFull: No space left.
            InternalError: ffmpeg has failed; the message ends with its last words.
            DeadlineExceeded: ffmpeg took nothing for timeout_s.
            RenderCancelled: The writer was aborted.
        """
        if self._done:
            raise InternalError(f"{self.path.name} is closed")
        self._check_frame(rgb, pts)
        if any(after for _, after in self._padding):
            rgb = np.pad(rgb, self._padding, mode="edge")
        rgb = np.ascontiguousarray(rgb)
        self._send(frame_header(pts, self._time_base, rgb.nbytes), rgb.data)
        self._last = rgb, pts, duration
        self.frame_count += 1

    def close(self) -> None:
        """Finish the file, flush it to the disk and give it its name; does nothing the second time.

        Raises:
            InvalidFrame: No frame was written.
            OutputNotWritable: The file could not be renamed.
            StorageFull, InternalError, DeadlineExceeded, RenderCancelled: As in :meth:`write`.
        """
        if self._done:
            return
        if self._last is None:
            self.abort()
            raise InvalidFrame(f"{self.path.name}: no frame was written; at least 1 is needed")
        self._send_end(*self._last)
        try:
            status = self._process.finish(self._timeout_s)
        except DeadlineExceeded:
            self.abort()
            raise
        self._done = True
        if status != 0 or any(failure in line for line in self._process.complaints for failure in WRITE_FAILURES):
            raise self._failure()
        try:
            publish(self._temporary, self.path)
        finally:
            self._remove()

    def abort(self) -> None:
        """Kill ffmpeg and remove the temporary file; may be called again, and from another thread."""
        if not self._done:
            self._aborted = self._done = True
            self._process.kill()
        self._remove()

    def _check_frame(self, rgb: NDArray[np.uint8], pts: int) -> None:
        if rgb.shape != self._shape or rgb.dtype != np.uint8:
            raise InvalidFrame(f"expected a frame of uint8 {self._shape}, got {rgb.dtype} {rgb.shape}")
        earliest = 0 if self._last is None else self._last[1] + 1
        if pts < earliest:
            raise InvalidFrame(f"frame {self.frame_count}: pts {pts}; allowed are {earliest} and above")

    def _send_end(self, rgb: NDArray[np.uint8], pts: int, duration: int) -> None:
        """Repeat the last frame at its end: LAST_FRAME_FILTERS reads its duration off this one, then drops it."""
        if duration <= 0:
            duration = max(1, round(1 / self._average_rate / self._time_base))
        self._send(frame_header(pts + duration, self._time_base, rgb.nbytes), rgb.data)

    def _send(self, *parts: bytes | memoryview) -> None:
        try:
            self._process.write_from(parts, self._timeout_s)
        except (OSError, ValueError):
            raise self._failure() from None
        except DeadlineExceeded:
            self.abort()
            raise

    def _failure(self) -> Vid2VidError:
        """Why ffmpeg has gone; removes what it left."""
        if self._aborted:
            return RenderCancelled(f"encoding of {self.path.name} was stopped")
        try:
            self._process.finish(self._timeout_s)
        except DeadlineExceeded as error:
            return error
        finally:
            self.abort()
        return failure_from(self._process.complaints, self.path.name, str(self._temporary))


def failure_from(complaints: list[str], name: str, temporary: str) -> Vid2VidError:
    """The error for an ffmpeg that ended badly, from its last messages."""
    if any(message in line for line in complaints for message in FULL_MESSAGES):
        return StorageFull(f"no space left while writing {name}")
    reason = complaints[-1].replace(temporary, name) if complaints else "it said nothing"
    return InternalError(f"ffmpeg failed while writing {name}: {reason}")


def _check_settings(
    *,
    width: int,
    height: int,
    time_base: Fraction,
    average_rate: Fraction,
    audio: AudioHandling,
    audio_from: Path | None,
) -> None:
    if width < 1 or height < 1:
        raise InvalidSettings(f"picture of {width}x{height}: allowed are 1x1 and above")
    if time_base <= 0 or time_base.denominator > FINEST_TIMESCALE:
        raise InvalidSettings(f"time_base {time_base}: allowed are 1/{FINEST_TIMESCALE} s and longer")
    if average_rate <= 0:
        raise InvalidSettings(f"average_rate {average_rate}: allowed is anything above 0")
    if audio is not AudioHandling.NONE and audio_from is None:
        raise InvalidSettings(f"audio {audio.value}: needs a file to take it from")
