"""Which device our ONNX Runtime backend takes, and what it says about it, with CUDA as a seam: no GPU is needed."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.support.models import masks, tint_model, tinted
from vid2vid_core.tensors import ModelCard
from vid2vid_demo.stack import CHECKOUT

BACKEND = CHECKOUT / "deploy" / "triton" / "backends" / "onnxruntime" / "model.py"
CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"

DOCUMENTED_CUDA_OPTIONS = {"device_id", "cudnn_conv_algo_search", "gpu_mem_limit", "arena_extend_strategy"}
DOCUMENTED_CUDA_OPTIONS |= {"do_copy_in_default_stream"}
"""https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html"""


@dataclass
class FakeTritonUtils:
    """What Triton hands to a Python backend, as far as loading needs it."""

    infos: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    metrics: list[dict[str, str]] = field(default_factory=list)

    def module(self) -> ModuleType:
        module: Any = ModuleType("triton_python_backend_utils")
        module.Logger = SimpleNamespace(log_info=self.infos.append, log_warn=self.warnings.append)
        module.TritonModelException = type("TritonModelException", (Exception,), {})

        def family(**_: Any) -> Any:
            def metric(labels: dict[str, str]) -> Any:
                return SimpleNamespace(set=lambda value: self.metrics.append({**labels, "value": str(value)}))

            return SimpleNamespace(Metric=metric)

        family.GAUGE = "gauge"  # type: ignore[attr-defined]
        module.MetricFamily = family
        return module  # type: ignore[no-any-return]


@pytest.fixture
def utils() -> FakeTritonUtils:
    return FakeTritonUtils()


@pytest.fixture
def backend(utils: FakeTritonUtils, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The backend's module, imported anew beside Triton's fake utilities."""
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", utils.module())
    spec = importlib.util.spec_from_file_location("backend_under_test", BACKEND)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


class FakeSession:
    """Records how it was opened; CUDA works, is not loaded, or raises."""

    opened: list[list[Any]]
    cuda: str = "works"

    def __init__(self, _path: str, _options: Any, providers: list[Any]) -> None:
        self.opened.append(providers)
        names = [provider if isinstance(provider, str) else provider[0] for provider in providers]
        if CUDA in names and self.cuda == "raises":
            raise RuntimeError("CUDA failure 35:\n driver version is insufficient")
        self._names = names if self.cuda == "works" else [CPU]

    def get_providers(self) -> list[str]:
        return self._names


@pytest.fixture
def session(backend: Any, monkeypatch: pytest.MonkeyPatch) -> type[FakeSession]:
    """ONNX Runtime with the CUDA package installed."""

    class Session(FakeSession):
        opened: list[list[Any]] = []  # noqa: RUF012 - one list per test

    monkeypatch.setattr(backend.onnxruntime, "InferenceSession", Session)
    monkeypatch.setattr(backend.onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(backend.onnxruntime, "preload_dlls", lambda: None, raising=False)
    return Session


def open_session(backend: Any, *, kind: str = "GPU", config: dict[str, Any] | None = None) -> Any:
    args = {"model_instance_kind": kind, "model_instance_device_id": "1"}
    return backend.open_session(Path("model.onnx"), config or {}, args, "anna version 1")


def test_gpu_instance_takes_cuda_on_its_device_and_the_cpu_for_the_rest(
    backend: Any, session: type[FakeSession], utils: FakeTritonUtils
) -> None:
    assert CUDA in open_session(backend).get_providers()
    (((name, options), rest),) = session.opened
    assert (name, rest, options["device_id"]) == (CUDA, CPU, "1")
    assert utils.warnings == []


def test_cpu_instance_does_not_touch_cuda(backend: Any, session: type[FakeSession], utils: FakeTritonUtils) -> None:
    open_session(backend, kind="CPU")
    assert session.opened == [[CPU]]
    assert utils.warnings == []


def test_gpu_without_the_cuda_package_runs_on_the_cpu_with_a_warning(
    backend: Any, session: type[FakeSession], utils: FakeTritonUtils, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend.onnxruntime, "get_available_providers", lambda: [CPU])
    open_session(backend)
    assert session.opened == [[CPU]]
    assert utils.warnings == ["anna version 1: a GPU is visible, but onnxruntime-gpu is not installed"]


@pytest.mark.parametrize(
    ("cuda", "reason"),
    [("is not loaded", "its libraries were not loaded"), ("raises", "CUDA failure 35: driver version is insufficient")],
)
def test_cuda_that_can_t_be_used_falls_back_to_the_cpu_with_a_warning(
    backend: Any, session: type[FakeSession], utils: FakeTritonUtils, cuda: str, reason: str
) -> None:
    session.cuda = cuda
    assert open_session(backend).get_providers() == [CPU]
    assert session.opened[-1] == [CPU]
    (warning,) = utils.warnings
    assert warning.startswith("anna version 1: falls back to the CPU, CUDA can't be used: ")
    assert reason in warning


def test_options_are_those_that_onnxruntime_documents(backend: Any, session: type[FakeSession]) -> None:
    values = {
        "cudnn_conv_algo_search": "1",
        "gpu_mem_limit": "4294967296",
        "arena_extend_strategy": "1",
        "do_copy_in_default_stream": "1",
        "mask_spec": "not for CUDA",
    }
    config = {"parameters": {name: {"string_value": value} for name, value in values.items()}}
    open_session(backend, config=config)
    assert set(session.opened[0][0][1]) == DOCUMENTED_CUDA_OPTIONS
    assert session.opened[0][0][1] == {
        "device_id": "1",
        "cudnn_conv_algo_search": "HEURISTIC",
        "gpu_mem_limit": "4294967296",
        "arena_extend_strategy": "kSameAsRequested",
        "do_copy_in_default_stream": "1",
    }


def test_search_is_heuristic_unless_told_otherwise_and_the_model_s_parameter_wins(backend: Any) -> None:
    assert backend.cuda_options({})["cudnn_conv_algo_search"] == "HEURISTIC"
    cuda = {"name": "cuda", "parameters": {"cudnn_conv_algo_search": "0", "gpu_mem_limit": "1000"}}
    config: dict[str, Any] = {"optimization": {"execution_accelerators": {"gpu_execution_accelerator": [cuda]}}}
    assert backend.cuda_options(config) == {"cudnn_conv_algo_search": "EXHAUSTIVE", "gpu_mem_limit": "1000"}
    config["parameters"] = {"cudnn_conv_algo_search": {"string_value": "2"}}
    assert backend.cuda_options(config)["cudnn_conv_algo_search"] == "DEFAULT"


def test_exported_configuration_asks_cuda_for_a_heuristic_search(backend: Any) -> None:
    from google.protobuf import json_format

    from tests.support.styles import SPEC, version_card
    from vid2vid_trainer.triton_config import TritonConfig

    card = ModelCard(mask_spec=SPEC, versions={1: version_card("a")})
    message = TritonConfig(name="anna", card=card).to_message()
    config = json_format.MessageToDict(message, preserving_proto_field_name=True)
    assert backend.cuda_options(config) == {"cudnn_conv_algo_search": "HEURISTIC"}


def test_real_onnxruntime_that_can_t_load_cuda_serves_on_the_cpu_and_says_so_in_log_and_metric(
    backend: Any, utils: FakeTritonUtils, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if CUDA in backend.onnxruntime.get_available_providers():
        pytest.skip("this machine has the CUDA provider")
    import json

    folder = tmp_path / "anna"
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.onnx").write_bytes(tint_model((200, 10, 30)).SerializeToString())
    monkeypatch.setattr(backend.onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    tensors = {"input": ("mask", [64, 64]), "output": ("frame", [64, 64, 3])}
    config = {side: [{"name": name, "data_type": "TYPE_UINT8", "dims": dims}] for side, (name, dims) in tensors.items()}
    model = backend.TritonPythonModel()
    model.initialize(
        {
            "model_config": json.dumps(config),
            "model_name": "anna",
            "model_version": "1",
            "model_repository": str(folder),
            "model_instance_kind": "GPU",
            "model_instance_device_id": "0",
        }
    )
    (warning,) = utils.warnings
    assert warning.startswith("anna version 1: falls back to the CPU")
    assert [metric["device"] for metric in utils.metrics] == ["cpu"]
    assert utils.infos[-1].endswith("anna version 1 runs on cpu")
    frames = model._session.run(["frame"], {"mask": masks(2)})[0]
    np.testing.assert_array_equal(frames, tinted(masks(2), (200, 10, 30)))
