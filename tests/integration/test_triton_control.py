"""The control key of the real tritonserver: what needs it, and what trainer and renderer say about it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from pydantic import SecretStr
from tritonclient.utils import InferenceServerException

from tests.support.models import masks, tint_model, tinted, write_version
from tests.support.published import write_published_config
from tests.support.triton import TritonServer, require_triton, running_triton
from vid2vid_core.errors import ControlRefused
from vid2vid_core.triton_control import CONTROL_HEADER, NO_KEY
from vid2vid_demo.stack import CHECKOUT, triton_python
from vid2vid_renderer.generator_client import TritonGenerator
from vid2vid_trainer.triton_loader import TritonLoader

pytestmark = pytest.mark.needs_triton

KEY = "right-key_0123456789"
COLOUR = (200, 10, 30)
WRONG = [pytest.param(NO_KEY, "wants a control key", id="no key")]
WRONG += [pytest.param(SecretStr("wrong-key_0123456789"), "wants another control key", id="wrong key")]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    """A server with a control key and version 1 of "anna", loaded by the trainer's own code."""
    with running_triton(tmp_path_factory.mktemp("guarded"), control_key=KEY) as server:
        write_version(server.repository, "anna", 1, tint_model(COLOUR))
        write_published_config(server.repository, "anna", [1])
        with closing(TritonLoader(server.target, control_key=SecretStr(KEY), ready_timeout_s=30)) as loader:
            loader.check()
            loader.load("anna", 1)
        yield server


@pytest.mark.parametrize("headers", [None, {CONTROL_HEADER: "wrong"}], ids=["no key", "wrong key"])
@pytest.mark.parametrize(
    "call",
    [
        "load_model anna",
        "unload_model anna",
        "get_model_repository_index",
        "get_system_shared_memory_status",
        "get_trace_settings",
        "get_log_settings",
    ],
)
def test_call_that_changes_or_reveals_the_server_needs_the_key(guarded: TritonServer, call: str, headers: Any) -> None:
    name, *arguments = call.split()
    with pytest.raises(InferenceServerException, match="This protocol is restricted"):
        getattr(guarded.client, name)(*arguments, headers=headers)


def test_what_a_render_needs_is_free(guarded: TritonServer) -> None:
    assert guarded.client.is_server_live()
    assert guarded.client.is_model_ready("anna", "1")
    assert guarded.client.get_model_metadata("anna", "1").name == "anna"
    assert guarded.client.get_model_config("anna", "1").config.max_batch_size == 16
    np.testing.assert_array_equal(guarded.infer("anna", masks(2)), tinted(masks(2), COLOUR))


@pytest.mark.parametrize(("key", "message"), WRONG)
def test_trainer_says_that_its_key_is_refused(guarded: TritonServer, key: SecretStr, message: str) -> None:
    with closing(TritonLoader(guarded.target, control_key=key)) as loader:
        with pytest.raises(ControlRefused, match=f"{message}: set VID2VID_TRAINER_TRITON_CONTROL_KEY .* nothing was"):
            loader.check()
        with pytest.raises(ControlRefused, match=f"{message}: .*; version 1 of anna is in the model repository"):
            loader.load("anna", 1)


@pytest.mark.parametrize(("key", "message"), WRONG)
def test_renderer_says_that_its_key_is_refused(guarded: TritonServer, key: SecretStr, message: str) -> None:
    with closing(TritonGenerator(guarded.target, control_key=key)) as generator:
        for question in (generator.check, generator.list_models, lambda: generator.resolve("anna", 1)):
            with pytest.raises(ControlRefused, match=f"{message}: set VID2VID_RENDERER_TRITON_CONTROL_KEY"):
                question()


def test_renderer_with_the_key_lists_resolves_and_renders(guarded: TritonServer) -> None:
    with closing(TritonGenerator(guarded.target, control_key=SecretStr(KEY))) as generator:
        generator.check()
        assert [model.name for model in generator.list_models()] == ["anna"]
        model = generator.resolve("anna", 0)
        frames = generator.infer_async(model, masks(3), timeout_s=30).result(30)
    np.testing.assert_array_equal(frames, tinted(masks(3), COLOUR))


def test_key_stands_in_no_log_and_in_no_model_s_environment(guarded: TritonServer) -> None:
    assert KEY not in guarded.process.log.read_text(encoding="utf-8", errors="replace")
    family = psutil.Process(guarded.process.pid).children(recursive=True)
    stubs = [process for process in family if "python_backend_stub" in process.name()]
    stubs = stubs or [process for process in family if any("stub" in part for part in process.cmdline()[:1])]
    assert stubs
    for process in stubs:
        assert KEY not in process.environ().values()


@pytest.mark.parametrize("content", ["", "short", "with space and more characters", "semi;colon-0123456789"])
def test_key_of_another_form_is_refused_and_not_shown(tmp_path: Path, content: str) -> None:
    require_triton()
    file = tmp_path / "key"
    file.write_text(content)
    launcher = CHECKOUT / "deploy" / "triton" / "launch.py"
    command = [str(triton_python()), str(launcher), f"--model-repository={tmp_path}", "--grpc-port=0"]
    command += ["--metrics-port=0", f"--control-key-file={file}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr == f"triton: --control-key-file {file}: allowed are 16 to 128 of A-Z, a-z, 0-9, '-' and '_'\n"
