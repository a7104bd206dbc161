from __future__ import annotations

import pytest

from vid2vid_core.errors import ContractViolation, ModelNotFound, ModelNotReady, ModelVersionNotFound
from vid2vid_renderer.generator import ModelState
from vid2vid_renderer.model_index import (
    IndexEntry,
    TensorMetadata,
    check_tensors,
    choose_version,
    model_names,
    version_statuses,
)

ENTRIES = [
    IndexEntry(name="anna", version="10", state="LOADING"),
    IndexEntry(name="anna", version="9", state="READY"),
    IndexEntry(name="anna", version="2", state="READY"),
    IndexEntry(name="anna", version="1", state="UNAVAILABLE", reason="unloaded"),
    IndexEntry(name="idle"),
    IndexEntry(name="broken", version="1", state="UNAVAILABLE", reason="no model.onnx"),
]

MASK = TensorMetadata(name="mask", datatype="UINT8", shape=(-1, 64, 64))
FRAME = TensorMetadata(name="frame", datatype="UINT8", shape=(-1, 64, 64, 3))


def test_versions_are_sorted_by_number() -> None:
    assert [status.version for status in version_statuses(ENTRIES, "anna")] == [1, 2, 9, 10]
    assert version_statuses(ENTRIES, "idle") == ()


def test_names_are_sorted_and_unique() -> None:
    assert model_names(ENTRIES) == ["anna", "broken", "idle"]


def test_state_that_is_new_to_this_build_is_unknown() -> None:
    entry = IndexEntry(name="anna", version="1", state="DREAMING")
    assert version_statuses([entry], "anna")[0].state is ModelState.UNKNOWN


def test_default_is_the_highest_ready_version() -> None:
    assert choose_version(ENTRIES, "anna", 0) == 9


def test_wanted_version_is_taken_even_if_it_is_not_the_highest() -> None:
    assert choose_version(ENTRIES, "anna", 2) == 2


def test_unknown_model_is_refused_with_those_there_are() -> None:
    with pytest.raises(ModelNotFound, match="'bob'; models there are: anna, broken, idle"):
        choose_version(ENTRIES, "bob", 0)
    with pytest.raises(ModelNotFound, match="models there are: none"):
        choose_version([], "bob", 0)


def test_unknown_version_is_refused_with_those_there_are() -> None:
    with pytest.raises(ModelVersionNotFound, match="no version 3; versions there are: 1, 2, 9, 10"):
        choose_version(ENTRIES, "anna", 3)


@pytest.mark.parametrize(
    ("name", "version", "words"),
    [
        ("anna", 10, "version 10 is loading"),
        ("anna", 1, "version 1 is unavailable: unloaded"),
        ("broken", 0, "version 1 is unavailable: no model.onnx"),
        ("idle", 0, "it is not loaded"),
    ],
)
def test_version_that_is_not_ready_is_refused_with_its_state(name: str, version: int, words: str) -> None:
    with pytest.raises(ModelNotReady, match=words):
        choose_version(ENTRIES, name, version)


def test_tensors_of_the_contract_pass() -> None:
    check_tensors("anna version 1", 64, [MASK], [FRAME])


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        pytest.param([], [FRAME], id="no input"),
        pytest.param([MASK, MASK], [FRAME], id="two inputs"),
        pytest.param([TensorMetadata(name="image", datatype="UINT8", shape=(-1, 64, 64))], [FRAME], id="other name"),
        pytest.param([TensorMetadata(name="mask", datatype="FP32", shape=(-1, 64, 64))], [FRAME], id="other type"),
        pytest.param([TensorMetadata(name="mask", datatype="UINT8", shape=(-1, 32, 32))], [FRAME], id="other size"),
        pytest.param(
            [MASK], [TensorMetadata(name="frame", datatype="UINT8", shape=(-1, 3, 64, 64))], id="channels first"
        ),
        pytest.param([MASK], [TensorMetadata(name="frame", datatype="UINT8", shape=(1, 64, 64, 3))], id="no batch"),
    ],
)
def test_other_tensors_are_refused(inputs: list[TensorMetadata], outputs: list[TensorMetadata]) -> None:
    with pytest.raises(ContractViolation, match=r"anna version 1: expected the .* found"):
        check_tensors("anna version 1", 64, inputs, outputs)
