"""The configuration that the trainer exports, in the real tritonserver: accepted as it is, with every option kept."""

from __future__ import annotations

import urllib.request
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from tests.support.models import masks, tint_model, tinted, write_version
from tests.support.styles import version_card
from tests.support.triton import TritonServer
from vid2vid_core.mask import MaskSpec
from vid2vid_core.tensors import ModelCard
from vid2vid_renderer.generator import ModelState
from vid2vid_renderer.generator_client import TritonGenerator
from vid2vid_renderer.triton_metrics import TritonDevices
from vid2vid_trainer.triton_config import TritonConfig

pytestmark = pytest.mark.needs_triton

COLOUR = (10, 200, 30)


def load(triton: TritonServer, name: str, message: pb.ModelConfig) -> None:
    for version in message.version_policy.specific.versions:
        write_version(triton.repository, name, version, tint_model(COLOUR))
    path = triton.repository / name / "config.pbtxt"
    path.write_text(text_format.MessageToString(message), encoding="utf-8")
    triton.client.load_model(name)


def exported(name: str) -> pb.ModelConfig:
    cards: dict[int, Any] = {1: version_card("a"), 3: version_card("b")}
    return TritonConfig(name=name, card=ModelCard(mask_spec=MaskSpec(size=64), versions=cards)).to_message()


def test_server_keeps_every_exported_option(triton: TritonServer) -> None:
    message = exported("exported")
    load(triton, "exported", message)
    served = triton.client.get_model_config("exported", "3").config
    for field in ("name", "backend", "max_batch_size", "input", "output", "parameters", "version_policy"):
        assert getattr(served, field) == getattr(message, field), field
    cuda = served.optimization.execution_accelerators.gpu_execution_accelerator
    assert [accelerator.name for accelerator in cuda] == ["cuda"]
    assert served.parameters["cudnn_conv_algo_search"].string_value == "1"
    assert served.HasField("dynamic_batching")
    (group,) = served.instance_group
    assert group.count == 1
    assert group.kind in {pb.ModelInstanceGroup.KIND_CPU, pb.ModelInstanceGroup.KIND_GPU}  # what AUTO became
    for version in (1, 3):
        np.testing.assert_array_equal(triton.infer("exported", masks(2), version=version), tinted(masks(2), COLOUR))


def test_cuda_options_that_a_gpu_host_may_add_are_accepted(triton: TritonServer) -> None:
    message = exported("tuned")
    (cuda,) = message.optimization.execution_accelerators.gpu_execution_accelerator
    cuda.parameters["gpu_mem_limit"] = "4294967296"
    cuda.parameters["do_copy_in_default_stream"] = "1"
    for name, value in (("cudnn_conv_algo_search", "2"), ("arena_extend_strategy", "1")):
        message.parameters[name].string_value = value
    load(triton, "tuned", message)
    np.testing.assert_array_equal(triton.infer("tuned", masks(1)), tinted(masks(1), COLOUR))


def test_option_that_triton_does_not_know_is_refused_by_the_parser(triton: TritonServer) -> None:
    write_version(triton.repository, "misspelt", 1, tint_model(COLOUR))
    text = text_format.MessageToString(exported("misspelt")) + "optimisation { priority: 1 }\n"
    (triton.repository / "misspelt" / "config.pbtxt").write_text(text, encoding="utf-8")
    with pytest.raises(Exception, match="failed to load 'misspelt'"):
        triton.client.load_model("misspelt")


def test_device_of_every_version_is_listed_and_exported(triton: TritonServer) -> None:
    load(triton, "listed", exported("listed"))
    generator = TritonGenerator(triton.target, devices=TritonDevices(triton.metrics_target))
    model = generator.get_model("listed")
    generator.close()
    assert [(v.version, v.state) for v in model.versions] == [(1, ModelState.READY), (3, ModelState.READY)]
    with urllib.request.urlopen(f"http://{triton.metrics_target}/metrics", timeout=5) as answer:
        metrics = answer.read().decode()
    for version in model.versions:
        assert version.device in {"cpu", "cuda"}
        assert f'device="{version.device}",' in metrics or f'device="{version.device}"}}' in metrics
