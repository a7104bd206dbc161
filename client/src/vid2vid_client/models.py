"""Styles and their versions, as the renderer lists them."""

from __future__ import annotations

from dataclasses import dataclass

from vid2vid.renderer.v1 import renderer_pb2 as pb

_STATES: dict[int, str] = {
    pb.MODEL_STATE_UNSPECIFIED: "unknown",
    pb.MODEL_STATE_LOADING: "loading",
    pb.MODEL_STATE_READY: "ready",
    pb.MODEL_STATE_UNLOADING: "unloading",
    pb.MODEL_STATE_UNAVAILABLE: "unavailable",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One version of a style."""

    version: int
    """Version number."""
    state: str
    """``ready``, ``loading``, ``unloading``, ``unavailable`` or ``unknown``."""
    reason: str
    """Why it is in that state; may be empty."""
    device: str
    """``cpu`` or ``cuda``; empty while unknown."""
    training_run: str
    """Training run that made it; may be empty."""
    onnx_sha256: str
    """SHA-256 of its model.onnx; may be empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One style."""

    name: str
    """The name that a render asks for."""
    versions: tuple[ModelVersion, ...]
    """Sorted from low to high."""
    size: int
    """Width and height of a rendered frame in pixels, 0 while no version is ready."""
    mask_spec_hash: str
    """Identifies how its masks are drawn; empty while no version is ready."""
    max_batch_size: int
    """Frames per inference request at the most, 0 while no version is ready."""


def model_from_pb(message: pb.Model) -> Model:
    """Read the wire's form."""
    return Model(
        name=message.name,
        versions=tuple(
            ModelVersion(
                version=version.version,
                state=_STATES.get(version.state, "unknown"),
                reason=version.reason,
                device=version.device,
                training_run=version.training_run,
                onnx_sha256=version.onnx_sha256,
            )
            for version in message.versions
        ),
        size=message.size,
        mask_spec_hash=message.mask_spec_hash,
        max_batch_size=message.max_batch_size,
    )
