"""config.pbtxt, the folders beside it and vid2vid_core.tensors agree."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from tests.support.styles import SPEC, graph_file, version_card
from vid2vid_core.tensors import (
    BACKEND,
    FRAME_TENSOR,
    MASK_TENSOR,
    MAX_BATCH_SIZE,
    MODEL_FILENAME,
    ModelCard,
    TensorSpec,
)
from vid2vid_trainer.publisher import ModelRepository


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    repository = ModelRepository(tmp_path / "repository")
    for run in ("00001-anna-64-debug", "00002-anna-64-debug"):
        repository.publish("anna", graph_file(tmp_path), SPEC, version_card(run))
    return tmp_path / "repository/anna"


def read_config(model_folder: Path) -> pb.ModelConfig:
    return text_format.Parse((model_folder / "config.pbtxt").read_text(), pb.ModelConfig())


def check_tensor(declared: pb.ModelInput | pb.ModelOutput, tensor: TensorSpec) -> None:
    assert declared.name == tensor.name
    assert pb.DataType.Name(declared.data_type) == f"TYPE_{tensor.datatype}"
    assert tuple(declared.dims) == tensor.shape(SPEC.size)


def test_config_declares_the_tensors_of_the_contract(model_folder: Path) -> None:
    config = read_config(model_folder)
    (mask,), (frame,) = config.input, config.output
    check_tensor(mask, MASK_TENSOR)
    check_tensor(frame, FRAME_TENSOR)
    assert (config.name, config.backend, config.max_batch_size) == ("anna", BACKEND, MAX_BATCH_SIZE)


def test_every_served_version_has_a_graph_and_a_card(model_folder: Path) -> None:
    config = read_config(model_folder)
    served = set(config.version_policy.specific.versions)
    card = ModelCard.from_parameters({key: value.string_value for key, value in config.parameters.items()})
    assert served == set(card.versions) == {1, 2}
    assert all((model_folder / str(version) / MODEL_FILENAME).is_file() for version in served)


def test_renderer_can_read_back_what_the_trainer_wrote(model_folder: Path) -> None:
    config = read_config(model_folder)
    card = ModelCard.from_parameters({key: value.string_value for key, value in config.parameters.items()})
    assert card.mask_spec == SPEC
    assert card.versions[2].training_run == "00002-anna-64-debug"


def test_model_folder_holds_nothing_that_triton_could_take_for_a_version(model_folder: Path) -> None:
    assert {entry.name for entry in model_folder.iterdir()} == {"config.pbtxt", "1", "2"}
