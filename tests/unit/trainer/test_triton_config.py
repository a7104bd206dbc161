from __future__ import annotations

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from tests.support.styles import SPEC, version_card
from vid2vid_core.errors import ContractViolation
from vid2vid_core.tensors import ModelCard
from vid2vid_trainer.triton_config import TritonConfig

CONFIG = TritonConfig(
    name="anna", card=ModelCard(mask_spec=SPEC, versions={2: version_card("b"), 1: version_card("a")})
)


def parsed() -> pb.ModelConfig:
    return text_format.Parse(CONFIG.to_text(), pb.ModelConfig())


def test_text_parses_back_to_the_same_message() -> None:
    assert parsed() == CONFIG.to_message()


def test_card_survives_the_text() -> None:
    again = TritonConfig.from_text(CONFIG.to_text())
    assert again.name == "anna"
    assert again.card.to_parameters() == CONFIG.card.to_parameters()


def test_every_published_version_is_served() -> None:
    assert list(parsed().version_policy.specific.versions) == [1, 2]


def test_batches_form_by_themselves_on_one_instance() -> None:
    message = parsed()
    assert message.HasField("dynamic_batching")
    assert [(group.kind, group.count) for group in message.instance_group] == [(pb.ModelInstanceGroup.KIND_AUTO, 1)]


def test_gpu_hosts_run_on_cuda_without_a_slow_search() -> None:
    message = parsed()
    accelerators = message.optimization.execution_accelerators.gpu_execution_accelerator
    assert [accelerator.name for accelerator in accelerators] == ["cuda"]
    assert message.parameters["cudnn_conv_algo_search"].string_value == "1"


@pytest.mark.parametrize(
    ("text", "message"),
    [("nonsense: 3", "can't be read"), ('name: "other"', "not a vid2vid model"), ("{", "can't be read")],
    ids=["unknown field", "somebody else's model", "damaged"],
)
def test_config_that_is_not_ours_fails(text: str, message: str) -> None:
    with pytest.raises(ContractViolation, match=message) as failure:
        TritonConfig.from_text(text)
    assert "\n" not in failure.value.message
