"""Publish, replace and retire versions in the real tritonserver while requests run: none of them may fail."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
from tritonclient.utils import InferenceServerException

from tests.support.models import Colour, masks, tint_model, tinted, write_config, write_version
from tests.support.triton import TritonServer, mask_input, wait_until

pytestmark = pytest.mark.needs_triton

RED: Colour = (200, 0, 0)
GREEN: Colour = (0, 200, 0)

NUMBERS = itertools.count(1)
"""So that every test has a model of its own in the shared repository."""


@dataclass
class Traffic:
    """Counts of a background client that renders with version 1 all the time."""

    answered: int = 0
    problems: list[str] = field(default_factory=list)

    def wait_for(self, count: int) -> None:
        """Return when `count` more requests are through, answered or not."""
        until = self.answered + count
        wait_until(lambda: self.answered >= until or bool(self.problems))


@contextmanager
def traffic_on_version_1(triton: TritonServer, name: str) -> Iterator[Traffic]:
    traffic, stop = Traffic(), threading.Event()
    mask = masks(4)
    expected = tinted(mask, RED)

    def render() -> None:
        with triton_grpc.InferenceServerClient(triton.target) as client:
            while not stop.is_set():
                try:
                    frames = client.infer(name, [mask_input(mask)], model_version="1").as_numpy("frame")
                    if not np.array_equal(frames, expected):
                        traffic.problems.append("frames of another version")
                except InferenceServerException as error:
                    traffic.problems.append(error.message())
                traffic.answered += 1

    thread = threading.Thread(target=render)
    thread.start()
    try:
        yield traffic
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def style(triton: TritonServer) -> Iterator[str]:
    """A model of the test's own, with version 1 loaded; unloaded afterwards."""
    name = f"style-{next(NUMBERS)}"
    write_version(triton.repository, name, 1, tint_model(RED))
    write_config(triton.repository, name, [1])
    triton.client.load_model(name)
    yield name
    triton.client.unload_model(name)


def add_version_2(triton: TritonServer, name: str) -> None:
    write_version(triton.repository, name, 2, tint_model(GREEN))
    write_config(triton.repository, name, [1, 2])
    triton.client.load_model(name)


def add_version_2_with_new_parameters(triton: TritonServer, name: str) -> None:
    write_version(triton.repository, name, 2, tint_model(GREEN))
    write_config(triton.repository, name, [1, 2], note="card of version 2")
    triton.client.load_model(name)


@pytest.mark.parametrize("publish", [add_version_2, add_version_2_with_new_parameters])
def test_version_2_arrives_while_version_1_serves(
    triton: TritonServer, style: str, publish: Callable[[TritonServer, str], None]
) -> None:
    with traffic_on_version_1(triton, style) as traffic:
        traffic.wait_for(20)
        publish(triton, style)
        np.testing.assert_array_equal(triton.infer(style, masks(2), version=2), tinted(masks(2), GREEN))
        np.testing.assert_array_equal(triton.infer(style, masks(2)), tinted(masks(2), GREEN))
        traffic.wait_for(50)
    assert traffic.problems == []
    assert len(triton.device_lines(style)) >= 2


def test_parameters_of_the_newest_card_can_be_read_back(triton: TritonServer, style: str) -> None:
    add_version_2_with_new_parameters(triton, style)
    for version in ("1", "2"):
        config = triton.client.get_model_config(style, version).config
        assert config.parameters["note"].string_value == "card of version 2"


def test_version_that_cannot_be_loaded_leaves_the_others_serving(triton: TritonServer, style: str) -> None:
    with traffic_on_version_1(triton, style) as traffic:
        write_version(triton.repository, style, 2, tint_model(GREEN))
        (triton.repository / style / "2" / "model.onnx").write_bytes(b"not a model")
        write_config(triton.repository, style, [1, 2])
        with pytest.raises(InferenceServerException, match=r"version 2: model\.onnx can't be loaded"):
            triton.client.load_model(style)
        traffic.wait_for(50)
    assert traffic.problems == []


def test_config_that_cannot_be_parsed_leaves_the_model_serving(triton: TritonServer, style: str) -> None:
    with traffic_on_version_1(triton, style) as traffic:
        (triton.repository / style / "config.pbtxt").write_text("max_batch_size {", encoding="utf-8")
        with pytest.raises(InferenceServerException, match="failed to poll"):
            triton.client.load_model(style)
        traffic.wait_for(50)
    assert traffic.problems == []


def test_retired_version_is_refused_and_the_others_stay(triton: TritonServer, style: str) -> None:
    add_version_2(triton, style)
    with traffic_on_version_1(triton, style) as traffic:
        write_config(triton.repository, style, [1])
        triton.client.load_model(style)
        wait_until(lambda: not triton.client.is_model_ready(style, "2"))
        with pytest.raises(InferenceServerException, match=r"version 2 is not at ready state|unknown version"):
            triton.infer(style, masks(1), version=2)
        traffic.wait_for(50)
    assert traffic.problems == []


def test_version_in_the_policy_without_a_folder_is_not_ready(triton: TritonServer, style: str) -> None:
    write_config(triton.repository, style, [1, 9])
    triton.client.load_model(style)
    assert triton.client.is_model_ready(style, "1")
    assert not triton.client.is_model_ready(style, "9")


def test_load_without_a_change_keeps_the_running_instance(triton: TritonServer, style: str) -> None:
    before = triton.device_lines(style)
    triton.client.load_model(style)
    assert triton.device_lines(style) == before
