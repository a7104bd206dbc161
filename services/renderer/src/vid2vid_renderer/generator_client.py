"""Triton as a :class:`~vid2vid_renderer.generator.Generator`. The only importer of tritonclient."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import numpy as np
import tritonclient.grpc as triton
from pydantic import SecretStr
from tritonclient.utils import InferenceServerException

from vid2vid_core.errors import (
    ContractViolation,
    ControlRefused,
    GeneratorUnavailable,
    InternalError,
    ModelNotReady,
    QueueFull,
    RenderCancelled,
    Vid2VidError,
)
from vid2vid_core.identifiers import validate_model_name, validate_version
from vid2vid_core.mask import MAX_SIZE
from vid2vid_core.rpc.channel import message_limits
from vid2vid_core.tensors import FRAME_TENSOR, MASK_TENSOR, MAX_BATCH_SIZE, ModelCard
from vid2vid_core.triton_control import NO_KEY, control_headers, is_control_refusal
from vid2vid_renderer import model_index
from vid2vid_renderer.generator import FrameBatch, MaskBatch, ModelStatus, ResolvedModel, VersionStatus
from vid2vid_renderer.model_index import IndexEntry, TensorMetadata
from vid2vid_renderer.retries import ask_again

MAX_TENSOR_BYTES = MAX_BATCH_SIZE * MAX_SIZE * MAX_SIZE * 3
"""The largest answer that the contract allows: a full batch of the largest frames."""

Devices = Callable[[], dict[tuple[str, int], str]]
"""Asks for the device of each (model, version); an empty dictionary where nobody knows."""


def _no_devices() -> dict[tuple[str, int], str]:
    return {}


class TritonGenerator:
    """A connection to Triton; safe for several threads."""

    def __init__(
        self,
        target: str,
        *,
        peer_timeout_s: float = 5.0,
        devices: Devices = _no_devices,
        control_key: SecretStr = NO_KEY,
    ) -> None:
        """Prepare the connection; it is made by the first call.

        Args:
            target: ``host:port`` of Triton's gRPC endpoint.
            peer_timeout_s: Deadline of every call but inference.
            devices: Asked for devices when models are listed.
            control_key: What Triton asks for before it lists models.
        """
        self._target = target
        self._timeout_s = peer_timeout_s
        self._devices = devices
        self._control_headers = control_headers(control_key)
        # tritonclient keeps the call that it starts in an attribute of the client before it adds the callback: two
        # threads at once would get each other's frames.
        self._submit_lock = threading.Lock()
        self._client = triton.InferenceServerClient(target, channel_args=_channel_args())

    def close(self) -> None:
        """Close the connection; requests under way fail."""
        self._client.close()

    def check(self) -> None:
        """Ask whether Triton is there; see :class:`Generator`."""
        with self._errors():
            # Liveness: readiness would turn false for all styles when a single one can't be loaded.
            live = self._client.is_server_live(client_timeout=self._timeout_s)
        if not live:
            raise GeneratorUnavailable(f"Triton at {self._target} is shutting down", target=self._target)
        self._index()  # refused where the control key is wrong, and then every render would be

    def list_models(self) -> list[ModelStatus]:
        """Every style that Triton knows, sorted by name; see :class:`Generator`."""
        entries = self._index()
        devices = self._devices()
        return [self._status(entries, name, devices) for name in model_index.model_names(entries)]

    def get_model(self, name: str) -> ModelStatus:
        """One style; see :class:`Generator`."""
        validate_model_name(name)
        entries = self._index()
        model_index.check_name_known(entries, name)
        return self._status(entries, name, self._devices())

    def resolve(self, name: str, version: int) -> ResolvedModel:
        """Settle on a version; see :class:`Generator`."""
        validate_model_name(name)
        if version != 0:
            validate_version(version)
        chosen = model_index.choose_version(self._index(), name, version)
        card, max_batch_size = self._card(name, chosen)
        if chosen not in card.versions:
            raise ContractViolation(f"model {name}: its parameters don't describe version {chosen}", model=name)
        self._check_tensors(name, chosen, card.mask_spec.size)
        return ResolvedModel(
            name=name,
            version=chosen,
            mask_spec=card.mask_spec,
            reference_geometry=card.versions[chosen].reference_geometry,
            max_batch_size=max(1, max_batch_size),
        )

    def infer_async(self, model: ResolvedModel, masks: MaskBatch, *, timeout_s: float) -> Future[FrameBatch]:
        """Start rendering masks; see :class:`Generator`."""
        tensor = triton.InferInput(MASK_TENSOR.name, list(masks.shape), MASK_TENSOR.datatype)
        tensor.set_data_from_numpy(masks)
        expected_shape = (len(masks), *FRAME_TENSOR.shape(model.mask_spec.size))
        future: Future[FrameBatch] = Future()

        def settle(result: Any, error: InferenceServerException | None) -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(_frames(result, error, expected_shape))
            except InferenceServerException as failure:
                future.set_exception(self._explained(failure))
            except Vid2VidError as failure:
                future.set_exception(failure)
            except Exception as failure:  # noqa: BLE001 - tritonclient drops what a callback raises: nobody would wake
                future.set_exception(InternalError(f"Triton's answer can't be read: {failure}"))

        with self._errors(), self._submit_lock:
            call = self._client.async_infer(
                model.name,
                [tensor],
                settle,
                model_version=str(model.version),
                outputs=[triton.InferRequestedOutput(FRAME_TENSOR.name)],
                client_timeout=timeout_s,
            )
        future.add_done_callback(lambda done: call.cancel() if done.cancelled() else None)
        return future

    def _index(self) -> list[IndexEntry]:
        # The index belongs to what Triton restricts together with load and unload.
        headers = self._control_headers
        response = self._ask(lambda **options: self._client.get_model_repository_index(headers=headers, **options))
        return [
            IndexEntry(name=model.name, version=model.version, state=model.state, reason=model.reason)
            for model in response.models
        ]

    def _status(self, entries: list[IndexEntry], name: str, devices: dict[tuple[str, int], str]) -> ModelStatus:
        versions = tuple(
            VersionStatus(
                version=status.version,
                state=status.state,
                reason=status.reason,
                device=devices.get((name, status.version), ""),
            )
            for status in model_index.version_statuses(entries, name)
        )
        ready = model_index.highest_ready(versions)
        if ready is None:
            return ModelStatus(name=name, versions=versions)
        try:
            card, max_batch_size = self._card(name, ready)
        except GeneratorUnavailable:
            raise
        except Vid2VidError:  # not a model of ours, or unloaded a moment ago: listed all the same
            return ModelStatus(name=name, versions=versions)
        return ModelStatus(name=name, versions=versions, card=card, max_batch_size=max_batch_size)

    def _card(self, name: str, version: int) -> tuple[ModelCard, int]:
        response = self._ask(lambda **options: self._client.get_model_config(name, str(version), **options))
        parameters = {key: value.string_value for key, value in response.config.parameters.items()}
        return ModelCard.from_parameters(parameters), response.config.max_batch_size

    def _check_tensors(self, name: str, version: int, size: int) -> None:
        response = self._ask(lambda **options: self._client.get_model_metadata(name, str(version), **options))
        model_index.check_tensors(
            f"{name} version {version}", size, _tensors(response.inputs), _tensors(response.outputs)
        )

    def _ask(self, question: Callable[..., Any]) -> Any:
        def once() -> Any:
            with self._errors():
                return question(client_timeout=self._timeout_s)

        return ask_again(once)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except InferenceServerException as error:
            raise self._explained(error) from error

    def _explained(self, error: InferenceServerException) -> Vid2VidError:
        status = str(error.status() or "").removeprefix("StatusCode.")
        message = " ".join((error.message() or status).split())
        if is_control_refusal(message):
            return ControlRefused(
                f"Triton at {self._target} wants {'another' if self._control_headers else 'a'} control key: set "
                "VID2VID_RENDERER_TRITON_CONTROL_KEY to Triton's",
                target=self._target,
            )
        if "ready state" in message or "unknown model" in message:
            return ModelNotReady(f"Triton can't use the model any more: {message}")
        if "maximum queue size" in message:
            return QueueFull(f"Triton has too many requests waiting: {message}")
        if status == "CANCELLED":
            return RenderCancelled("the inference request was cancelled")
        if status in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}:
            return GeneratorUnavailable(f"Triton at {self._target} does not answer: {message}", target=self._target)
        return InternalError(f"Triton failed: {message}", status=status)


def _channel_args() -> list[tuple[str, int]]:
    # Channel arguments given by hand replace tritonclient's own, its message limits included.
    return [
        *message_limits(MAX_TENSOR_BYTES + 2**20),
        ("grpc.keepalive_time_ms", 20_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
    ]


def _tensors(metadata: Any) -> list[TensorMetadata]:
    return [
        TensorMetadata(name=tensor.name, datatype=tensor.datatype, shape=tuple(int(size) for size in tensor.shape))
        for tensor in metadata
    ]


def _frames(result: Any, error: InferenceServerException | None, expected_shape: tuple[int, ...]) -> FrameBatch:
    if error is not None:
        raise error
    frames: FrameBatch | None = result.as_numpy(FRAME_TENSOR.name)
    if frames is None or frames.dtype != np.uint8 or frames.shape != expected_shape:
        found = "nothing" if frames is None else f"{frames.dtype} {frames.shape}"
        raise ContractViolation(f"Triton answered with {found}, expected uint8 {expected_shape}")
    return frames
