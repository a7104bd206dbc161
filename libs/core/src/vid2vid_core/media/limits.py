"""How much of a machine one clip may take."""

from __future__ import annotations

from dataclasses import dataclass, fields

from vid2vid_core.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaLimits:
    """Bounds on untrusted clips; a service fills them from its settings."""

    max_seconds: float = 3600.0
    """Longest clip, in seconds."""
    max_pixels: int = 4096 * 2304
    """Largest picture, width x height, both as coded and as shown; the default admits every 4K format."""
    max_frames: int = 216_000
    """Most frames; the default is one hour at 60 frames/s."""
    decode_timeout_s: float = 60.0
    """Longest wait for ffprobe's answer and for ffmpeg's next frame, in seconds."""
    decode_cpu_s: int = 7200
    """Processor time that one ffmpeg process may burn, in seconds: a clip made to decode slowly ends here, while a
    slow consumer costs it nothing."""

    def __post_init__(self) -> None:
        """Check that every limit admits something."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value <= 0:
                raise ConfigurationError(f"{field.name}={value}: allowed is anything above 0", setting=field.name)
