"""Which device runs a model version, from what Triton exports for Prometheus.

Triton's own API does not say it, and ``KIND_AUTO`` falls back to the CPU in silence. Our backend has a metric for the
device that ONNX Runtime took. Where NVIDIA's backend serves, Triton's counters of a version name its instances' GPU.
"""

from __future__ import annotations

import http.client
import re

from vid2vid_core.logging import get_logger

METRIC = "vid2vid_onnxruntime_device"
"""Gauge with the labels model, version and device; its value says nothing more."""

TRITON_COUNTER = "nv_inference_count"
"""Triton's own, there from the load on, with the labels model, version and, for an instance on a GPU, gpu_uuid."""

GPU_GAUGE = "nv_gpu_memory_total_bytes"
"""Triton exports it for every GPU that it sees: with it, a version without a gpu_uuid runs on the CPU."""

_LINE = re.compile(rf"^(?P<name>{METRIC}|{TRITON_COUNTER}|{GPU_GAUGE})\{{(?P<labels>[^}}]*)\}}", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_TIMEOUT_S = 1.0
_MAX_BYTES = 4 * 2**20

_log = get_logger(__name__)


class TritonDevices:
    """Asks a metrics endpoint; answers "unknown" rather than failing, since no render needs it."""

    def __init__(self, target: str | None) -> None:
        self._target = target

    def __call__(self) -> dict[tuple[str, int], str]:
        """The device of each (model, version), as far as it is known."""
        if not self._target:
            return {}
        connection = http.client.HTTPConnection(self._target, timeout=_TIMEOUT_S)
        try:
            connection.request("GET", "/metrics")
            return parse_devices(connection.getresponse().read(_MAX_BYTES).decode(errors="replace"))
        except (OSError, http.client.HTTPException) as error:
            _log.info("Triton's metrics are out of reach: devices unknown", target=self._target, error=str(error))
            return {}
        finally:
            connection.close()


def parse_devices(metrics: str) -> dict[tuple[str, int], str]:
    """The device of each (model, version), from Prometheus' text format."""
    lines = [(line["name"], dict(_LABEL.findall(line["labels"]))) for line in _LINE.finditer(metrics)]
    sees_gpu = any(name == GPU_GAUGE for name, _ in lines)
    instances: dict[tuple[str, int], str] = {}
    devices: dict[tuple[str, int], str] = {}
    for name, labels in lines:
        if "model" not in labels or not labels.get("version", "").isdecimal():
            continue
        version = labels["model"], int(labels["version"])
        if name == METRIC:
            devices[version] = labels.get("device", "")
        elif "gpu_uuid" in labels:
            instances[version] = "cuda"
        elif sees_gpu:
            instances.setdefault(version, "cpu")
    return instances | devices
