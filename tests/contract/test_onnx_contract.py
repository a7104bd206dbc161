"""The exported graph follows the tensor contract of vid2vid_core.tensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.support.styles import SPEC, style_pairs
from vid2vid_core.tensors import FRAME_TENSOR, MASK_TENSOR, MAX_BATCH_SIZE, OPSET, TensorSpec
from vid2vid_trainer.export import export_onnx, infer, open_session
from vid2vid_trainer.networks import Generator
from vid2vid_trainer.recipes import debug


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    export_onnx(Generator(SPEC.size, debug().generator).eval(), path, style_pairs(2).masks)
    return path


@pytest.mark.parametrize("side", ["input", "output"])
def test_graph_has_the_one_tensor_of_the_contract(graph: Path, side: str) -> None:
    tensor: TensorSpec = MASK_TENSOR if side == "input" else FRAME_TENSOR
    (value,) = getattr(onnx.load(graph).graph, side)
    batch, *rest = value.type.tensor_type.shape.dim
    assert value.name == tensor.name
    assert onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type) == tensor.datatype
    assert batch.dim_param, "the batch axis must be free"
    assert tuple(dimension.dim_value for dimension in rest) == tensor.shape(SPEC.size)


def test_graph_uses_the_agreed_operator_set_and_no_other(graph: Path) -> None:
    assert [(opset.domain, opset.version) for opset in onnx.load(graph).opset_import] == [("", OPSET)]


def test_graph_is_one_file(graph: Path) -> None:
    assert list(graph.parent.iterdir()) == [graph]


@pytest.mark.parametrize("batch", [1, 3, MAX_BATCH_SIZE])
def test_graph_renders_any_batch_up_to_the_largest(graph: Path, batch: int) -> None:
    frames = infer(open_session(graph), np.zeros((batch, *MASK_TENSOR.shape(SPEC.size)), dtype=np.uint8))
    assert frames.shape == (batch, *FRAME_TENSOR.shape(SPEC.size))
    assert frames.dtype == np.uint8
