"""Published models for tests: small networks with the parameters that a trainer writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx

from tests.support.models import write_version
from vid2vid_core.landmarks import FaceGeometry
from vid2vid_core.mask import MaskSpec
from vid2vid_core.tensors import ModelCard, VersionCard

CONFIG = """\
backend: "onnxruntime"
max_batch_size: {max_batch_size}
input [ {{ name: "{input}" data_type: TYPE_UINT8 dims: [ {size}, {size} ] }} ]
output [ {{ name: "frame" data_type: TYPE_UINT8 dims: [ {size}, {size}, 3 ] }} ]
dynamic_batching {{ }}
instance_group [ {{ count: 1 kind: KIND_AUTO }} ]
version_policy {{ specific {{ versions: [ {versions} ] }} }}
"""


def model_card(versions: list[int], *, size: int = 64) -> ModelCard:
    """A card with a made-up face."""
    steps = np.linspace(0.2, 0.8, 68, dtype=np.float32)
    geometry = FaceGeometry(np.stack([steps, steps[::-1]], axis=1))
    cards = {
        version: VersionCard(
            reference_geometry=geometry, training_run=f"{version:05d}-test", onnx_sha256=f"{version:064d}"
        )
        for version in versions
    }
    return ModelCard(mask_spec=MaskSpec(size=size), versions=cards)


def write_published_config(
    repository: Path,
    name: str,
    versions: list[int],
    *,
    parameters: dict[str, str] | None = None,
    size: int = 64,
    max_batch_size: int = 16,
) -> None:
    """Write config.pbtxt with a model card, or with the parameters given, atomically."""
    if parameters is None:
        parameters = model_card(versions, size=size).to_parameters()
    text = CONFIG.format(max_batch_size=max_batch_size, input="mask", size=size, versions=", ".join(map(str, versions)))
    for key, value in parameters.items():
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        text += f'parameters {{ key: "{key}" value {{ string_value: "{escaped}" }} }}\n'
    staging = repository / name / "config.pbtxt.tmp"
    staging.parent.mkdir(parents=True, exist_ok=True)
    staging.write_text(text, encoding="utf-8")
    staging.rename(repository / name / "config.pbtxt")


def publish(triton: Any, name: str, networks: dict[int, onnx.ModelProto], **config: Any) -> None:
    """Write versions and their config, and have Triton load them."""
    for version, network in networks.items():
        if not (triton.repository / name / str(version)).exists():
            write_version(triton.repository, name, version, network)
    write_published_config(triton.repository, name, sorted(networks), **config)
    triton.client.load_model(name)
