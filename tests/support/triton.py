"""A real tritonserver for tests, with a model repository of its own."""

from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
from numpy.typing import NDArray

from vid2vid_core.errors import ConfigurationError
from vid2vid_demo.service_process import ServiceProcess
from vid2vid_demo.stack import StackPorts, resolve_ports, triton_python, triton_spec


@dataclass(frozen=True, kw_only=True)
class TritonServer:
    """A running server."""

    repository: Path
    """Model repository that it serves."""
    target: str
    """``host:port`` of its gRPC endpoint."""
    metrics_target: str
    """``host:port`` of its metrics endpoint."""
    process: ServiceProcess
    """The guarded process."""
    client: Any
    """Client of the gRPC endpoint."""

    def infer(self, model: str, masks: NDArray[np.uint8], *, version: int | None = None) -> NDArray[np.uint8]:
        """Render masks [N, H, W] with a model; frames [N, H, W, 3]."""
        answer = self.client.infer(model, [mask_input(masks)], model_version=str(version or ""), client_timeout=30)
        frames: NDArray[np.uint8] = answer.as_numpy("frame")
        return frames

    def device_lines(self, model: str) -> list[str]:
        """Lines of the device metric that belong to a model."""
        with urllib.request.urlopen(f"http://{self.metrics_target}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return [line for line in lines if line.startswith("vid2vid_onnxruntime_device{") and f'"{model}"' in line]


def mask_input(masks: NDArray[np.uint8]) -> Any:
    """Wrap masks as the input tensor of a request."""
    tensor = triton_grpc.InferInput("mask", masks.shape, "UINT8")
    tensor.set_data_from_numpy(masks)
    return tensor


def wait_until(condition: Callable[[], bool], *, timeout_s: float = 20.0) -> None:
    """Poll until the condition holds; an unload call, for one, returns before the version is gone."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not reached in {timeout_s:g} s"
        time.sleep(0.05)


def require_triton() -> None:
    """Skip where the server is not installed, fail there if FAIL_WITHOUT_TRITON is set, as `make test` does."""
    try:
        triton_python()
    except ConfigurationError as error:
        if os.environ.get("FAIL_WITHOUT_TRITON"):
            pytest.fail(error.message)
        pytest.skip(error.message)


@contextmanager
def running_triton(folder: Path, *, control_key: str = "") -> Iterator[TritonServer]:
    """Start a server on free ports with an empty repository below `folder`; its client sends no control key."""
    require_triton()
    repository = folder / "model_repository"
    repository.mkdir()
    ports = resolve_ports(StackPorts())
    spec = triton_spec(repository, ports, control_key)
    process = ServiceProcess(spec, folder, grace_s=10)
    try:
        process.wait_until_ready(60)
        with triton_grpc.InferenceServerClient(spec.target) as client:
            yield TritonServer(
                repository=repository,
                target=spec.target,
                metrics_target=f"127.0.0.1:{ports.triton_metrics}",
                process=process,
                client=client,
            )
    finally:
        process.stop()
