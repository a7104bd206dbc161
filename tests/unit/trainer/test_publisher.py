from __future__ import annotations

import fcntl
import shutil
import threading
from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from tests.support.styles import SPEC, graph_file, version_card
from vid2vid_core.errors import ContractViolation, InvalidModelName, OutputNotWritable, QueueFull
from vid2vid_core.mask import MaskSpec
from vid2vid_core.tensors import ModelCard
from vid2vid_trainer.publisher import LOCK_FILENAME, ModelRepository
from vid2vid_trainer.triton_config import TritonConfig


@pytest.fixture
def repository(tmp_path: Path) -> ModelRepository:
    return ModelRepository(tmp_path / "repository", lock_timeout_s=0.2)


def publish(repository: ModelRepository, folder: Path, *, content: bytes = b"a graph", spec: MaskSpec = SPEC) -> int:
    return repository.publish("anna", graph_file(folder, content), spec, version_card())


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_first_version_is_one_with_graph_and_config(repository: ModelRepository, tmp_path: Path) -> None:
    assert publish(repository, tmp_path) == 1
    root = tmp_path / "repository"
    assert files(root) == {LOCK_FILENAME, "anna/config.pbtxt", "anna/1/model.onnx"}
    assert (root / "anna/1/model.onnx").read_bytes() == b"a graph"


def test_next_version_stands_beside_the_first_which_stays_as_it_was(
    repository: ModelRepository, tmp_path: Path
) -> None:
    publish(repository, tmp_path, content=b"first")
    first = tmp_path / "repository/anna/1/model.onnx"
    before = first.stat()
    assert publish(repository, tmp_path, content=b"second") == 2
    assert first.read_bytes() == b"first"
    assert (first.stat().st_mtime_ns, first.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    card = repository.card("anna")
    assert card is not None
    assert sorted(card.versions) == [1, 2]


def test_number_of_a_removed_version_is_not_used_again(repository: ModelRepository, tmp_path: Path) -> None:
    publish(repository, tmp_path)
    publish(repository, tmp_path)
    shutil.rmtree(tmp_path / "repository/anna/2")
    assert publish(repository, tmp_path) == 3


def test_retired_version_stays_retired_and_changes_of_the_config_stay(
    repository: ModelRepository, tmp_path: Path
) -> None:
    for _ in range(2):
        publish(repository, tmp_path)
    path = tmp_path / "repository/anna/config.pbtxt"
    message = text_format.Parse(path.read_text(), pb.ModelConfig())
    message.version_policy.specific.versions[:] = [2]
    message.parameters["gpu_mem_limit"].string_value = "4000000000"
    path.write_text(text_format.MessageToString(message))
    assert publish(repository, tmp_path) == 3
    again = text_format.Parse(path.read_text(), pb.ModelConfig())
    assert list(again.version_policy.specific.versions) == [2, 3]
    assert again.parameters["gpu_mem_limit"].string_value == "4000000000"
    assert set(ModelCard.from_parameters({k: v.string_value for k, v in again.parameters.items()}).versions) == {
        1,
        2,
        3,
    }


def test_policy_that_somebody_chose_stays(repository: ModelRepository, tmp_path: Path) -> None:
    publish(repository, tmp_path)
    path = tmp_path / "repository/anna/config.pbtxt"
    message = text_format.Parse(path.read_text(), pb.ModelConfig())
    message.version_policy.latest.num_versions = 1
    path.write_text(text_format.MessageToString(message))
    publish(repository, tmp_path)
    assert text_format.Parse(path.read_text(), pb.ModelConfig()).version_policy == message.version_policy


def test_version_with_another_mask_spec_fails(repository: ModelRepository, tmp_path: Path) -> None:
    publish(repository, tmp_path)
    with pytest.raises(ContractViolation, match="anna is published with mask spec"):
        publish(repository, tmp_path, spec=MaskSpec(size=128))
    assert repository.versions("anna") == [1]


@pytest.mark.parametrize("name", ["../evil", "", "Anna", "a" * 65, "a\0b", "/etc"])
def test_bad_model_name_fails(repository: ModelRepository, tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidModelName):
        repository.publish(name, graph_file(tmp_path), SPEC, version_card())


def test_interrupted_copy_leaves_no_version(
    repository: ModelRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(repository, tmp_path)
    before = files(tmp_path / "repository")

    def copy_half(_source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copyfile", copy_half)
    with pytest.raises(KeyboardInterrupt):
        publish(repository, tmp_path)
    assert files(tmp_path / "repository") == before
    assert repository.versions("anna") == [1]


def test_interrupted_config_takes_the_version_back(
    repository: ModelRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_config: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(TritonConfig, "to_text", interrupt)
    with pytest.raises(KeyboardInterrupt):
        publish(repository, tmp_path)
    assert files(tmp_path / "repository") == {LOCK_FILENAME}
    assert not (tmp_path / "repository/anna").exists()


@pytest.mark.parametrize("earlier", [0, 1], ids=["first version", "second version"])
def test_stop_after_the_config_took_its_place_keeps_the_version_that_it_names(
    repository: ModelRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, earlier: int
) -> None:
    for _ in range(earlier):
        publish(repository, tmp_path)
    replace = Path.replace

    def replace_and_stop(path: Path, target: Path) -> Path:
        replace(path, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", replace_and_stop)
    with pytest.raises(KeyboardInterrupt):
        publish(repository, tmp_path)
    card = repository.card("anna")
    assert card is not None
    assert sorted(card.versions) == repository.versions("anna") == list(range(1, earlier + 2))
    assert (tmp_path / f"repository/anna/{earlier + 1}/model.onnx").read_bytes() == b"a graph"


def test_leftovers_of_a_killed_publisher_are_removed(repository: ModelRepository, tmp_path: Path) -> None:
    publish(repository, tmp_path)
    left = tmp_path / "repository/anna/.publishing-2"
    left.mkdir()
    (left / "model.onnx").write_bytes(b"half")
    assert publish(repository, tmp_path) == 2
    assert not left.exists()


def test_second_publisher_waits_for_its_turn_and_then_gives_up(repository: ModelRepository, tmp_path: Path) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    with (root / LOCK_FILENAME).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(QueueFull, match="another publisher"):
            publish(repository, tmp_path)
    assert publish(repository, tmp_path) == 1


def test_publishers_at_the_same_time_get_different_numbers(tmp_path: Path) -> None:
    graph, numbers = graph_file(tmp_path), []

    def work() -> None:
        repository = ModelRepository(tmp_path / "repository", lock_timeout_s=30)
        numbers.append(repository.publish("anna", graph, SPEC, version_card()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == [1, 2, 3, 4]


def test_repository_that_is_a_file_fails(tmp_path: Path) -> None:
    path = tmp_path / "repository"
    path.write_text("not a folder")
    with pytest.raises(OutputNotWritable, match="model repository"):
        publish(ModelRepository(path), tmp_path)


def test_foreign_config_is_not_overwritten(repository: ModelRepository, tmp_path: Path) -> None:
    config = tmp_path / "repository/anna/config.pbtxt"
    config.parent.mkdir(parents=True)
    config.write_text('name: "anna"\n')
    with pytest.raises(ContractViolation, match="not a vid2vid model"):
        publish(repository, tmp_path)
    assert config.read_text() == 'name: "anna"\n'
