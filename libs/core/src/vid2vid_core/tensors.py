"""The contract between the exporter, Triton and the renderer: names, types, shapes and model parameters."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from vid2vid_core.errors import ContractViolation
from vid2vid_core.landmarks import FaceGeometry
from vid2vid_core.mask import MaskSpec

BACKEND = "onnxruntime"
"""Triton backend that serves every version, on CPU and GPU hosts alike."""

MODEL_FILENAME = "model.onnx"
"""Triton's name for the graph inside a version folder."""

MAX_BATCH_SIZE = 16
"""Frames per inference request at the most."""

OPSET = 18
"""ONNX operator set of exported graphs. The oldest that all serving runtimes we name understand and that has every
operator we use."""

_PREFIX = "vid2vid."


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """A tensor of the exported graph."""

    name: str
    """Name in the graph and in Triton's configuration."""
    datatype: str
    """Triton's data type, without its TYPE_ prefix."""
    channels: int | None
    """Size of the last axis, or None where height and width are all there is."""

    def shape(self, size: int) -> tuple[int, ...]:
        """Shape without the batch axis, for a generator of ``size`` pixels."""
        return (size, size) if self.channels is None else (size, size, self.channels)


MASK_TENSOR = TensorSpec(name="mask", datatype="UINT8", channels=None)
"""Input ``[N, H, W]``: masks as :func:`vid2vid_core.mask.draw_mask` draws them."""

FRAME_TENSOR = TensorSpec(name="frame", datatype="UINT8", channels=3)
"""Output ``[N, H, W, 3]``: rendered frames, RGB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionCard:
    """What the renderer needs to know about one model version."""

    reference_geometry: FaceGeometry
    """The style's average face: content landmarks are mapped onto it."""
    training_run: str
    """Name of the run folder that made this version."""
    onnx_sha256: str
    """SHA-256 of the version's model.onnx: 64 hexadecimal digits."""

    def to_json(self) -> str:
        """Canonical JSON."""
        fields = {
            "onnx_sha256": self.onnx_sha256,
            "reference_geometry": json.loads(self.reference_geometry.to_json()),
            "training_run": self.training_run,
        }
        return json.dumps(fields, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what :meth:`to_json` wrote."""
        fields = json.loads(text)
        return cls(
            reference_geometry=FaceGeometry.from_json(json.dumps(fields["reference_geometry"])),
            training_run=str(fields["training_run"]),
            onnx_sha256=str(fields["onnx_sha256"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What ``parameters`` of a style's config.pbtxt carry; Triton hands it back over gRPC.

    The mask spec belongs to the style, because the tensor shapes of config.pbtxt do; the rest to each version.
    """

    mask_spec: MaskSpec
    """How masks for this style are drawn."""
    versions: Mapping[int, VersionCard] = field(default_factory=dict)
    """Every published version."""

    def to_parameters(self) -> dict[str, str]:
        """Keys and string values for ``parameters``, sorted by version."""
        parameters = {
            f"{_PREFIX}mask_spec": self.mask_spec.to_json(),
            f"{_PREFIX}mask_spec_hash": self.mask_spec.hash,
        }
        for version in sorted(self.versions):
            parameters[f"{_PREFIX}version.{version}"] = self.versions[version].to_json()
        return parameters

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str]) -> Self:
        """Read what :meth:`to_parameters` wrote; other keys are left alone.

        Raises:
            ContractViolation: A key is missing or does not hold what it should.
            MaskSpecMismatch: The mask spec is newer than this build.
        """
        try:
            mask_spec = MaskSpec.from_json(parameters[f"{_PREFIX}mask_spec"])
            versions = {
                int(match[1]): VersionCard.from_json(text)
                for key, text in parameters.items()
                if (match := re.fullmatch(rf"{re.escape(_PREFIX)}version\.(\d+)", key))
            }
        except KeyError as error:
            raise ContractViolation(f"model parameters lack {error.args[0]!r}: not a vid2vid model") from error
        except (ValueError, TypeError) as error:
            raise ContractViolation(f"model parameters can't be read: {error}") from error
        if parameters.get(f"{_PREFIX}mask_spec_hash") != mask_spec.hash:
            raise ContractViolation("model parameters name another mask spec than their hash")
        return cls(mask_spec=mask_spec, versions=versions)
