"""``deploy/triton/launch.py``: what it refuses, and that it finds everything a server needs."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.triton import TritonServer, require_triton
from vid2vid_demo.stack import CHECKOUT, triton_python

pytestmark = pytest.mark.needs_triton


def launch(*arguments: str) -> subprocess.CompletedProcess[str]:
    require_triton()
    command = [str(triton_python()), str(CHECKOUT / "deploy" / "triton" / "launch.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_server_with_an_empty_repository_is_ready(triton: TritonServer) -> None:
    assert triton.client.is_server_ready()
    assert triton.client.get_server_metadata().name == "triton"


def test_check_names_the_server_that_would_be_started() -> None:
    result = launch("--check")
    assert (result.returncode, result.stderr) == (0, "")
    assert Path(result.stdout.removeprefix("Triton server: ").strip()).is_file()


@pytest.mark.parametrize("option", ["--grpc-port", "--metrics-port", "--http-port"])
def test_taken_port_is_refused_with_its_option(tmp_path: Path, taken_port: int, option: str) -> None:
    ports = {"--grpc-port": 0, "--metrics-port": 0, "--http-port": 0, option: taken_port}
    result = launch(f"--model-repository={tmp_path}", *(f"{name}={port}" for name, port in ports.items()))
    assert result.returncode == 1
    expected = f"triton: can't listen on 127.0.0.1:{taken_port} (Address already in use); set {option}\n"
    assert result.stderr == expected


def test_missing_repository_is_refused(tmp_path: Path) -> None:
    result = launch(f"--model-repository={tmp_path / 'nowhere'}")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"triton: --model-repository {tmp_path / 'nowhere'} is not a folder\n"
