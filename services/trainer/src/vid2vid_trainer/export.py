"""From G_ema to the ONNX graph that Triton serves.

The graph does its own pre- and post-processing, in evaluation mode: ``mask`` uint8 ``[N, S, S]`` in, ``frame`` uint8
``[N, S, S, 3]`` RGB out, any N. An export that does not render what PyTorch renders is refused.
"""

from __future__ import annotations

import copy
import hashlib
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vid2vid_core.errors import ContractViolation
from vid2vid_core.tensors import FRAME_TENSOR, MASK_TENSOR, OPSET
from vid2vid_trainer.batches import mask_to_float
from vid2vid_trainer.files import atomic_path
from vid2vid_trainer.metrics import to_uint8
from vid2vid_trainer.networks import ConvBlock, Generator

TOLERANCE = 1
"""Largest difference of a channel value, out of 255: rounding may fall either way, anything more is another picture."""

_RANDOM_MASKS = 2
_LINE_SHARE = 0.05


class ExportGraph(nn.Module):
    """The generator with everything before and after it."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, mask: Tensor) -> Tensor:
        """uint8 ``[N, S, S]`` to uint8 ``[N, S, S, 3]``."""
        return to_uint8(self.generator(mask_to_float(mask)))


def export_onnx(G_ema: Generator, path: Path, masks: NDArray[np.uint8]) -> str:
    """Export, check and write a generator.

    Args:
        G_ema: The averaged generator.
        path: The file to write; it exists only if every check passed.
        masks: Real masks for the parity check, uint8 ``[N, S, S]``.

    Returns:
        SHA-256 of the file.

    Raises:
        ContractViolation: ONNX Runtime does not render what PyTorch renders.
    """
    reference = copy.deepcopy(G_ema).cpu().float().eval()
    with atomic_path(path) as temporary:
        write_graph(fold_norms(reference), temporary)
        check_export(reference, temporary, masks)
        return hashlib.sha256(temporary.read_bytes()).hexdigest()


def fold_norms(generator: Generator) -> Generator:
    """A copy whose batch norms are folded into their convolutions: the same pictures for less work."""
    folded = copy.deepcopy(generator).eval()
    for block in folded.modules():
        if isinstance(block, ConvBlock) and isinstance(block.norm, nn.BatchNorm2d):
            block.conv = nn.utils.fuse_conv_bn_eval(block.conv, block.norm)
            block.norm = nn.Identity()
    return folded


def write_graph(generator: Generator, path: Path) -> None:
    """Export to one self-contained file with a free batch axis."""
    example = torch.zeros((2, generator.size, generator.size), dtype=torch.uint8)
    with warnings.catch_warnings():  # the exporter warns of its own deprecations
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            ExportGraph(generator).eval(),
            (example,),
            str(path),
            input_names=[MASK_TENSOR.name],
            output_names=[FRAME_TENSOR.name],
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            external_data=False,
            verbose=False,
        )
    strip_metadata(path)
    onnx.checker.check_model(str(path), full_check=True)


def strip_metadata(path: Path) -> None:
    """Remove what the exporter notes for debugging: stack traces with paths of this machine among it."""
    model = onnx.load(path)
    graph = model.graph
    noted: tuple[Any, ...] = (
        model,
        graph,
        *graph.node,
        *graph.initializer,
        *graph.input,
        *graph.output,
        *graph.value_info,
    )
    for element in noted:
        del element.metadata_props[:]
        element.doc_string = ""
    onnx.save(model, path)


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """The graph in ONNX Runtime on the CPU."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the trainer may share its cores
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def check_export(reference: Generator, path: Path, masks: NDArray[np.uint8]) -> None:
    """Compare ONNX Runtime with PyTorch on real and random masks, in a batch and one by one.

    Raises:
        ContractViolation: A pixel differs by more than TOLERANCE.
    """
    session = open_session(path)
    batch = np.concatenate([masks, random_masks(reference.size)])
    with torch.inference_mode():
        expected = ExportGraph(reference)(torch.from_numpy(batch)).numpy()
    together = infer(session, batch)
    alone = np.concatenate([infer(session, mask[None]) for mask in batch])
    _refuse_difference(expected, together, "ONNX Runtime and PyTorch render different frames")
    _refuse_difference(together, alone, "a frame depends on the other frames of its batch")


def infer(session: onnxruntime.InferenceSession, masks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Render masks ``[N, S, S]`` to frames ``[N, S, S, 3]``.

    Raises:
        ContractViolation: The graph does not answer with uint8 frames of that shape.
    """
    (frames,) = session.run([FRAME_TENSOR.name], {MASK_TENSOR.name: masks})
    if frames.dtype != np.uint8 or frames.shape != (*masks.shape, 3):
        raise ContractViolation(
            f"export refused: expected uint8 {(*masks.shape, 3)}, got {frames.dtype} {frames.shape}"
        )
    return np.asarray(frames, dtype=np.uint8)


def random_masks(size: int) -> NDArray[np.uint8]:
    """Masks of random points, uint8 ``[2, size, size]``: nothing a face looks like, so the check sees other values."""
    random = np.random.default_rng(0)
    return np.where(random.random((_RANDOM_MASKS, size, size)) < _LINE_SHARE, 255, 0).astype(np.uint8)


def _refuse_difference(expected: NDArray[np.uint8], actual: NDArray[np.uint8], problem: str) -> None:
    difference = int(np.abs(expected.astype(np.int16) - actual.astype(np.int16)).max())
    if difference > TOLERANCE:
        raise ContractViolation(
            f"export refused: {problem} (by {difference} of 255, allowed is {TOLERANCE})", difference=difference
        )
