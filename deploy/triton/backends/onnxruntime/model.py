"""Triton backend "onnxruntime", written in Python: serves `<model>/<version>/model.onnx` with ONNX Runtime.

Triton calls a folder like this one a Python-based backend: it starts one stub process per model instance, imports this
file there and hands every batch that its dynamic batcher has formed to `TritonPythonModel.execute`. The name is that
of NVIDIA's own ONNX Runtime backend on purpose, so that one model repository is served by both.

Tensors cross the border through DLPack. The stub was compiled against numpy 1 and reads numpy 2 arrays as empty;
DLPack has one layout for both, and costs no copy.
"""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils
from numpy.typing import NDArray

Array = NDArray[Any]

DEFAULT_MODEL_FILENAME = "model.onnx"

USED_CAPSULE = ctypes.c_char_p(b"used_dltensor")
"""Name that the DLPack protocol gives to a capsule whose memory has found a new owner."""

DEVICE_METRIC = "vid2vid_onnxruntime_device"
"""Gauge with the value 1 and the labels model, version, device ("cpu" or "cuda") and process, one per model instance.

The process id keeps apart the old and the new instance of a version while Triton reloads a model: equal labels would be
one gauge, and the old instance would take it away when it leaves.
"""

ONNX_TYPES = {
    "TYPE_BOOL": "tensor(bool)",
    "TYPE_UINT8": "tensor(uint8)",
    "TYPE_INT8": "tensor(int8)",
    "TYPE_INT32": "tensor(int32)",
    "TYPE_INT64": "tensor(int64)",
    "TYPE_FP16": "tensor(float16)",
    "TYPE_FP32": "tensor(float)",
    "TYPE_FP64": "tensor(double)",
}
"""Triton's data type -> what ONNX Runtime calls it."""

CPU_ONLY = ["CPUExecutionProvider"]

CONV_ALGO_SEARCH = {"0": "EXHAUSTIVE", "1": "HEURISTIC", "2": "DEFAULT"}
"""Values of the parameter `cudnn_conv_algo_search`, numbered as NVIDIA's backend numbers them."""

CUDA_PARAMETERS = ("cudnn_conv_algo_search", "gpu_mem_limit", "arena_extend_strategy", "do_copy_in_default_stream")
"""Model parameters that NVIDIA's backend passes to the CUDA execution provider; the same ones are passed here."""


class TritonPythonModel:
    """One instance of one version of a model. Triton looks the class up by this name."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the model file named by `args` and check it against config.pbtxt.

        Raises:
            TritonModelException: the file is missing or unreadable, or its tensors are not those that the
                configuration names. Triton then reports the version as unavailable, with this message as reason.
        """
        config = json.loads(args["model_config"])
        label = f"{args['model_name']} version {args['model_version']}"
        path = model_path(args, config)
        if not path.is_file():
            raise pb_utils.TritonModelException(f"{label}: no file {path.name} in the version folder")
        self._session = open_session(path, config, args, label)
        self._inputs, self._outputs = tensor_names(config)
        check_tensors(self._session, config, label)
        device = "cuda" if "CUDAExecutionProvider" in self._session.get_providers() else "cpu"
        self._metric = publish_device(args["model_name"], args["model_version"], device)
        pb_utils.Logger.log_info(f"onnxruntime {onnxruntime.__version__}: {label} runs on {device}")

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer `requests` in order; those that fit together go through the network as one batch."""
        responses: list[Any] = [None] * len(requests)
        samples: list[Sample] = []
        for index, request in enumerate(requests):
            if request.is_cancelled():
                responses[index] = failure("cancelled by the client", pb_utils.TritonError.CANCELLED)
                continue
            try:
                samples.append(Sample.read(index, request, self._inputs))
            except Exception as error:  # noqa: BLE001 - one unreadable request must not fail the others
                responses[index] = failure(one_line(error), pb_utils.TritonError.INVALID_ARG)
        for group in equal_shapes(samples):
            self._answer(group, responses)
        return responses

    def finalize(self) -> None:
        """Forget the session and the metric; Triton calls this when the version is unloaded."""
        del self._session
        self._metric = None

    def _answer(self, group: list[Sample], responses: list[Any]) -> None:
        """Run `group` as one batch; where that fails, sample by sample, so that only the guilty one gets an error."""
        try:
            outputs = self._run(group)
        except Exception as error:  # noqa: BLE001 - ONNX Runtime has a class per status and no common root
            if len(group) > 1:
                for sample in group:
                    self._answer([sample], responses)
            else:
                responses[group[0].index] = failure(one_line(error), pb_utils.TritonError.INVALID_ARG)
            return
        start = 0
        for sample in group:
            stop = start + sample.size
            responses[sample.index] = sample.response({name: value[start:stop] for name, value in outputs.items()})
            start = stop

    def _run(self, group: list[Sample]) -> dict[str, Array]:
        feed = {name: joined([sample.inputs[name] for sample in group]) for name in self._inputs}
        return dict(zip(self._outputs, self._session.run(self._outputs, feed), strict=True))


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The tensors of one request."""

    index: int
    """Place of the request in its batch."""
    inputs: dict[str, Array]
    """Input name -> values, batch first."""
    wanted: frozenset[str]
    """Output names that the client asked for."""

    @classmethod
    def read(cls, index: int, request: Any, names: Sequence[str]) -> Sample:
        """Take the inputs called `names` out of `request`, without copying them."""
        inputs: dict[str, Array] = {}
        for name in names:
            tensor = pb_utils.get_input_tensor_by_name(request, name)
            if tensor is None:
                raise ValueError(f"input '{name}' is missing")
            inputs[name] = np.from_dlpack(tensor)
        return cls(index=index, inputs=inputs, wanted=frozenset(request.requested_output_names()))

    @property
    def size(self) -> int:
        """How many batch entries the request brought."""
        return len(next(iter(self.inputs.values())))

    @property
    def shape(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the inputs without the batch axis; equal shapes can share a batch."""
        return tuple(value.shape[1:] for value in self.inputs.values())

    def response(self, outputs: dict[str, Array]) -> Any:
        """Build Triton's response from this sample's part of `outputs`."""
        tensors = [triton_tensor(name, value) for name, value in outputs.items() if name in self.wanted]
        return pb_utils.InferenceResponse(output_tensors=tensors)


def model_path(args: dict[str, str], config: dict[str, Any]) -> Path:
    """Where the model file of this version stands; `default_model_filename` in config.pbtxt may rename it."""
    filename = config.get("default_model_filename") or DEFAULT_MODEL_FILENAME
    return Path(args["model_repository"]) / args["model_version"] / filename


def tensor_names(config: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Names of the inputs and of the outputs, in the order of config.pbtxt."""
    return [tensor["name"] for tensor in config["input"]], [tensor["name"] for tensor in config["output"]]


def parameters(config: dict[str, Any]) -> dict[str, str]:
    """The `parameters` of config.pbtxt as plain strings."""
    return {name: value["string_value"] for name, value in config.get("parameters", {}).items()}


def open_session(path: Path, config: dict[str, Any], args: dict[str, str], label: str) -> onnxruntime.InferenceSession:
    """Load `path` with the CUDA provider on a GPU instance, with the CPU provider elsewhere.

    CUDA that can't be used is no reason not to serve, but one for a warning: ONNX Runtime itself falls back to the CPU
    and tells nobody.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = thread_count(config)
    options.log_severity_level = 3
    # A thread that waits by spinning takes the core from the landmark workers that the next batch waits for.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    chosen = providers(config, args, label)
    if chosen != CPU_ONLY:
        try:
            onnxruntime.preload_dlls()  # Finds CUDA and cuDNN inside their Python packages.
            session = onnxruntime.InferenceSession(str(path), options, providers=chosen)
            if "CUDAExecutionProvider" in session.get_providers():
                return session
            reason = "its libraries were not loaded; driver, CUDA and cuDNN must fit onnxruntime-gpu"
        except Exception as error:  # noqa: BLE001 - whatever CUDA says; a bad model fails again below
            reason = one_line(error)
        pb_utils.Logger.log_warn(f"{label}: falls back to the CPU, CUDA can't be used: {reason}")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=CPU_ONLY)
    except Exception as error:
        raise pb_utils.TritonModelException(f"{label}: {path.name} can't be loaded: {one_line(error)}") from error


def thread_count(config: dict[str, Any]) -> int:
    """Threads inside one operator: the parameter `intra_op_thread_count`, or one per usable core."""
    asked = int(parameters(config).get("intra_op_thread_count", "0"))
    return asked if asked > 0 else len(os.sched_getaffinity(0))


def providers(config: dict[str, Any], args: dict[str, str], label: str) -> list[Any]:
    """Execution providers in order of preference.

    Triton has resolved KIND_AUTO by now: the instance kind is GPU only if the server sees one.
    """
    if args["model_instance_kind"] != "GPU":
        return CPU_ONLY
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pb_utils.Logger.log_warn(f"{label}: a GPU is visible, but onnxruntime-gpu is not installed")
        return CPU_ONLY
    options = {"device_id": args["model_instance_device_id"], **cuda_options(config)}
    return [("CUDAExecutionProvider", options), "CPUExecutionProvider"]


def cuda_options(config: dict[str, Any]) -> dict[str, str]:
    """Options of the CUDA provider: those of the accelerator "cuda", then the parameters of the model, which win."""
    accelerators = config.get("optimization", {}).get("execution_accelerators", {})
    options: dict[str, str] = {}
    for accelerator in accelerators.get("gpu_execution_accelerator", []):
        if accelerator["name"] == "cuda":
            options.update(accelerator.get("parameters", {}))
    options.update({name: value for name, value in parameters(config).items() if name in CUDA_PARAMETERS})
    search = options.get("cudnn_conv_algo_search", "1")
    options["cudnn_conv_algo_search"] = CONV_ALGO_SEARCH.get(search, search)
    if options.get("arena_extend_strategy") in ("0", "1"):
        options["arena_extend_strategy"] = ("kNextPowerOfTwo", "kSameAsRequested")[
            int(options["arena_extend_strategy"])
        ]
    return options


def check_tensors(session: onnxruntime.InferenceSession, config: dict[str, Any], label: str) -> None:
    """Compare names and types of the graph's tensors with those of config.pbtxt."""
    for kind, nodes in (("input", session.get_inputs()), ("output", session.get_outputs())):
        graph = {node.name: node.type for node in nodes}
        for tensor in config[kind]:
            name, expected = tensor["name"], ONNX_TYPES.get(tensor["data_type"], tensor["data_type"])
            if graph.get(name) != expected:
                found = ", ".join(f"{other} {type_}" for other, type_ in graph.items())
                raise pb_utils.TritonModelException(
                    f"{label}: config.pbtxt names {kind} '{name}' {expected}, the model has {found}"
                )


def publish_device(model: str, version: str, device: str) -> Any:
    """Set the device gauge on Triton's metrics port; None where the server runs without metrics."""
    try:
        family = pb_utils.MetricFamily(
            name=DEVICE_METRIC,
            description="Device that runs a model version in ONNX Runtime, 1 for the one in use",
            kind=pb_utils.MetricFamily.GAUGE,
        )
        labels = {"model": model, "version": version, "device": device, "process": str(os.getpid())}
        metric = family.Metric(labels=labels)
        metric.set(1)
    except Exception as error:  # noqa: BLE001 - a server without metrics serves all the same
        pb_utils.Logger.log_warn(f"{DEVICE_METRIC} is not published: {one_line(error)}")
        return None
    return family, metric


def triton_tensor(name: str, value: Array) -> Any:
    """Wrap `value` for Triton without copying it."""
    capsule = np.ascontiguousarray(value).__dlpack__()
    tensor = pb_utils.Tensor.from_dlpack(name, capsule)
    # The stub owns the memory now, but marks the capsule as used under a name that numpy does not know. numpy would
    # print an error for every capsule it gets back.
    ctypes.pythonapi.PyCapsule_SetName(ctypes.py_object(capsule), USED_CAPSULE)
    return tensor


def equal_shapes(samples: Sequence[Sample]) -> Iterator[list[Sample]]:
    """Group samples that can be joined along the batch axis."""
    groups: dict[tuple[tuple[int, ...], ...], list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.shape, []).append(sample)
    yield from groups.values()


def joined(parts: list[Array]) -> Array:
    """Concatenate along the batch axis; a single part is passed on as it is."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def failure(message: str, code: Any) -> Any:
    """A response that carries an error instead of tensors."""
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(message, code))


def one_line(error: Exception) -> str:
    """The message of `error` without line breaks, for a status line."""
    return " ".join(str(error).split()) or type(error).__name__
