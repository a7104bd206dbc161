"""Which device runs a model version, from the metric that our Triton backend exports.

Triton's own API does not say it, and ``KIND_AUTO`` falls back to the CPU in silence.
"""

from __future__ import annotations

import http.client
import re

from vid2vid_core.logging import get_logger

METRIC = "vid2vid_onnxruntime_device"
"""Gauge with the labels model, version and device; its value says nothing more."""

_LINE = re.compile(rf"^{METRIC}\{{(?P<labels>[^}}]*)\}}", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_TIMEOUT_S = 1.0
_MAX_BYTES = 4 * 2**20

_log = get_logger(__name__)


class TritonDevices:
    """Asks a metrics endpoint; answers "unknown" rather than failing, since no render needs it."""

    def __init__(self, target: str) -> None:
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
    devices: dict[tuple[str, int], str] = {}
    for line in _LINE.finditer(metrics):
        labels = dict(_LABEL.findall(line["labels"]))
        if labels.get("version", "").isdecimal() and "model" in labels:
            devices[labels["model"], int(labels["version"])] = labels.get("device", "")
    return devices
