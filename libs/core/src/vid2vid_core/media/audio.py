"""What becomes of a content video's audio."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

COPYABLE_TO_MP4 = frozenset({"aac", "mp3", "ac3", "eac3", "alac"})
"""FFmpeg's names of the codecs that keep their packets. Opus and FLAC have mappings into MP4 too, but phones, TVs and
desktop players that expect AAC there stay silent, so like PCM and Vorbis they become AAC: a result plays everywhere."""

UNKNOWN_CODEC = "unknown"
"""Stands for a codec that FFmpeg has no name for, and so can't decode."""
LEAST_MP3_RATE = 16_000
"""MP3 below this many samples per second is MPEG-2.5, for which MP4 has no object type: FFmpeg refuses to mux it."""


class AudioHandling(Enum):
    """What the writer does with the content's audio; the names are those of the wire contract."""

    COPIED = "copied"
    """The packets are the content's own, bit by bit."""
    TRANSCODED = "transcoded"
    """MP4 does not take the codec, so the audio was encoded as AAC."""
    NONE = "none"
    """The content has no audio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInfo:
    """The first audio stream of a clip."""

    codec: str
    """FFmpeg's name of the codec, or :data:`UNKNOWN_CODEC`."""
    sample_rate: int
    """Samples per second, 0 where unknown."""
    channels: int
    """Number of channels, 0 where unknown."""

    @property
    def copyable_to_mp4(self) -> bool:
        """Whether the packets can stand in an MP4 as they are."""
        too_slow = self.codec == "mp3" and self.sample_rate < LEAST_MP3_RATE
        return self.codec in COPYABLE_TO_MP4 and not too_slow

    @property
    def handling(self) -> AudioHandling:
        """What the writer should do with this stream."""
        return AudioHandling.COPIED if self.copyable_to_mp4 else AudioHandling.TRANSCODED
