"""One service of the local stack as a child process: start, wait until it is ready, stop."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from vid2vid_core.errors import Vid2VidError
from vid2vid_core.rpc.channel import open_channel

_POLL_S = 0.05
_TAIL_LINES = 12


@dataclass(frozen=True, kw_only=True)
class ServiceSpec:
    """What has to be known to run a service."""

    name: str
    """What people call it; also the name of its log file."""
    command: Sequence[str]
    """Program and arguments."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables beside those of this process."""
    target: str
    """``host:port`` of its gRPC server, which must offer the health service."""
    health_name: str
    """Service whose health means ready; empty for the server as a whole."""
    unavailable: type[Vid2VidError]
    """Error that says that this service is missing."""


class ServiceProcess:
    """A running service behind a guard, which leaves no process behind whatever happens to this one."""

    def __init__(self, spec: ServiceSpec, log_dir: Path, *, grace_s: float) -> None:
        """Start the service.

        Args:
            spec: What to run.
            log_dir: Folder that gets ``<name>.log`` with everything that the service prints.
            grace_s: How long the service may take to end after SIGTERM.
        """
        self.spec = spec
        self.log = log_dir / f"{spec.name}.log"
        self._grace_s = grace_s
        guard = [sys.executable, "-m", "vid2vid_demo.guard", str(grace_s)]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*guard, *spec.command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **spec.environment},
                start_new_session=True,  # Ctrl-C reaches the stack alone, which then stops its services in order.
            )

    @property
    def pid(self) -> int:
        """Process id of the guard."""
        return self._process.pid

    def check(self) -> None:
        """Return if the service runs.

        Raises:
            Vid2VidError: It has ended; the error class is the service's own, the message ends with its last lines.
        """
        status = self._process.poll()
        if status is not None:
            raise self._failed(f"ended with status {status}")

    def wait_until_ready(self, timeout_s: float) -> None:
        """Ask the health service until it answers SERVING.

        Raises:
            Vid2VidError: The service has ended, or is not ready in time.
        """
        deadline = time.monotonic() + timeout_s
        with open_channel(self.spec.target) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            while not _is_serving(health, self.spec.health_name):
                self.check()
                if time.monotonic() > deadline:
                    raise self._failed(f"is not ready after {timeout_s:g} s")
                time.sleep(_POLL_S)

    def request_stop(self) -> None:
        """Begin to stop; returns at once."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def stop(self) -> None:
        """Stop the service and everything it has started; returns when all of it is gone."""
        self.request_stop()
        try:
            self._process.wait(self._grace_s + 5)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            self._process.wait()

    def _failed(self, what: str) -> Vid2VidError:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
        message = f"{self.spec.name} {what}; end of {self.log}:"
        return self.spec.unavailable("\n    ".join([message, *lines]), target=self.spec.target)


def _is_serving(health: Any, name: str) -> bool:
    try:
        answer = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=1.0)
    except grpc.RpcError:
        return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
