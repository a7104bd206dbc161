"""Which model versions there are, in what state, and which one a render takes. Plain values: Triton stays outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vid2vid_core.errors import ContractViolation, ModelNotFound, ModelNotReady, ModelVersionNotFound
from vid2vid_core.tensors import FRAME_TENSOR, MASK_TENSOR, TensorSpec
from vid2vid_renderer.generator import ModelState, VersionStatus

_STATES = {
    "LOADING": ModelState.LOADING,
    "READY": ModelState.READY,
    "UNLOADING": ModelState.UNLOADING,
    "UNAVAILABLE": ModelState.UNAVAILABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexEntry:
    """One line of Triton's repository index; a model that was never loaded has one without version and state."""

    name: str
    version: str = ""
    state: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorMetadata:
    """A tensor as Triton describes it."""

    name: str
    datatype: str
    shape: tuple[int, ...]


def version_statuses(entries: Iterable[IndexEntry], name: str) -> tuple[VersionStatus, ...]:
    """The versions of one style, sorted from low to high."""
    statuses = (
        VersionStatus(
            version=int(entry.version), state=_STATES.get(entry.state, ModelState.UNKNOWN), reason=entry.reason
        )
        for entry in entries
        if entry.name == name and entry.version.isdecimal()
    )
    return tuple(sorted(statuses, key=lambda status: status.version))


def model_names(entries: Iterable[IndexEntry]) -> list[str]:
    """Every style, sorted, whatever its state."""
    return sorted({entry.name for entry in entries})


def highest_ready(versions: Sequence[VersionStatus]) -> int | None:
    """The version that a render takes by default."""
    return max((status.version for status in versions if status.state is ModelState.READY), default=None)


def check_name_known(entries: Sequence[IndexEntry], name: str) -> None:
    """Refuse a style that isn't there.

    Raises:
        ModelNotFound: The message lists the styles there are.
    """
    known = model_names(entries)
    if name not in known:
        there_are = ", ".join(known) if known else "none"
        raise ModelNotFound(f"no model is named {name!r}; models there are: {there_are}", model=name)


def choose_version(entries: Sequence[IndexEntry], name: str, wanted: int) -> int:
    """The version to render with; ``wanted`` 0 is the highest that is ready.

    Raises:
        ModelNotFound: There is no such style.
        ModelVersionNotFound: The style has no such version; the message lists those it has.
        ModelNotReady: The version exists and can't render now.
    """
    check_name_known(entries, name)
    versions = version_statuses(entries, name)
    if wanted == 0:
        ready = highest_ready(versions)
        if ready is None:
            raise ModelNotReady(f"model {name!r} has no version that is ready ({_described(versions)})", model=name)
        return ready
    for status in versions:
        if status.version == wanted:
            _check_ready(name, status)
            return wanted
    there_are = ", ".join(str(status.version) for status in versions) or "none"
    raise ModelVersionNotFound(
        f"model {name!r} has no version {wanted}; versions there are: {there_are}", model=name, version=wanted
    )


def check_tensors(model: str, size: int, inputs: Sequence[TensorMetadata], outputs: Sequence[TensorMetadata]) -> None:
    """Compare a model's tensors with the contract.

    Raises:
        ContractViolation: A tensor is missing, or of another type or shape, or there are more than one.
    """
    _check_tensor(model, "input", MASK_TENSOR, size, inputs)
    _check_tensor(model, "output", FRAME_TENSOR, size, outputs)


def _check_tensor(model: str, side: str, spec: TensorSpec, size: int, actual: Sequence[TensorMetadata]) -> None:
    expected = TensorMetadata(name=spec.name, datatype=spec.datatype, shape=(-1, *spec.shape(size)))
    if list(actual) != [expected]:
        found = ", ".join(_shown(tensor) for tensor in actual) or "none"
        raise ContractViolation(f"model {model}: expected the {side} {_shown(expected)}, found {found}", model=model)


def _shown(tensor: TensorMetadata) -> str:
    return f"{tensor.name} {tensor.datatype} {list(tensor.shape)}"


def _check_ready(name: str, status: VersionStatus) -> None:
    if status.state is not ModelState.READY:
        raise ModelNotReady(f"model {name!r} is not ready ({_described([status])})", model=name, version=status.version)


def _described(versions: Sequence[VersionStatus]) -> str:
    if not versions:
        return "it is not loaded"
    return "; ".join(
        f"version {status.version} is {status.state.value}" + (f": {status.reason}" if status.reason else "")
        for status in versions
    )
