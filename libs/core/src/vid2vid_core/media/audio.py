"""What becomes of a content video's audio."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

COPYABLE_TO_MP4 = frozenset({"aac", "mp3", "ac3", "eac3", "alac"})
"""FFmpeg's names of the codecs that keep their packets. Opus and FLAC have mappings into MP4 too, but phones, TVs and
desktop players that expect AAC there stay silent, so like PCM and Vorbis they become AAC: a result plays everywhere."""


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
    """FFmpeg's name of the codec."""
    sample_rate: int
    """Samples per second, 0 where unknown."""
    channels: int
    """Number of channels, 0 where unknown."""

    @property
    def copyable_to_mp4(self) -> bool:
        """Whether the packets can stand in an MP4 as they are."""
        return self.codec in COPYABLE_TO_MP4

    @property
    def handling(self) -> AudioHandling:
        """What the writer should do with this stream."""
        return AudioHandling.COPIED if self.copyable_to_mp4 else AudioHandling.TRANSCODED
