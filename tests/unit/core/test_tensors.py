import numpy as np
import pytest

from tests.support.faces import FRONTAL_FACE
from vid2vid_core.errors import ContractViolation
from vid2vid_core.landmarks import FaceGeometry
from vid2vid_core.mask import MaskSpec
from vid2vid_core.tensors import FRAME_TENSOR, MASK_TENSOR, ModelCard, VersionCard


def card(**versions: str) -> ModelCard:
    geometry = FaceGeometry(FRONTAL_FACE)
    return ModelCard(
        mask_spec=MaskSpec(size=128),
        versions={
            int(number): VersionCard(reference_geometry=geometry, training_run=run, onnx_sha256="0" * 64)
            for number, run in versions.items()
        },
    )


def test_tensor_shapes_leave_out_the_batch_axis() -> None:
    assert MASK_TENSOR.shape(128) == (128, 128)
    assert FRAME_TENSOR.shape(128) == (128, 128, 3)


def test_card_survives_the_parameters() -> None:
    before = card(**{"1": "00001-anna", "12": "00002-anna"})
    after = ModelCard.from_parameters({**before.to_parameters(), "intra_op_thread_count": "2"})
    assert after.mask_spec == before.mask_spec
    assert list(after.versions) == [1, 12]
    assert after.versions[12].training_run == "00002-anna"
    np.testing.assert_allclose(after.versions[1].reference_geometry.points, FRONTAL_FACE, atol=1e-5)  # five decimals


def test_parameters_of_a_foreign_model_fail() -> None:
    with pytest.raises(ContractViolation, match="not a vid2vid model"):
        ModelCard.from_parameters({"max_tokens": "7"})


def test_parameters_with_another_hash_fail() -> None:
    parameters = card().to_parameters() | {"vid2vid.mask_spec_hash": "0" * 64}
    with pytest.raises(ContractViolation, match="hash"):
        ModelCard.from_parameters(parameters)


def test_version_card_that_is_no_json_fails() -> None:
    with pytest.raises(ContractViolation):
        ModelCard.from_parameters(card().to_parameters() | {"vid2vid.version.3": "{"})
