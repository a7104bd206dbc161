"""What the renderer reads from its environment."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from vid2vid_core.settings import Address, MediaServiceSettings
from vid2vid_core.tensors import MAX_BATCH_SIZE
from vid2vid_core.triton_control import NO_KEY, ControlKey


class RendererSettings(MediaServiceSettings):
    """Settings of the renderer, each from ``VID2VID_RENDERER_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="VID2VID_RENDERER_", frozen=True, extra="ignore")

    listen: Address = "127.0.0.1:50052"
    """Address that the gRPC server binds to."""
    landmarks: Address = "127.0.0.1:50051"
    """The landmark service."""
    triton: Address = "127.0.0.1:8001"
    """Triton's gRPC endpoint."""
    triton_control_key: ControlKey = NO_KEY
    """What Triton asks for before it lists models; empty where it asks for nothing."""
    triton_metrics: Address | None = None
    """Triton's metrics endpoint, asked for the device of each model version; not at all if unset."""
    max_concurrent_calls: int = Field(default=2, ge=1, le=64)
    """Renders that run at the same time; a further one gets QUEUE_FULL."""
    max_upload_bytes: int = Field(default=512 * 2**20, ge=1)
    """Largest content video that a call may upload."""
    batch_size: int = Field(default=8, ge=1, le=MAX_BATCH_SIZE)
    """Frames per inference request; a model with a smaller limit gets smaller ones."""
    inflight: int = Field(default=3, ge=1, le=16)
    """Inference requests of one render that Triton has at the same time."""
    queue_depth: int = Field(default=32, ge=1, le=1024)
    """Frames that may wait between two stages: the render's memory follows this number, not the clip's length."""
    infer_timeout_s: float = Field(default=120.0, gt=0, le=3600)
    """How long one inference request may take."""
    peer_timeout_s: float = Field(default=5.0, gt=0, le=60)
    """How long Triton or the landmark service may take to answer a question about themselves."""
    readiness_interval_s: float = Field(default=2.0, gt=0, le=60)
    """Time between two looks at the peers for the health service."""
    label_output: bool = True
    """Whether the result's metadata says that it is AI-generated, and by which model version."""
