"""A service of the local stack that does not start."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vid2vid_core.errors import LandmarksUnavailable
from vid2vid_demo.service_process import ServiceProcess, ServiceSpec

NOBODY = "127.0.0.1:1"


def spec(code: str) -> ServiceSpec:
    return ServiceSpec(
        name="landmarks",
        command=[sys.executable, "-c", code],
        environment={"GREETING": "from the stack"},
        target=NOBODY,
        health_name="",
        unavailable=LandmarksUnavailable,
    )


def test_end_of_the_log_is_shown_when_a_service_dies_at_its_start(tmp_path: Path) -> None:
    code = "import os, sys; print('first'); print(os.environ['GREETING'], file=sys.stderr); sys.exit(4)"
    service = ServiceProcess(spec(code), tmp_path, grace_s=1)
    try:
        with pytest.raises(LandmarksUnavailable) as caught:
            service.wait_until_ready(20)
    finally:
        service.stop()
    first, *lines = caught.value.message.splitlines()
    assert first == f"landmarks ended with status 4; end of {tmp_path / 'landmarks.log'}:"
    assert sorted(line.strip() for line in lines) == ["first", "from the stack"]


def test_service_that_never_becomes_ready_fails(tmp_path: Path) -> None:
    service = ServiceProcess(spec("import time; time.sleep(600)"), tmp_path, grace_s=1)
    try:
        with pytest.raises(LandmarksUnavailable, match=r"^landmarks is not ready after 0\.3 s"):
            service.wait_until_ready(0.3)
    finally:
        service.stop()
