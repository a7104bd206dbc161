"""What the GPU stack tells NVIDIA's Triton, told to the real server of the same version: flags and config.pbtxt."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
from google.protobuf import json_format
from tritonclient.utils import InferenceServerException

from tests.support.compose import GPU, environment, interpolated, services
from tests.support.models import tint_model, write_version
from tests.support.ports import free_port
from tests.support.published import model_card
from tests.support.triton import mask_input, require_triton
from vid2vid_core.errors import GeneratorUnavailable
from vid2vid_core.triton_control import CONTROL_HEADER
from vid2vid_demo.service_process import ServiceProcess, ServiceSpec
from vid2vid_demo.stack import CHECKOUT, triton_python
from vid2vid_trainer.triton_config import TritonConfig

pytestmark = pytest.mark.needs_triton

# The launcher's own steps, with another argument list at their end.
START = """\
import os, pathlib, sys
sys.path.insert(0, sys.argv[1])
import launch
backends = launch.arrange_backends(pathlib.Path(sys.prefix) / "triton-backends")
server = str(launch.server_root() / "bin" / "tritonserver")
os.execve(server, [server, f"--backend-directory={backends}", *sys.argv[2:]], launch.server_environment(backends))
"""
KEY = {CONTROL_HEADER: environment()["VID2VID_TRITON_CONTROL_KEY"]}


class GpuFlags:
    """The flags of the GPU stack, with the repository, the ports and the address of this test."""

    def __init__(self, repository: Path) -> None:
        self.ports = {name: free_port() for name in ("grpc", "http", "metrics")}
        self._own = {f"--{name}-port": str(port) for name, port in self.ports.items()}
        self._own |= {f"--{name}-address": "127.0.0.1" for name in self.ports}
        self._own["--model-repository"] = str(repository)

    def __iter__(self) -> Iterator[str]:
        for flag in interpolated(services(GPU)["triton"]["command"])[1:]:
            name, _, value = flag.partition("=")
            yield f"{name}={self._own.get(name, value)}" if value else flag


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, GpuFlags, Path]]:
    require_triton()
    folder = tmp_path_factory.mktemp("triton-gpu")
    repository = folder / "models"
    repository.mkdir()
    flags = GpuFlags(repository)
    spec = ServiceSpec(
        name="triton",
        command=[str(triton_python()), "-c", START, str(CHECKOUT / "deploy/triton"), *flags],
        target=f"127.0.0.1:{flags.ports['grpc']}",
        health_name="",
        unavailable=GeneratorUnavailable,
    )
    process = ServiceProcess(spec, folder, grace_s=10)
    try:
        process.wait_until_ready(60)
        with triton_grpc.InferenceServerClient(spec.target) as client:
            yield client, flags, repository
    finally:
        process.stop()


def test_server_accepts_every_flag_and_answers_the_health_check(server: tuple[Any, GpuFlags, Path]) -> None:
    _, flags, _ = server
    check = next(word for word in services(GPU)["triton"]["healthcheck"]["test"] if word.startswith("http"))
    url = check.replace(":8000", f":{flags.ports['http']}")
    with urllib.request.urlopen(url, timeout=5) as answer:
        assert answer.status == 200


def test_control_calls_need_the_key(server: tuple[Any, GpuFlags, Path]) -> None:
    client, _, _ = server
    with pytest.raises(InferenceServerException, match="restricted"):
        client.get_model_repository_index()
    assert list(client.get_model_repository_index(headers=KEY).models) == []


def test_exported_config_is_understood_with_every_option(server: tuple[Any, GpuFlags, Path]) -> None:
    client, _, repository = server
    config = TritonConfig(name="anna", card=model_card([1]))
    write_version(repository, "anna", 1, tint_model((255, 0, 0)))
    (repository / "anna" / "config.pbtxt").write_text(config.to_text())
    client.load_model("anna", headers=KEY)
    masks = np.full((2, 64, 64), 255, np.uint8)
    answer = client.infer("anna", [mask_input(masks)], client_timeout=30)
    assert answer.as_numpy("frame").shape == (2, 64, 64, 3)
    asked = json_format.MessageToDict(config.to_message())
    understood = json_format.MessageToDict(client.get_model_config("anna").config)
    for name in ("backend", "maxBatchSize", "input", "output", "versionPolicy", "parameters"):
        assert understood[name] == asked[name]
    accelerators = "executionAccelerators"
    assert understood["optimization"][accelerators] == asked["optimization"][accelerators]
