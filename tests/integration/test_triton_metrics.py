"""The recorded names of Triton's metrics, which dashboard and alerts are checked against, are the real server's."""

from __future__ import annotations

import urllib.request

import pytest

from tests.support.metrics import TRITON_METRICS, names_and_labels, parse_samples
from tests.support.models import masks, tint_model
from tests.support.published import publish
from tests.support.triton import TritonServer

pytestmark = pytest.mark.needs_triton


def test_real_server_exports_what_is_recorded(triton: TritonServer) -> None:
    publish(triton, "triton-metrics", {1: tint_model((255, 0, 0))})
    triton.infer("triton-metrics", masks(2))
    with urllib.request.urlopen(f"http://{triton.metrics_target}/metrics", timeout=5) as answer:
        # Prometheus 3 refuses an endpoint that does not say what it sends.
        assert answer.headers.get_content_type() == "text/plain"
        exported = names_and_labels(parse_samples(answer.read().decode()))
    assert {name: exported.get(name) for name in TRITON_METRICS} == TRITON_METRICS
