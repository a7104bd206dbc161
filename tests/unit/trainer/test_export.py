from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from tests.support.styles import style_pairs
from vid2vid_core.errors import ContractViolation
from vid2vid_trainer import export
from vid2vid_trainer.export import ExportGraph, check_export, export_onnx, fold_norms, infer, open_session
from vid2vid_trainer.networks import Generator

MASKS = style_pairs(3).masks


class BatchDependent(nn.Module):
    """Breaks what an export must keep: a frame that shows something of its neighbours."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, mask: Tensor) -> Tensor:
        frame: Tensor = ExportGraph(self.generator)(mask)
        return (frame.float() * 0.5 + mask.float().mean() * 4).to(torch.uint8)


def write_broken(change: Callable[[onnx.ModelProto], None]) -> Callable[[Generator, Path], None]:
    write_graph = export.write_graph

    def write(generator: Generator, path: Path) -> None:
        write_graph(generator, path)
        model = onnx.load(path)
        change(model)
        onnx.save(model, path)

    return write


def scale_a_weight(model: onnx.ModelProto) -> None:
    weight = next(tensor for tensor in model.graph.initializer if len(tensor.dims) == 4)
    weight.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weight) * 1.5, weight.name))


def test_export_renders_what_pytorch_renders(tmp_path: Path, generator: Generator) -> None:
    path = tmp_path / "model.onnx"
    sha256 = export_onnx(generator, path, MASKS)
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    with torch.inference_mode():
        expected = ExportGraph(generator)(torch.from_numpy(MASKS)).numpy().astype(int)
    rendered = infer(open_session(path), MASKS)
    assert np.abs(rendered - expected).max() <= 1
    assert rendered.std() > 10, "a flat picture would agree with anything"
    assert list(tmp_path.iterdir()) == [path]


def test_exported_graph_has_no_norms_and_no_paths_of_this_machine(tmp_path: Path, generator: Generator) -> None:
    path = tmp_path / "model.onnx"
    export_onnx(generator, path, MASKS)
    assert "BatchNormalization" not in {node.op_type for node in onnx.load(path).graph.node}
    assert str(Path(__file__).parents[3]).encode() not in path.read_bytes()
    assert b"networks.py" not in path.read_bytes()


def test_folded_norms_change_no_picture(generator: Generator) -> None:
    mask = (torch.rand(2, 1, 64, 64) > 0.9).float()
    with torch.no_grad():
        torch.testing.assert_close(fold_norms(generator)(mask), generator(mask), atol=1e-4, rtol=0)
    assert any(isinstance(module, nn.BatchNorm2d) for module in generator.modules()), "the original stays as it was"


def test_export_that_renders_other_frames_fails(
    tmp_path: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "write_graph", write_broken(scale_a_weight))
    with pytest.raises(ContractViolation, match=r"export refused: .* different frames \(by \d+ of 255, allowed is 1\)"):
        export_onnx(generator, tmp_path / "model.onnx", MASKS)
    assert list(tmp_path.iterdir()) == []


def test_export_in_training_mode_is_put_into_evaluation_mode(tmp_path: Path, generator: Generator) -> None:
    path = tmp_path / "model.onnx"
    export_onnx(generator.train(), path, MASKS)
    check_export(generator.eval(), path, MASKS)


def test_frame_that_depends_on_its_batch_fails(
    tmp_path: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.onnx"
    monkeypatch.setattr(export, "ExportGraph", BatchDependent)
    with pytest.raises(ContractViolation, match="depends on the other frames of its batch"):
        export_onnx(generator, path, MASKS)
    assert not path.exists()


def test_graph_with_other_output_fails(tmp_path: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    class ChannelsFirst(ExportGraph):
        def forward(self, mask: Tensor) -> Tensor:
            return super().forward(mask).permute(0, 3, 1, 2)

    monkeypatch.setattr(export, "ExportGraph", ChannelsFirst)
    with pytest.raises(ContractViolation, match="expected uint8"):
        export_onnx(generator, tmp_path / "model.onnx", MASKS)
