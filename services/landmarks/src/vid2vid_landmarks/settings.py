"""Settings of the landmark service, read from ``VID2VID_LANDMARKS_*``."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from vid2vid_core.settings import Address, MediaServiceSettings


class LandmarksSettings(MediaServiceSettings):
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
