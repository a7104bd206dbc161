"""The whole product as processes of this machine: landmark service, Triton and renderer on loopback.

``python -m vid2vid_demo.stack`` runs it until Ctrl-C; the main job and the tests use :class:`LocalStack`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Annotated, Self

import typer

from vid2vid_core.errors import (
    ConfigurationError,
    GeneratorUnavailable,
    LandmarksUnavailable,
    RendererUnavailable,
    Vid2VidError,
)
from vid2vid_demo.service_process import ServiceProcess, ServiceSpec

LOOPBACK = "127.0.0.1"

CHECKOUT = Path(__file__).resolve().parents[3]
"""This package is installed from a checkout, and runs what stands in it."""

TRITON_PYTHON_VARIABLE = "VID2VID_TRITON_PYTHON"
"""Names the interpreter of the environment with the Triton server; default: ``.venv-triton`` of the checkout."""

CONTROL_KEY_VARIABLE = "VID2VID_TRITON_CONTROL_KEY"
"""Where the launcher in ``deploy/triton`` finds the key."""

READY_TIMEOUT_S = 60.0
GRACE_S = 10.0
DRAIN_TIMEOUT_S = 5
"""How long calls may go on when the stack ends; less than the grace, so that a service ends by itself."""


@dataclass(frozen=True, kw_only=True)
class StackPorts:
    """Ports of the stack; 0 takes any free one."""

    landmarks: int = 0
    landmarks_metrics: int = 0
    triton: int = 0
    triton_metrics: int = 0
    renderer: int = 0
    renderer_metrics: int = 0


DEFAULT_PORTS = StackPorts(
    landmarks=50051, landmarks_metrics=9101, triton=8001, triton_metrics=8002, renderer=50052, renderer_metrics=9102
)
"""The ports that every part has as its default, and those that Prometheus scrapes in the containers, too."""


class LocalStack:
    """Landmarks, Triton and renderer; a context manager that starts and stops them.

    Example:
        with LocalStack(repository=Path("model_repository"), log_dir=Path("logs")) as stack:
            subprocess.run(["vid2vid", "models"], env=stack.environment(), check=True)
    """

    def __init__(
        self, *, repository: Path, log_dir: Path, ports: StackPorts | None = None, control_key: str | None = None
    ) -> None:
        """Choose the ports; nothing runs yet.

        Args:
            repository: Triton's model repository; made if it is missing.
            log_dir: Folder for one log file per service; made if it is missing.
            ports: Ports to listen on. Default: any free ones.
            control_key: What Triton asks for before it loads anything, empty for no question. Default: a new one.

        Raises:
            ConfigurationError: A port is taken.
        """
        self.repository = repository.resolve()
        self.log_dir = log_dir.resolve()
        self.ports = resolve_ports(ports or StackPorts())
        self.control_key = secrets.token_hex(16) if control_key is None else control_key
        """What Triton asks for before it loads anything."""
        self.services: list[ServiceProcess] = []

    @property
    def landmarks_target(self) -> str:
        """``host:port`` of the landmark service."""
        return f"{LOOPBACK}:{self.ports.landmarks}"

    @property
    def landmarks_metrics_target(self) -> str:
        """``host:port`` of the landmark service's metrics endpoint."""
        return f"{LOOPBACK}:{self.ports.landmarks_metrics}"

    @property
    def triton_target(self) -> str:
        """``host:port`` of Triton's gRPC endpoint."""
        return f"{LOOPBACK}:{self.ports.triton}"

    @property
    def triton_metrics_target(self) -> str:
        """``host:port`` of Triton's metrics endpoint."""
        return f"{LOOPBACK}:{self.ports.triton_metrics}"

    @property
    def renderer_target(self) -> str:
        """``host:port`` of the renderer."""
        return f"{LOOPBACK}:{self.ports.renderer}"

    @property
    def renderer_metrics_target(self) -> str:
        """``host:port`` of the renderer's metrics endpoint."""
        return f"{LOOPBACK}:{self.ports.renderer_metrics}"

    def environment(self) -> dict[str, str]:
        """The environment of this process, plus what the trainer and the client need to find the stack."""
        return {
            **os.environ,
            "VID2VID_TRAINER_LANDMARKS": self.landmarks_target,
            "VID2VID_TRAINER_TRITON": self.triton_target,
            "VID2VID_TRAINER_TRITON_CONTROL_KEY": self.control_key,
            "VID2VID_TRAINER_REPOSITORY": str(self.repository),
            "VID2VID_CLIENT_RENDERER": self.renderer_target,
        }

    def start(self) -> None:
        """Start the services and wait until all are ready: landmarks and Triton side by side, then the renderer.

        Raises:
            Vid2VidError: A service has ended or is not ready in time; those that run are stopped again.
        """
        self.repository.mkdir(parents=True, exist_ok=True)
        self.log_dir.mkdir(parents=True, exist_ok=True)
        try:
            self._start(landmarks_spec(self), triton_spec(self.repository, self.ports, self.control_key))
            self._start(renderer_spec(self))
        except BaseException:
            self.stop()
            raise

    def check(self) -> None:
        """Return if every service runs.

        Raises:
            Vid2VidError: One has ended; the message shows the end of its log.
        """
        for service in self.services:
            service.check()

    def stop(self) -> None:
        """Stop the renderer, then its two peers side by side; returns when no process is left."""
        peers, renderer = self.services[:2], self.services[2:]
        for service in renderer:
            service.stop()
        for service in peers:
            service.request_stop()
        for service in peers:
            service.stop()
        self.services.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self, *specs: ServiceSpec) -> None:
        started = []
        for spec in specs:
            service = ServiceProcess(spec, self.log_dir, grace_s=GRACE_S)
            self.services.append(service)
            started.append(service)
        for service in started:
            service.wait_until_ready(READY_TIMEOUT_S)


def landmarks_spec(stack: LocalStack) -> ServiceSpec:
    """How the landmark service is run."""
    return ServiceSpec(
        name="landmarks",
        command=[sys.executable, "-m", "vid2vid_landmarks"],
        environment={
            "VID2VID_LANDMARKS_LISTEN": stack.landmarks_target,
            "VID2VID_LANDMARKS_METRICS_LISTEN": stack.landmarks_metrics_target,
            "VID2VID_LANDMARKS_DRAIN_TIMEOUT_S": str(DRAIN_TIMEOUT_S),
        },
        target=stack.landmarks_target,
        health_name="vid2vid.landmarks.v1.LandmarkService",
        unavailable=LandmarksUnavailable,
    )


def renderer_spec(stack: LocalStack) -> ServiceSpec:
    """How the renderer is run."""
    return ServiceSpec(
        name="renderer",
        command=[sys.executable, "-m", "vid2vid_renderer"],
        environment={
            "VID2VID_RENDERER_LISTEN": stack.renderer_target,
            "VID2VID_RENDERER_METRICS_LISTEN": stack.renderer_metrics_target,
            "VID2VID_RENDERER_LANDMARKS": stack.landmarks_target,
            "VID2VID_RENDERER_TRITON": stack.triton_target,
            "VID2VID_RENDERER_TRITON_CONTROL_KEY": stack.control_key,
            "VID2VID_RENDERER_TRITON_METRICS": stack.triton_metrics_target,
            "VID2VID_RENDERER_DRAIN_TIMEOUT_S": str(DRAIN_TIMEOUT_S),
        },
        target=stack.renderer_target,
        health_name="vid2vid.renderer.v1.RenderService",
        unavailable=RendererUnavailable,
    )


def triton_spec(repository: Path, ports: StackPorts, control_key: str = "") -> ServiceSpec:
    """How Triton is run, through the launcher in ``deploy/triton``; without a key anybody may load models.

    Raises:
        ConfigurationError: The environment with the server is missing.
    """
    python = triton_python()
    launcher = CHECKOUT / "deploy" / "triton" / "launch.py"
    flags = {
        "--model-repository": repository,
        "--address": LOOPBACK,
        "--grpc-port": ports.triton,
        "--metrics-port": ports.triton_metrics,
        "--exit-timeout-secs": DRAIN_TIMEOUT_S,
    }
    return ServiceSpec(
        name="triton",
        command=[str(python), str(launcher), *(f"{flag}={value}" for flag, value in flags.items())],
        environment={CONTROL_KEY_VARIABLE: control_key},
        target=f"{LOOPBACK}:{ports.triton}",
        health_name="",
        unavailable=GeneratorUnavailable,
    )


def triton_python() -> Path:
    """Interpreter of the environment that holds the Triton server.

    Raises:
        ConfigurationError: There is none.
    """
    python = Path(os.environ.get(TRITON_PYTHON_VARIABLE) or CHECKOUT / ".venv-triton" / "bin" / "python")
    if not python.exists():
        raise ConfigurationError(f"no Triton environment at {python}: run 'make setup' or set {TRITON_PYTHON_VARIABLE}")
    return python


def resolve_ports(wanted: StackPorts) -> StackPorts:
    """Check the ports that are named, choose free ones for the others.

    Raises:
        ConfigurationError: A port is taken; the message names it and the option that changes it.
    """
    names = [field.name for field in dataclasses.fields(StackPorts)]
    with contextlib.ExitStack() as probes:  # All are held at once, so that no free port is chosen twice.
        return StackPorts(**{name: _bind(probes.enter_context(socket.socket()), name, wanted) for name in names})


def _bind(probe: socket.socket, name: str, wanted: StackPorts) -> int:
    port: int = getattr(wanted, name)
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((LOOPBACK, port))
    except (OSError, OverflowError) as error:
        option = f"--{name.replace('_', '-')}-port"
        reason = error.strerror if isinstance(error, OSError) else "ports end at 65535"
        raise ConfigurationError(f"cannot listen on {LOOPBACK}:{port}: {reason}; choose a port with {option}") from None
    return int(probe.getsockname()[1])


def run(  # noqa: PLR0917 - typer reads the options from the signature
    repository: Annotated[Path, typer.Option(help="Triton's model repository.")] = CHECKOUT / "model_repository",
    logs: Annotated[Path, typer.Option(help="Folder for the log files.")] = CHECKOUT / "logs",
    landmarks_port: Annotated[int, typer.Option(help="0 takes a free one.")] = DEFAULT_PORTS.landmarks,
    landmarks_metrics_port: Annotated[int, typer.Option(help="0 takes a free one.")] = DEFAULT_PORTS.landmarks_metrics,
    triton_port: Annotated[int, typer.Option(help="0 takes a free one.")] = DEFAULT_PORTS.triton,
    triton_metrics_port: Annotated[int, typer.Option(help="0 takes a free one.")] = DEFAULT_PORTS.triton_metrics,
    renderer_port: Annotated[int, typer.Option(help="0 takes a free one.")] = DEFAULT_PORTS.renderer,
    renderer_metrics_port: Annotated[int, typer.Option(help="0 takes a free one.")] = DEFAULT_PORTS.renderer_metrics,
) -> None:
    """Run landmarks, Triton and renderer until Ctrl-C."""
    ports = StackPorts(
        landmarks=landmarks_port,
        landmarks_metrics=landmarks_metrics_port,
        triton=triton_port,
        triton_metrics=triton_metrics_port,
        renderer=renderer_port,
        renderer_metrics=renderer_metrics_port,
    )
    # SIGINT too: a shell starts background jobs with it ignored.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    # A person trains in a second terminal, which knows nothing of a key that is made up here.
    key = os.environ.get(CONTROL_KEY_VARIABLE, "")
    try:
        with LocalStack(repository=repository, log_dir=logs, ports=ports, control_key=key) as stack:
            try:
                announce(stack)
                while True:
                    time.sleep(0.5)
                    stack.check()
            except KeyboardInterrupt:
                print("\rstopping", flush=True)
    except KeyboardInterrupt:
        print("\rstopped before it was ready", flush=True)
    except Vid2VidError as error:
        sys.exit(f"stack: error: {error.message}")


def announce(stack: LocalStack) -> None:
    """Print where everything is, then ``ready``."""
    rows: Sequence[tuple[str, str]] = (
        ("landmarks", f"{stack.landmarks_target}  metrics http://{stack.landmarks_metrics_target}/metrics"),
        ("triton", f"{stack.triton_target}  metrics http://{stack.triton_metrics_target}/metrics"),
        ("renderer", f"{stack.renderer_target}  metrics http://{stack.renderer_metrics_target}/metrics"),
        ("models", str(stack.repository)),
        ("logs", str(stack.log_dir)),
    )
    for name, value in rows:
        print(f"{name:<15} {value}")
    print("ready; Ctrl-C stops", flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    typer.run(run)
