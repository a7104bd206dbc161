"""Publishing a model version into Triton's model repository.

A version is written under a temporary name, fsynced and renamed, then config.pbtxt in the same way: whoever looks
sees the state before or the state after. A published version never changes. Publishers take turns by a lock.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from vid2vid_core.errors import ConfigurationError, ContractViolation, OutputNotWritable, QueueFull
from vid2vid_core.files import fsync
from vid2vid_core.identifiers import validate_model_name
from vid2vid_core.mask import MaskSpec
from vid2vid_core.tensors import MODEL_FILENAME, ModelCard, VersionCard
from vid2vid_trainer.files import atomic_path
from vid2vid_trainer.triton_config import CONFIG_FILENAME, TritonConfig

LOCK_FILENAME = ".publish.lock"
"""At the repository's root: Triton takes folders there for models and leaves files alone. (Inside a model's folder, a
changed file would make Triton reload every version.)"""

_TEMPORARY_PREFIX = ".publishing-"


class ModelRepository:
    """The folder that Triton serves."""

    def __init__(self, root: Path, *, lock_timeout_s: float = 60.0) -> None:
        self._root = root
        self._lock_timeout_s = lock_timeout_s

    def card(self, model: str) -> ModelCard | None:
        """What is published of a style, None if nothing is.

        Raises:
            ContractViolation: The folder's config.pbtxt is not one of ours.
        """
        config = self._config(model)
        return None if config is None else config.card

    def _config(self, model: str) -> TritonConfig | None:
        path = self._root / model / CONFIG_FILENAME
        return TritonConfig.from_text(path.read_text(encoding="utf-8")) if path.exists() else None

    def versions(self, model: str) -> list[int]:
        """Numbers of the version folders, published or not, ascending."""
        folder = self._root / model
        if not folder.is_dir():
            return []
        return sorted(int(entry.name) for entry in folder.iterdir() if entry.is_dir() and entry.name.isdecimal())

    def check(self, model: str, mask_spec: MaskSpec) -> None:
        """Refuse what could not be published after all the work.

        Raises:
            InvalidModelName: Triton could not hold the name.
            OutputNotWritable: The repository is not a folder that can be written.
            ContractViolation: The style's versions are drawn by another mask spec.
        """
        validate_model_name(model)
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputNotWritable(f"model repository {self._root}: {error.strerror}", path=self._root) from error
        folder = self._root / model
        if not os.access(folder if folder.exists() else self._root, os.W_OK | os.X_OK):
            raise OutputNotWritable(f"model repository {self._root}: not writable", path=self._root)
        card = self.card(model)
        if card is not None and card.mask_spec != mask_spec:
            raise ContractViolation(
                f"model {model} is published with mask spec {card.mask_spec.to_json()}, this run has "
                f"{mask_spec.to_json()}: choose another name, or the same mask",
                model=model,
            )

    def publish(self, model: str, onnx: Path, mask_spec: MaskSpec, card: VersionCard) -> int:
        """Add a version.

        Args:
            model: Name of the style.
            onnx: The exported graph, which is copied.
            mask_spec: How masks for it are drawn; the same for all versions of a style.
            card: What the renderer needs to know about the version.

        Returns:
            The version's number: one more than the highest that was ever used.

        Raises:
            ContractViolation: The style's versions are drawn by another mask spec.
            OutputNotWritable: The repository can't be written.
            QueueFull: Another publisher holds the lock for too long.
        """
        self.check(model, mask_spec)
        with self._lock():
            self.check(model, mask_spec)
            config = self._config(model) or TritonConfig(name=model, card=ModelCard(mask_spec=mask_spec))
            published = config.card.versions
            version = max([*self.versions(model), *published, 0]) + 1
            extended = replace(config.card, versions={**published, version: card})
            try:
                self._write(model, version, onnx, replace(config, card=extended))
            except OSError as error:
                raise OutputNotWritable(f"model repository {self._root}: {error.strerror}", path=self._root) from error
        return version

    def _write(self, model: str, version: int, onnx: Path, config: TritonConfig) -> None:
        folder = self._root / model
        is_new = not folder.exists()
        folder.mkdir(exist_ok=True)
        try:
            remove_leftovers(folder)
            write_version(folder, version, onnx)
            with atomic_path(folder / CONFIG_FILENAME) as temporary:
                temporary.write_text(config.to_text(), encoding="utf-8")
            fsync(self._root)
        except BaseException:  # also Ctrl-C: a version that config.pbtxt does not name must not stay
            if not self._is_published(model, version):
                shutil.rmtree(folder if is_new else folder / str(version), ignore_errors=True)
            raise

    def _is_published(self, model: str, version: int) -> bool:
        """Whether config.pbtxt names a version: from its renaming on, the folder must stay whatever else goes wrong."""
        card = self.card(model)
        return card is not None and version in card.versions

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Wait for other publishers. The kernel drops the lock of a process that dies."""
        deadline = time.monotonic() + self._lock_timeout_s
        try:
            file = (self._root / LOCK_FILENAME).open("w")
        except OSError as error:
            raise OutputNotWritable(f"model repository {self._root}: {error.strerror}", path=self._root) from error
        with file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise QueueFull(
                            f"model repository {self._root}: another publisher has held it for "
                            f"{self._lock_timeout_s:g} s",
                        ) from None
                    time.sleep(0.05)
            yield


def write_version(folder: Path, version: int, onnx: Path) -> None:
    """Copy a graph into a new version folder, which appears complete or not at all."""
    temporary = folder / f"{_TEMPORARY_PREFIX}{version}"
    temporary.mkdir()
    try:
        shutil.copyfile(onnx, temporary / MODEL_FILENAME)
        fsync(temporary / MODEL_FILENAME)
        fsync(temporary)
        temporary.rename(folder / str(version))
        fsync(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Delete what a publisher that died has left. Only under the lock."""
    for entry in folder.glob(f"{_TEMPORARY_PREFIX}*"):
        shutil.rmtree(entry, ignore_errors=True)
    for entry in folder.glob(f".{CONFIG_FILENAME}.*.tmp"):
        entry.unlink(missing_ok=True)


def require_graph(path: Path) -> Path:
    """An exported graph that exists.

    Raises:
        ConfigurationError: It does not.
    """
    if not path.is_file():
        raise ConfigurationError(f"{path}: there is no exported graph", path=path)
    return path
