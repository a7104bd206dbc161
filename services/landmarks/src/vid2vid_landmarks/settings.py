"""Settings of the landmark service, read from ``VID2VID_LANDMARKS_*``."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from vid2vid_core.media.limits import MediaLimits
from vid2vid_core.settings import Address, ServiceSettings


class LandmarksSettings(ServiceSettings):
    """What the landmark service can be told."""

    model_config = SettingsConfigDict(env_prefix="VID2VID_LANDMARKS_", frozen=True, extra="ignore")

    listen: Address = "127.0.0.1:50051"
    """Address that the gRPC server binds to."""
    workers: int = Field(default_factory=lambda: len(os.sched_getaffinity(0)), ge=1, le=256)
    """Detector processes; the default is one per core that this process may use."""
    predictor: Path | None = None
    """The 68-point predictor file; unset: the one of the package ``face_recognition_models``."""
    segment_frames: int = Field(default=32, ge=1, le=64)
    """Consecutive frames that one worker follows."""
    max_gap_frames: int = Field(default=12, ge=0, le=1000)
    """Longest gap between two detections that is bridged; longer ones hold the nearest."""
    max_seconds: float = Field(default=3600.0, gt=0)
    """Longest clip. Unit: seconds."""
    max_pixels: int = Field(default=4096 * 2304, ge=1)
    """Largest picture. Unit: pixels."""
    max_frames: int = Field(default=216_000, ge=1)
    """Most frames of a clip."""
    decode_timeout_s: float = Field(default=60.0, gt=0)
    """Longest wait for the next decoded frame."""
    decode_cpu_s: int = Field(default=7200, ge=1)
    """Processor time that one decoding ffmpeg may burn."""

    @property
    def media_limits(self) -> MediaLimits:
        """Bounds for the media modules."""
        return MediaLimits(
            max_seconds=self.max_seconds,
            max_pixels=self.max_pixels,
            max_frames=self.max_frames,
            decode_timeout_s=self.decode_timeout_s,
            decode_cpu_s=self.decode_cpu_s,
        )
