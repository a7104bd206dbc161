"""Telling Triton to load what was published, and waiting until it serves it."""

from __future__ import annotations

import time
from typing import Any

import tritonclient.grpc as triton
from pydantic import SecretStr

from vid2vid_core.errors import ControlRefused, GeneratorUnavailable, ModelNotReady
from vid2vid_core.triton_control import NO_KEY, control_headers, is_control_refusal

_POLL_INTERVAL_S = 0.1
_CALL_TIMEOUT_S = 10.0


class TritonLoader:
    """Triton's model control over gRPC."""

    def __init__(self, target: str, *, control_key: SecretStr = NO_KEY, ready_timeout_s: float = 120.0) -> None:
        self._target = target
        self._headers = control_headers(control_key)
        self._ready_timeout_s = ready_timeout_s
        self._client: Any = triton.InferenceServerClient(url=target)

    def check(self) -> None:
        """Refuse to begin if Triton does not answer, or would not load anything for this key.

        Raises:
            GeneratorUnavailable: It does not answer.
            ControlRefused: It wants another control key.
        """
        try:
            live = self._client.is_server_live(client_timeout=_CALL_TIMEOUT_S)
            if live:
                self._client.get_model_repository_index(headers=self._headers, client_timeout=_CALL_TIMEOUT_S)
        except triton.InferenceServerException as error:
            self._raise_refusal(error, "nothing was done")
            raise GeneratorUnavailable(
                f"Triton at {self._target} does not answer: {_one_line(error)}", target=self._target
            ) from error
        if not live:
            raise GeneratorUnavailable(f"Triton at {self._target} is not live", target=self._target)

    def load(self, model: str, version: int) -> None:
        """Load a style and wait until a version of it is ready.

        Raises:
            GeneratorUnavailable: Triton does not answer.
            ModelNotReady: Triton refused the style, or the version did not get ready in time.
            ControlRefused: Triton wants another control key.
        """
        on_disk = f"version {version} of {model} is in the model repository"
        try:
            self._client.load_model(model, headers=self._headers, client_timeout=self._ready_timeout_s)
            self._wait(model, version)
        except triton.InferenceServerException as error:
            self._raise_refusal(error, f"{on_disk}, not served")
            if error.status() == "StatusCode.UNAVAILABLE" and "failed to connect" in str(error).lower():
                raise GeneratorUnavailable(
                    f"Triton at {self._target} does not answer; {on_disk} and will be served when Triton loads it",
                    target=self._target,
                ) from error
            raise ModelNotReady(
                f"Triton at {self._target} could not load {model}: {_one_line(error)}; {on_disk}, not served",
                model=model,
                version=version,
            ) from error

    def _wait(self, model: str, version: int) -> None:
        deadline = time.monotonic() + self._ready_timeout_s
        while not self._client.is_model_ready(model, str(version), client_timeout=_CALL_TIMEOUT_S):
            if time.monotonic() >= deadline:
                raise ModelNotReady(
                    f"Triton at {self._target} did not get version {version} of {model} ready in "
                    f"{self._ready_timeout_s:g} s; it is in the model repository",
                    model=model,
                    version=version,
                )
            time.sleep(_POLL_INTERVAL_S)

    def _raise_refusal(self, error: triton.InferenceServerException, consequence: str) -> None:
        if is_control_refusal(str(error.message())):
            raise ControlRefused(
                f"Triton at {self._target} wants {'another' if self._headers else 'a'} control key: set "
                f"VID2VID_TRAINER_TRITON_CONTROL_KEY to Triton's; {consequence}",
                target=self._target,
            ) from error

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _one_line(error: triton.InferenceServerException) -> str:
    return " ".join(str(error.message() or error).split())
