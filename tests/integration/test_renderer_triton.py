"""TritonGenerator, and a whole render, against the real tritonserver."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from tests.support.fakes import FakeLandmarks, number_of, numbered_mask, resolved_model
from tests.support.models import masks, picky_model, tint_model, tinted, write_config, write_version
from tests.support.ports import free_port
from tests.support.published import model_card, publish
from tests.support.renderer_server import running_renderer
from tests.support.triton import TritonServer, wait_until
from tests.support.videos import frame_times, make_clip
from vid2vid_client import Renderer
from vid2vid_core.errors import (
    ContractViolation,
    GeneratorUnavailable,
    InternalError,
    InvalidModelName,
    MaskSpecMismatch,
    ModelNotFound,
    ModelNotReady,
    ModelVersionNotFound,
)
from vid2vid_renderer.generator import ModelState
from vid2vid_renderer.generator_client import TritonGenerator
from vid2vid_renderer.triton_metrics import TritonDevices

pytestmark = pytest.mark.needs_triton

RED, GREEN = (200, 10, 30), (10, 200, 30)


@pytest.fixture(scope="module")
def generator(triton: TritonServer) -> Iterator[TritonGenerator]:
    generator = TritonGenerator(triton.target, devices=TritonDevices(triton.metrics_target))
    yield generator
    generator.close()


@pytest.fixture(scope="module")
def style(triton: TritonServer) -> str:
    """A style with version 1, which paints red, and version 2, which paints green."""
    publish(triton, "renderer-style", {1: tint_model(RED), 2: tint_model(GREEN)})
    return "renderer-style"


def test_newest_version_is_resolved_with_its_card(generator: TritonGenerator, style: str) -> None:
    model = generator.resolve(style, 0)
    card = model_card([1, 2])
    assert (model.name, model.version, model.max_batch_size, model.mask_spec) == (style, 2, 16, card.mask_spec)
    expected = card.versions[2].reference_geometry.points
    np.testing.assert_allclose(model.reference_geometry.points, expected, atol=1e-5)


def test_pinned_version_renders_differently(generator: TritonGenerator, style: str) -> None:
    batch = masks(5)
    for version, colour in ((1, RED), (2, GREEN)):
        model = generator.resolve(style, version)
        frames = generator.infer_async(model, batch, timeout_s=30).result(30)
        np.testing.assert_array_equal(frames, tinted(batch, colour))


def test_requests_from_many_threads_get_their_own_frames(generator: TritonGenerator, style: str) -> None:
    model = generator.resolve(style, 1)
    wrong: list[int] = []

    def render(first: int) -> None:
        numbers = range(first, first + 30)
        futures = [generator.infer_async(model, numbered_mask(n)[None], timeout_s=30) for n in numbers]
        answers = [number_of(future.result(30)[0]) for future in futures]
        wrong.extend(answer for answer, number in zip(answers, numbers, strict=True) if answer != number)

    threads = [threading.Thread(target=render, args=(1000 * index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_models_are_listed_with_states_devices_and_cards(
    triton: TritonServer, generator: TritonGenerator, style: str
) -> None:
    status = generator.get_model(style)
    assert style in [listed.name for listed in generator.list_models()]
    assert [(version.version, version.state) for version in status.versions] == [
        (1, ModelState.READY),
        (2, ModelState.READY),
    ]
    assert status.card is not None
    assert status.card.versions[1].training_run == "00001-test"
    assert status.max_batch_size == 16
    wait_until(lambda: {version.device for version in generator.get_model(style).versions} == {"cpu"})


def test_model_that_is_not_ours_is_listed_without_a_card_and_not_rendered(
    triton: TritonServer, generator: TritonGenerator
) -> None:
    write_version(triton.repository, "stranger", 1, tint_model(RED))
    write_config(triton.repository, "stranger", [1])
    triton.client.load_model("stranger")
    assert generator.get_model("stranger").card is None
    with pytest.raises(ContractViolation, match="not a vid2vid model"):
        generator.resolve("stranger", 0)


def test_unknown_model_or_version_is_refused(generator: TritonGenerator, style: str) -> None:
    with pytest.raises(ModelNotFound, match=f"'nobody'.*{style}"):
        generator.resolve("nobody", 0)
    with pytest.raises(ModelVersionNotFound, match="no version 9; versions there are: 1, 2"):
        generator.resolve(style, 9)
    with pytest.raises(InvalidModelName, match="allowed are"):
        generator.resolve(f"../{style}", 0)


def test_unloaded_model_is_not_ready(triton: TritonServer, generator: TritonGenerator) -> None:
    publish(triton, "renderer-unloaded", {1: tint_model(RED)})
    model = generator.resolve("renderer-unloaded", 1)
    triton.client.unload_model("renderer-unloaded")
    wait_until(lambda: not triton.client.is_model_ready("renderer-unloaded"))
    with pytest.raises(ModelNotReady, match="version 1 is un"):
        generator.resolve("renderer-unloaded", 1)
    with pytest.raises(ModelNotReady):
        generator.infer_async(model, masks(1), timeout_s=30).result(30)


def test_newer_mask_spec_is_refused(triton: TritonServer, generator: TritonGenerator) -> None:
    parameters = model_card([1]).to_parameters()
    parameters["vid2vid.mask_spec"] = parameters["vid2vid.mask_spec"].replace('"version":1', '"version":99')
    publish(triton, "renderer-newer", {1: tint_model(RED)}, parameters=parameters)
    with pytest.raises(MaskSpecMismatch, match="version 99"):
        generator.resolve("renderer-newer", 0)


def test_version_without_a_card_is_refused(triton: TritonServer, generator: TritonGenerator) -> None:
    publish(triton, "renderer-cardless", {1: tint_model(RED)}, parameters=model_card([2]).to_parameters())
    with pytest.raises(ContractViolation, match="don't describe version 1"):
        generator.resolve("renderer-cardless", 0)


def test_tensors_of_another_size_than_the_card_s_are_refused(triton: TritonServer, generator: TritonGenerator) -> None:
    parameters = model_card([1], size=128).to_parameters()
    publish(triton, "renderer-size", {1: tint_model(RED)}, parameters=parameters)
    with pytest.raises(ContractViolation, match=r"expected the input mask UINT8 \[-1, 128, 128\], found .*64"):
        generator.resolve("renderer-size", 0)


def test_failure_inside_the_network_is_reported_in_one_line(triton: TritonServer, generator: TritonGenerator) -> None:
    publish(triton, "renderer-picky", {1: picky_model(table_size=10)})
    model = generator.resolve("renderer-picky", 0)
    with pytest.raises(InternalError, match="Triton failed: ") as caught:
        generator.infer_async(model, np.full((1, 64, 64), 255, np.uint8), timeout_s=30).result(30)
    assert "\n" not in caught.value.message


def test_cancelled_future_cancels_the_request(generator: TritonGenerator, style: str) -> None:
    model = generator.resolve(style, 1)
    futures: list[Future[Any]] = [generator.infer_async(model, masks(16), timeout_s=30) for _ in range(8)]
    assert futures[-1].cancel()
    with pytest.raises(CancelledError):
        futures[-1].result(0)
    for future in futures[:-1]:
        assert future.result(30).shape == (16, 64, 64, 3)


def test_deadline_of_a_request_is_honoured(generator: TritonGenerator, style: str) -> None:
    model = generator.resolve(style, 1)
    with pytest.raises(GeneratorUnavailable, match="does not answer"):
        generator.infer_async(model, masks(16), timeout_s=1e-6).result(30)


def test_triton_that_is_down_is_named_with_its_address() -> None:
    target = f"127.0.0.1:{free_port()}"
    generator = TritonGenerator(target, peer_timeout_s=2)
    started = time.monotonic()
    for question in (generator.check, generator.list_models, lambda: generator.resolve("anna", 0)):
        with pytest.raises(GeneratorUnavailable, match=f"Triton at {target} does not answer"):
            question()
    assert time.monotonic() - started < 5
    with pytest.raises(GeneratorUnavailable):
        generator.infer_async(resolved_model(), masks(1), timeout_s=5).result(10)
    generator.close()


def test_triton_that_is_up_passes_the_check(generator: TritonGenerator) -> None:
    generator.check()


def test_render_keeps_its_version_while_a_newer_one_is_published(
    triton: TritonServer, generator: TritonGenerator, tmp_path: Path
) -> None:
    publish(triton, "renderer-growing", {1: tint_model(RED)})
    content = make_clip(
        tmp_path / "content.mp4",
        rate="30000/1001",
        seconds=60 * 1001 / 30000 - 0.001,
        options=("-video_track_timescale", "30000"),
    )
    landmarks = FakeLandmarks(frame_count=60, delay_s=0.02)
    with (
        capture_logs(),
        running_renderer(tmp_path, generator=generator, landmarks=landmarks) as server,
        Renderer(server.target) as renderer,
    ):
        published = threading.Event()

        def publish_once(progress: Any) -> None:
            if progress.stage == "rendering" and not published.is_set():
                published.set()
                publish(triton, "renderer-growing", {1: tint_model(RED), 2: tint_model(GREEN)})

        first = renderer.render(
            content, tmp_path / "1.mp4", model="renderer-growing", on_progress=publish_once, timeout_s=60
        )
        assert published.is_set()
        second = renderer.render(content, tmp_path / "2.mp4", model="renderer-growing", timeout_s=60)
        again = renderer.render(content, tmp_path / "1b.mp4", model="renderer-growing", version=1, timeout_s=60)
    assert [result.version for result in (first, second, again)] == [1, 2, 1]
    assert [result.frame_count for result in (first, second, again)] == [60, 60, 60]
    assert frame_times(tmp_path / "1.mp4") == frame_times(content)
    assert first.sha256 == again.sha256 != second.sha256
