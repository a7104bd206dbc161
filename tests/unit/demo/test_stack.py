"""Ports of the local stack and what stops it from starting."""

from __future__ import annotations

import dataclasses
import socket
from pathlib import Path

import pytest

from vid2vid_core.errors import ConfigurationError
from vid2vid_demo.stack import LocalStack, StackPorts, resolve_ports, triton_python


def test_free_ports_are_different_ones() -> None:
    ports = resolve_ports(StackPorts())
    numbers = dataclasses.astuple(ports)
    assert all(numbers)
    assert len(set(numbers)) == len(numbers) == 6


def test_taken_port_is_refused_with_its_option(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        expected = (
            f"^cannot listen on 127.0.0.1:{port}: Address already in use; choose a port with --triton-metrics-port$"
        )
        with pytest.raises(ConfigurationError, match=expected):
            LocalStack(repository=tmp_path, log_dir=tmp_path, ports=StackPorts(triton_metrics=port))


def test_port_beyond_the_last_one_is_refused() -> None:
    expected = r"127\.0\.0\.1:70000: ports end at 65535; choose a port with --renderer-port"
    with pytest.raises(ConfigurationError, match=expected):
        resolve_ports(StackPorts(renderer=70000))


def test_missing_triton_environment_names_the_command_that_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VID2VID_TRITON_PYTHON", str(tmp_path / "python"))
    with pytest.raises(ConfigurationError, match="run 'make setup' or set VID2VID_TRITON_PYTHON"):
        triton_python()


def test_environment_tells_trainer_and_client_where_the_stack_is(tmp_path: Path) -> None:
    stack = LocalStack(repository=tmp_path / "models", log_dir=tmp_path)
    environment = stack.environment()
    assert environment["VID2VID_TRAINER_LANDMARKS"] == stack.landmarks_target
    assert environment["VID2VID_TRAINER_TRITON"] == stack.triton_target
    assert environment["VID2VID_TRAINER_TRITON_CONTROL_KEY"] == stack.control_key
    assert stack.control_key != LocalStack(repository=tmp_path, log_dir=tmp_path).control_key
    assert environment["VID2VID_TRAINER_REPOSITORY"] == str(tmp_path / "models")
    assert environment["VID2VID_CLIENT_RENDERER"] == stack.renderer_target
