"""Small ONNX models and Triton repositories for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

CONFIG = """\
backend: "onnxruntime"
max_batch_size: {max_batch_size}
input [ {{ name: "mask" data_type: TYPE_UINT8 dims: [ {size}, {size} ] }} ]
output [ {{ name: "frame" data_type: TYPE_UINT8 dims: [ {size}, {size}, 3 ] }} ]
{batching}
instance_group [ {{ count: 1 kind: KIND_AUTO }} ]
version_policy {{ specific {{ versions: [ {versions} ] }} }}
parameters {{ key: "note" value {{ string_value: "{note}" }} }}
"""

DYNAMIC_BATCHING = "dynamic_batching { }"

Colour = tuple[int, int, int]


def tint_model(colour: Colour, *, size: int = 64) -> onnx.ModelProto:
    """Build a network that paints the mask: frame[n, y, x, c] = mask[n, y, x] * colour[c] / 255, rounded down.

    Input `mask` UINT8 [N, size, size], output `frame` UINT8 [N, size, size, 3]. The arithmetic goes through float,
    like a real generator's, and is exact for mask values 0 and 255.
    """
    nodes = [
        helper.make_node("Cast", ["mask"], ["value"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["value", "last_axis"], ["pixel"]),
        helper.make_node("Mul", ["pixel", "scale"], ["painted"]),
        helper.make_node("Cast", ["painted"], ["frame"], to=TensorProto.UINT8),
    ]
    constants = [
        helper.make_tensor("last_axis", TensorProto.INT64, [1], [-1]),
        helper.make_tensor("scale", TensorProto.FLOAT, [3], [channel / 255 for channel in colour]),
    ]
    return _model(nodes, constants, size)


def picky_model(*, table_size: int = 200, size: int = 64) -> onnx.ModelProto:
    """Build a network that looks each mask value up in a table, and fails for values of `table_size` and above.

    Same tensors as `tint_model`; a mask value v becomes the grey (v, v, v).
    """
    nodes = [
        helper.make_node("Cast", ["mask"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "index"], ["frame"], axis=0),
    ]
    greys = [value for value in range(table_size) for _ in range(3)]
    return _model(nodes, [helper.make_tensor("table", TensorProto.UINT8, [table_size, 3], greys)], size)


def _model(nodes: list[onnx.NodeProto], constants: list[onnx.TensorProto], size: int) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("mask", TensorProto.UINT8, ["N", size, size])],
        [helper.make_tensor_value_info("frame", TensorProto.UINT8, ["N", size, size, 3])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def write_version(repository: Path, name: str, version: int, model: onnx.ModelProto) -> None:
    """Put one version folder into the repository: written under another name, then renamed into place."""
    staging = repository / name / f".tmp-{version}"
    staging.mkdir(parents=True)
    onnx.save(model, staging / "model.onnx")
    staging.rename(repository / name / str(version))


def write_config(
    repository: Path,
    name: str,
    versions: list[int],
    *,
    size: int = 64,
    max_batch_size: int = 16,
    batching: str = DYNAMIC_BATCHING,
    note: str = "",
) -> None:
    """Write config.pbtxt for the versions given, atomically."""
    folder = repository / name
    folder.mkdir(parents=True, exist_ok=True)
    text = CONFIG.format(
        size=size,
        max_batch_size=max_batch_size,
        versions=", ".join(map(str, versions)),
        batching=batching,
        note=note,
    )
    staging = folder / "config.pbtxt.tmp"
    staging.write_text(text, encoding="utf-8")
    staging.rename(folder / "config.pbtxt")


def masks(count: int, *, size: int = 64) -> NDArray[np.uint8]:
    """Make `count` different masks with values 0 and 255, shape [count, size, size]."""
    random = np.random.default_rng(count)
    return (random.integers(0, 2, (count, size, size)) * 255).astype(np.uint8)


def tinted(mask: NDArray[np.uint8], colour: Colour) -> NDArray[np.uint8]:
    """What `tint_model(colour)` must answer for masks of 0 and 255."""
    return np.where(mask[..., None] == 255, np.array(colour, np.uint8), np.uint8(0)).astype(np.uint8)
