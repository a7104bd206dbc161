"""The renderer's seam to the media library: one clip read, one file written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.crop import Crop
from vid2vid_core.frames import VideoFrame
from vid2vid_core.landmarks_client import TrackHeader
from vid2vid_core.media.audio import AudioHandling
from vid2vid_core.media.probe import VideoInfo


class ContentReader(Protocol):
    """Decodes a clip frame by frame."""

    def __iter__(self) -> Iterator[VideoFrame]:
        """Every frame in presentation order, once."""

    def close(self) -> None:
        """Stop decoding; safe from any thread, and after the end."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop decoding."""


class ResultWriter(Protocol):
    """Encodes and muxes frame by frame."""

    def write(self, rgb: NDArray[np.uint8], pts: int, duration: int) -> None:
        """Append a picture."""

    def close(self) -> None:
        """Finish the file."""

    def abort(self) -> None:
        """Stop and leave no file; safe from any thread, and after the end."""


class Media(Protocol):
    """Opens the content and the result of a render."""

    def probe(self, content: Path) -> VideoInfo:
        """Look into a content video.

        Raises:
            UnsupportedMedia, NoVideoStream, EmptyMedia, MediaTooLong, PictureTooLarge: It can't be rendered.
        """

    def open_reader(self, content: Path, info: VideoInfo, *, crop: Crop, size: int) -> ContentReader:
        """Decode the square of the content that the masks show, at the generator's resolution."""

    def open_writer(
        self,
        output: Path,
        *,
        size: tuple[int, int],
        header: TrackHeader,
        content: Path,
        audio: AudioHandling,
        metadata: dict[str, str],
    ) -> ResultWriter:
        """Begin an MP4 with pictures of (width, height), the content's clock and audio, and container metadata."""
