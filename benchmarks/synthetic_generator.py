"""An untrained network with the tensors of the contract and a cost that can be chosen."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_BLOCK = 8
"""Pixels folded into channels at the entrance and unfolded at the exit."""
_CHANNELS = 256


def synthetic_generator(size: int, *, gflop: float) -> onnx.ModelProto:
    """A stack of 3x3 convolutions at an eighth of the resolution.

    Args:
        size: Width and height of mask and frame, a multiple of 8.
        gflop: Multiplications and additions per frame, in billions; rounded to whole convolutions.
    """
    per_layer = 2 * 9 * _CHANNELS**2 * (size // _BLOCK) ** 2 / 1e9
    layers = max(1, round(gflop / per_layer))
    random = np.random.default_rng(0)
    nodes = [
        helper.make_node("Cast", ["mask"], ["value"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["value", "channel_axis"], ["picture"]),
        helper.make_node("SpaceToDepth", ["picture"], ["folded"], blocksize=_BLOCK),
        helper.make_node("Conv", ["folded", "first"], ["x0"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    ]
    weights = {"first": _weights(random, _CHANNELS, _BLOCK**2), "last": _weights(random, 3 * _BLOCK**2, _CHANNELS)}
    for layer in range(layers):
        weights[f"w{layer}"] = _weights(random, _CHANNELS, _CHANNELS)
        inputs, convolved = [f"x{layer}", f"w{layer}"], f"y{layer}"
        nodes.append(helper.make_node("Conv", inputs, [convolved], kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [convolved], [f"x{layer + 1}"]))
    nodes += [
        helper.make_node("Conv", [f"x{layers}", "last"], ["unfolded"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("DepthToSpace", ["unfolded"], ["planes"], blocksize=_BLOCK),
        helper.make_node("Clip", ["planes", "black", "white"], ["clipped"]),
        helper.make_node("Transpose", ["clipped"], ["pixels"], perm=[0, 2, 3, 1]),
        helper.make_node("Cast", ["pixels"], ["frame"], to=TensorProto.UINT8),
    ]
    constants = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    constants += [
        helper.make_tensor("channel_axis", TensorProto.INT64, [1], [1]),
        helper.make_tensor("black", TensorProto.FLOAT, [], [0.0]),
        helper.make_tensor("white", TensorProto.FLOAT, [], [255.0]),
    ]
    graph = helper.make_graph(
        nodes,
        "synthetic",
        [helper.make_tensor_value_info("mask", TensorProto.UINT8, ["N", size, size])],
        [helper.make_tensor_value_info("frame", TensorProto.UINT8, ["N", size, size, 3])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def _weights(random: np.random.Generator, outputs: int, inputs: int) -> NDArray[np.float32]:
    scale = np.sqrt(2 / (9 * inputs))
    return np.asarray(random.standard_normal((outputs, inputs, 3, 3)) * scale, dtype=np.float32)
