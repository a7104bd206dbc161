"""A Compose project under test, driven through the command line like a person would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
SERVICES = ("landmarks", "triton", "renderer")
IMAGES = ("landmarks", "renderer", "triton", "trainer")
MEBIBYTE = 2**20


class Failed(Exception):
    """A step did not come out as it should; the message says how."""


class ComposeProject:
    """Containers, volumes and networks under a name and on a port of their own."""

    def __init__(self, *, name: str, port: int, data: Path, version: str) -> None:
        """Nothing runs yet.

        Args:
            name: Of the project; whatever has it is removed in the end.
            port: Where the renderer is published on loopback.
            data: Folder with the style video.
            version: Tag of our images.
        """
        self.name = name
        self.port = port
        self.version = version
        self._label = f"label=com.docker.compose.project={name}"
        self._command = compose_command()
        self._environment = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": name,
            "VID2VID_RENDERER_ADDRESS": "127.0.0.1",
            "VID2VID_RENDERER_PORT": str(port),
            "VID2VID_DATA": str(data),
        }

    @property
    def target(self) -> str:
        """The renderer as it is seen from outside."""
        return f"127.0.0.1:{self.port}"

    def compose(self, *arguments: str, timeout_s: float = 600, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a Compose command; its output goes into the exception if it fails."""
        return run([*self._command, *arguments], environment=self._environment, timeout_s=timeout_s, check=check)

    def container(self, service: str) -> str:
        """Id of a service's container, running or not."""
        found = self.compose("ps", "-q", service).stdout.split()
        if len(found) != 1:
            raise Failed(f"{service} has {len(found)} containers instead of one")
        return found[0]

    def inspect(self, service: str) -> dict[str, Any]:
        """What the engine says about a service's container."""
        return dict(json.loads(docker("inspect", self.container(service)))[0])

    def health(self, service: str) -> str:
        """``starting``, ``healthy``, ``unhealthy``, or the state of a container that does not run."""
        state = self.inspect(service)["State"]
        return str(state["Health"]["Status"]) if state["Running"] else str(state["Status"])

    def wait_healthy(self, services: Sequence[str] = SERVICES, *, timeout_s: float = 180) -> None:
        """Return when all services are healthy."""
        deadline = time.monotonic() + timeout_s
        while True:
            states = {service: self.health(service) for service in services}
            if set(states.values()) == {"healthy"}:
                return
            if time.monotonic() > deadline:
                raise Failed(f"not healthy after {timeout_s:.0f} s: {states}")
            time.sleep(1)

    def execute(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside a service's container as its own user; a failure is the caller's to judge."""
        return run(["docker", "exec", self.container(service), *command], timeout_s=60, check=False)

    def containers(self) -> list[str]:
        """All containers of the project, one-off ones too."""
        return docker("ps", "-aq", "--filter", self._label).split()

    def leftovers(self) -> list[str]:
        """Containers, volumes and networks of the project."""
        volumes = docker("volume", "ls", "-q", "--filter", self._label).split()
        networks = docker("network", "ls", "-q", "--filter", self._label).split()
        return [*self.containers(), *volumes, *networks]

    def image_sizes(self) -> dict[str, float]:
        """Size of each of our images, in MiB."""
        names = {part: f"vid2vid-{part}:{self.version}" for part in IMAGES}
        return {
            part: int(docker("image", "inspect", "--format", "{{.Size}}", name)) / MEBIBYTE
            for part, name in names.items()
        }


def compose_command() -> list[str]:
    """``docker compose`` where the plug-in is installed, ``docker-compose`` otherwise."""
    if run(["docker", "compose", "version"], timeout_s=30, check=False).returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    raise Failed("neither `docker compose` nor `docker-compose` is installed")


def docker(*arguments: str) -> str:
    """Standard output of a docker command."""
    return run(["docker", *arguments], timeout_s=120).stdout.strip()


def run(
    command: Sequence[str], *, environment: dict[str, str] | None = None, timeout_s: float, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command in the repository root and keep its output."""
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except FileNotFoundError as error:
        raise Failed(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{' '.join(command)}: no end after {timeout_s:.0f} s") from error
    if check and done.returncode != 0:
        tail = "\n".join([*done.stdout.splitlines(), *done.stderr.splitlines()][-30:])
        raise Failed(f"{' '.join(command)}: exit status {done.returncode}\n{tail}")
    return done
