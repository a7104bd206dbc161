"""What the trainer is told by its environment; options on the command line win."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import SettingsConfigDict

from vid2vid_core.settings import Address, Settings
from vid2vid_core.triton_control import NO_KEY, ControlKey


class TrainerSettings(Settings):
    """Variables VID2VID_TRAINER_..."""

    model_config = SettingsConfigDict(env_prefix="VID2VID_TRAINER_", frozen=True, extra="ignore")

    landmarks: Address = "127.0.0.1:50051"
    """Address of the landmark service."""
    triton: Address = "127.0.0.1:8001"
    """Address of Triton's gRPC endpoint."""
    triton_control_key: ControlKey = NO_KEY
    """What Triton asks for before it loads a version; empty where it asks for nothing."""
    repository: Path = Path("model_repository")
    """Triton's model repository."""
    runs: Path = Path("runs")
    """Where run folders are made."""
