"""The generator as the renderer sees it: what it can be asked, whoever answers (Triton, or a fake in a test)."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.landmarks import FaceGeometry
from vid2vid_core.mask import MaskSpec
from vid2vid_core.tensors import ModelCard

MaskBatch = NDArray[np.uint8]
"""``[N, H, W]``, 0 or 255."""

FrameBatch = NDArray[np.uint8]
"""``[N, H, W, 3]``, RGB."""


class ModelState(Enum):
    """State of a model version in Triton."""

    UNKNOWN = "unknown"
    """Triton does not say."""
    LOADING = "loading"
    """Ready soon."""
    READY = "ready"
    """Can render."""
    UNLOADING = "unloading"
    """Finishes its last requests."""
    UNAVAILABLE = "unavailable"
    """Can't render."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionStatus:
    """One version of a style."""

    version: int
    """Version number, 1 and above."""
    state: ModelState
    """Its state in Triton."""
    reason: str = ""
    """Why it is in that state, in Triton's words; may be empty."""
    device: str = ""
    """``cpu`` or ``cuda``; empty while unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """One style with all its versions."""

    name: str
    """The style."""
    versions: tuple[VersionStatus, ...] = ()
    """Sorted from low to high."""
    card: ModelCard | None = None
    """What the model's parameters say; None while no version is ready, or where they are not ours."""
    max_batch_size: int = 0
    """Frames per inference request at the most; 0 while no version is ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedModel:
    """The model version that a render stays on from its first frame to its last."""

    name: str
    """The style."""
    version: int
    """Version number, never 0."""
    mask_spec: MaskSpec
    """How its masks are drawn."""
    reference_geometry: FaceGeometry
    """The style's average face, onto which content landmarks are mapped."""
    max_batch_size: int
    """Frames per inference request at the most, 1 and above."""


class Generator(Protocol):
    """Whoever turns masks into frames."""

    def check(self) -> None:
        """Ask whether it is there.

        Raises:
            GeneratorUnavailable: It does not answer, or is not ready.
        """

    def list_models(self) -> list[ModelStatus]:
        """Every style it knows, sorted by name.

        Raises:
            GeneratorUnavailable: It does not answer.
        """

    def get_model(self, name: str) -> ModelStatus:
        """One style.

        Raises:
            ModelNotFound: There is no such style.
            GeneratorUnavailable: It does not answer.
        """

    def resolve(self, name: str, version: int) -> ResolvedModel:
        """Settle on a version; 0 is the highest that is ready.

        Raises:
            InvalidModelName: The name can't be one.
            ModelNotFound: There is no such style.
            ModelVersionNotFound: The style has no such version; the message lists those it has.
            ModelNotReady: The version can't render now.
            MaskSpecMismatch: Its masks are beyond this build.
            ContractViolation: Its tensors or parameters don't follow the contract.
            GeneratorUnavailable: It does not answer.
        """

    def infer_async(self, model: ResolvedModel, masks: MaskBatch, *, timeout_s: float) -> Future[FrameBatch]:
        """Start rendering masks; cancelling the future cancels the request.

        Args:
            model: The pinned version.
            masks: uint8 ``[N, H, W]`` with 1 <= N <= ``model.max_batch_size``.
            timeout_s: After this time the future fails with GeneratorUnavailable.

        Returns:
            The frames, uint8 ``[N, H, W, 3]`` in the same order, or a Vid2VidError.
        """
