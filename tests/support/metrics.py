"""Names and labels of the metrics that the services export, per Prometheus job."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest

from vid2vid_core.errors import InternalError
from vid2vid_core.landmarks import LandmarkSource
from vid2vid_core.landmarks_client import TrackSummary
from vid2vid_core.rpc.metrics import RpcMetrics
from vid2vid_landmarks.metrics import LandmarkMetrics
from vid2vid_renderer.metrics import RenderMetrics

Exported = dict[str, set[str]]
"""Sample name -> its labels."""

_SAMPLE = re.compile(r"^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:\\.|[^"\\])*)"')

_MODEL = {"model", "version"}

TRITON_METRICS: Exported = {
    "nv_inference_request_success": _MODEL,
    "nv_inference_request_failure": {*_MODEL, "reason"},
    "nv_inference_count": _MODEL,
    "nv_inference_exec_count": _MODEL,
    "nv_inference_request_duration_us": _MODEL,
    "nv_inference_queue_duration_us": _MODEL,
    "nv_inference_compute_input_duration_us": _MODEL,
    "nv_inference_compute_infer_duration_us": _MODEL,
    "nv_inference_compute_output_duration_us": _MODEL,
    "nv_inference_pending_request_count": _MODEL,
    "nv_pinned_memory_pool_total_bytes": set(),
    "nv_pinned_memory_pool_used_bytes": set(),
    "nv_cpu_utilization": set(),
    "nv_cpu_memory_total_bytes": set(),
    "nv_cpu_memory_used_bytes": set(),
    "vid2vid_onnxruntime_device": {*_MODEL, "device", "process"},
}
"""What Triton 2.51 exports on a machine without a GPU; tests/integration/test_triton_metrics.py asks the real one."""

TRITON_GPU_METRICS: Exported = {
    "nv_gpu_utilization": {"gpu_uuid"},
    "nv_gpu_memory_used_bytes": {"gpu_uuid"},
    "nv_gpu_memory_total_bytes": {"gpu_uuid"},
}
"""What it adds on a GPU host, from Triton's documentation."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of an endpoint's answer."""

    name: str
    labels: dict[str, str]
    value: float


def parse_samples(text: str) -> list[Sample]:
    """Read Prometheus' text format. The Python client's own parser renames Triton's counters, which lack ``_total``."""
    return [
        Sample(name, dict(_LABEL.findall(labels)), float(value))
        for name, labels, value in _SAMPLE.findall(text)
        if not name.endswith("_created")
    ]


def names_and_labels(samples: Iterable[Sample]) -> Exported:
    """Each name with the labels that it has."""
    exported: Exported = {}
    for sample in samples:
        exported.setdefault(sample.name, set()).update(sample.labels)
    return exported


def exported_by_job() -> dict[str, Exported]:
    """What each job of deploy/prometheus/prometheus.yml exports; ``up`` is Prometheus' own."""
    jobs = {
        "landmarks": _samples(_landmarks()),
        "renderer": _samples(_renderer()),
        "triton": {**TRITON_METRICS, **TRITON_GPU_METRICS},
        "prometheus": {},
    }
    return {job: {**exported, "up": set()} for job, exported in jobs.items()}


def _landmarks() -> CollectorRegistry:
    metrics = LandmarkMetrics()
    metrics.count_frame(LandmarkSource.DETECTED)
    metrics.count_clip(
        TrackSummary(
            frame_count=1, detected_count=1, interpolated_count=0, held_count=0, multiple_face_count=0, elapsed_s=1.0
        )
    )
    with metrics.stage("scout"):
        pass
    return _with_a_call(metrics.registry)


def _renderer() -> CollectorRegistry:
    metrics = RenderMetrics()
    metrics.frames.labels("anna", 1).inc()
    metrics.busy("encode")(1.0)
    return _with_a_call(metrics.registry)


def _with_a_call(registry: CollectorRegistry) -> CollectorRegistry:
    try:
        with RpcMetrics(registry).call("/vid2vid.Service/Method"):
            raise InternalError("counted")
    except InternalError:
        return registry


def _samples(registry: CollectorRegistry) -> Exported:
    return names_and_labels(parse_samples(generate_latest(registry).decode()))


def own_metrics(jobs: Iterable[Exported]) -> set[str]:
    """Our metrics as documentation names them: without the suffixes of a histogram's samples."""
    names = {name for exported in jobs for name in exported if name.startswith("vid2vid_")}
    histograms = {name.removesuffix("_bucket") for name in names if name.endswith("_bucket")}
    parts = {f"{histogram}_{part}" for histogram in histograms for part in ("bucket", "sum", "count")}
    return (names - parts) | histograms
