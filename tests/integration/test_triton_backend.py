"""Our ONNX Runtime backend in the real tritonserver: one version of a model."""

from __future__ import annotations

import queue
from typing import Any

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

from tests.support.models import masks, picky_model, tint_model, tinted, write_config, write_version
from tests.support.triton import TritonServer, mask_input, wait_until

pytestmark = pytest.mark.needs_triton

COLOUR = (10, 200, 30)

ONE_BATCH = "dynamic_batching { preferred_batch_size: [ 8 ] max_queue_delay_microseconds: 2000000 }"
"""Makes Triton wait until eight masks are there."""


def publish(triton: TritonServer, name: str, model: Any, **config: Any) -> None:
    write_version(triton.repository, name, 1, model)
    write_config(triton.repository, name, [1], **config)
    triton.client.load_model(name)


def infer_together(triton: TritonServer, name: str, batches: list[Any]) -> list[Any]:
    """Send requests without waiting in between; results or exceptions in the order of the requests."""
    answers: queue.Queue[tuple[int, Any]] = queue.Queue()
    for index, batch in enumerate(batches):
        triton.client.async_infer(
            name,
            [mask_input(batch)],
            callback=lambda result, error, index=index: answers.put((index, error or result.as_numpy("frame"))),
        )
    ordered = dict(answers.get(timeout=30) for _ in batches)
    return [ordered[index] for index in range(len(batches))]


def counts(triton: TritonServer, name: str) -> tuple[int, int]:
    """How many masks a model has rendered, and in how many batches."""
    statistics = triton.client.get_inference_statistics(name).model_stats[0]
    return statistics.inference_count, statistics.execution_count


@pytest.fixture(scope="module")
def tint(triton: TritonServer) -> str:
    publish(triton, "tint", tint_model(COLOUR))
    return "tint"


@pytest.mark.parametrize("count", [1, 3, 16])
def test_backend_answers_what_the_network_computes(triton: TritonServer, tint: str, count: int) -> None:
    mask = masks(count)
    np.testing.assert_array_equal(triton.infer(tint, mask), tinted(mask, COLOUR))


def test_backend_runs_waiting_requests_as_one_batch(triton: TritonServer) -> None:
    publish(triton, "batched", tint_model(COLOUR), batching=ONE_BATCH)
    batches = [masks(count) for count in (1, 2, 4, 1)]
    for batch, frames in zip(batches, infer_together(triton, "batched", batches), strict=True):
        np.testing.assert_array_equal(frames, tinted(batch, COLOUR))
    wait_until(lambda: counts(triton, "batched")[0] == 8)  # Triton counts a little after it has answered.
    assert counts(triton, "batched") == (8, 1)


def test_backend_fails_only_the_guilty_request_of_a_batch(triton: TritonServer) -> None:
    publish(triton, "picky", picky_model(table_size=200), batching=ONE_BATCH)
    good, bad = np.full((2, 64, 64), 7, np.uint8), np.full((4, 64, 64), 255, np.uint8)
    first, failed, last = infer_together(triton, "picky", [good, bad, good])
    for frames in (first, last):
        np.testing.assert_array_equal(frames, np.full((2, 64, 64, 3), 7, np.uint8))
    assert isinstance(failed, InferenceServerException)
    assert "Gather" in failed.message()


def test_wrong_mask_size_is_refused_and_the_next_request_answered(triton: TritonServer, tint: str) -> None:
    with pytest.raises(InferenceServerException, match=r"unexpected shape for input 'mask'.*\[-1,64,64\]"):
        triton.infer(tint, masks(1, size=32))
    assert triton.infer(tint, masks(1)).shape == (1, 64, 64, 3)


def test_batch_over_the_limit_is_refused(triton: TritonServer, tint: str) -> None:
    with pytest.raises(InferenceServerException, match="batch-size must be <= 16"):
        triton.infer(tint, masks(17))


def test_device_metric_names_the_device_while_a_version_is_loaded(triton: TritonServer) -> None:
    publish(triton, "metered", tint_model(COLOUR))
    (line,) = triton.device_lines("metered")
    assert 'version="1"' in line
    assert 'device="cpu"' in line or 'device="cuda"' in line
    triton.client.unload_model("metered")
    wait_until(lambda: triton.device_lines("metered") == [])


def test_unloaded_model_is_gone_and_comes_back_with_a_load_call(triton: TritonServer) -> None:
    publish(triton, "returning", tint_model(COLOUR))
    triton.client.unload_model("returning")
    wait_until(lambda: not triton.client.is_model_ready("returning"))
    with pytest.raises(InferenceServerException, match="unknown model"):
        triton.infer("returning", masks(1))
    triton.client.load_model("returning")
    assert triton.infer("returning", masks(1)).shape == (1, 64, 64, 3)


def test_tensors_that_differ_from_config_pbtxt_are_refused(triton: TritonServer) -> None:
    write_version(triton.repository, "wrong-type", 1, tint_model(COLOUR))
    write_config(triton.repository, "wrong-type", [1])
    path = triton.repository / "wrong-type" / "config.pbtxt"
    path.write_text(
        path.read_text(encoding="utf-8").replace("TYPE_UINT8 dims: [ 64, 64 ]", "TYPE_FP32 dims: [ 64, 64 ]")
    )
    expected = r"config.pbtxt names input 'mask' tensor\(float\), the model has mask tensor\(uint8\)"
    with pytest.raises(InferenceServerException, match=expected):
        triton.client.load_model("wrong-type")


def test_broken_model_does_not_take_the_server_down(triton: TritonServer, tint: str) -> None:
    write_version(triton.repository, "broken", 1, tint_model(COLOUR))
    (triton.repository / "broken" / "1" / "model.onnx").write_bytes(b"not a model")
    write_config(triton.repository, "broken", [1])
    with pytest.raises(InferenceServerException, match=r"broken version 1: model.onnx can't be loaded"):
        triton.client.load_model("broken")
    assert triton.client.is_server_ready()
    assert triton.infer(tint, masks(1)).shape == (1, 64, 64, 3)
