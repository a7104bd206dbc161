"""The media seam over core's FFmpeg reader and writer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from vid2vid_core.crop import Crop
from vid2vid_core.errors import UnsupportedMedia
from vid2vid_core.frames import VideoFrame
from vid2vid_core.landmarks_client import TrackHeader
from vid2vid_core.media.audio import UNKNOWN_CODEC, AudioHandling
from vid2vid_core.media.limits import MediaLimits
from vid2vid_core.media.probe import VideoInfo, probe
from vid2vid_core.media.reader import FrameReader
from vid2vid_core.media.writer import VideoWriter


@dataclass(frozen=True, slots=True)
class FfmpegMedia:
    """A :class:`~vid2vid_renderer.media.Media` with one ffmpeg process per clip read or written."""

    limits: MediaLimits = field(default_factory=MediaLimits)
    """Bounds on content videos."""

    def probe(self, content: Path) -> VideoInfo:
        """Look into a content video; see :class:`Media`."""
        info = probe(content, self.limits, name="content video")
        if info.audio is not None and info.audio.codec == UNKNOWN_CODEC:
            # Said now, not by the encoder once the whole clip has been analysed.
            raise UnsupportedMedia(f"{info.name}: its audio codec is not supported")
        if info.start_pts < 0:
            raise UnsupportedMedia(f"{info.name}: it begins before time 0, at pts {info.start_pts}")
        return info

    def open_reader(self, content: Path, info: VideoInfo, *, crop: Crop, size: int) -> FrameReader[VideoFrame]:
        """Decode the content's square; see :class:`Media`."""
        return FrameReader[VideoFrame](content, info, limits=self.limits, crop=crop, size=size)

    def open_writer(
        self,
        output: Path,
        *,
        size: tuple[int, int],
        header: TrackHeader,
        content: Path,
        audio: AudioHandling,
        metadata: dict[str, str],
    ) -> VideoWriter:
        """Begin the result; see :class:`Media`."""
        return VideoWriter(
            output,
            width=size[0],
            height=size[1],
            time_base=header.time_base,
            average_rate=header.average_rate,
            audio_from=None if audio is AudioHandling.NONE else content,
            audio=audio,
            metadata=metadata,
        )
