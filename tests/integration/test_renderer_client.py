"""The vid2vid command and its Python client against a real renderer with real FFmpeg and fake peers."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
import trustme
from structlog.testing import capture_logs

from tests.support.fakes import FakeGenerator, FakeLandmarks, FakeMedia
from tests.support.renderer_server import RendererServer, running_renderer
from tests.support.videos import audio_packets, ffprobe, frame_times, make_clip, stream_of
from vid2vid_client import Renderer, RenderProgress
from vid2vid_client.cli import run
from vid2vid_core.errors import (
    DeadlineExceeded,
    InternalError,
    NoVideoStream,
    TruncatedMedia,
    UnsupportedMedia,
    UploadTooLarge,
    Vid2VidError,
)
from vid2vid_renderer import render_call
from vid2vid_renderer.convert import summary_message

FRAMES = 20

Serve = Callable[..., RendererServer]


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 frames at 30000/1001 frames per second with sound: the times that FakeLandmarks answers with."""
    path = tmp_path_factory.mktemp("content") / "content.mp4"
    options = ("-video_track_timescale", "30000")
    return make_clip(path, rate="30000/1001", seconds=FRAMES * 1001 / 30000 - 0.001, options=options)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with capture_logs(), ExitStack() as stack:

        def start(**parts: Any) -> RendererServer:
            parts = {"generator": FakeGenerator(), "landmarks": FakeLandmarks(frame_count=FRAMES), **parts}
            return stack.enter_context(running_renderer(tmp_path, **parts))

        yield start


def test_render_writes_a_file_with_the_content_s_frames_times_and_sound(
    serve: Serve, content: Path, tmp_path: Path
) -> None:
    output = tmp_path / "fake.mp4"
    with Renderer(serve().target) as renderer:
        result = renderer.render(content, output, model="anna", timeout_s=30)
    assert (result.frame_count, result.version, result.audio) == (FRAMES, 2, "copied")
    assert result.sha256 == hashlib.sha256(output.read_bytes()).hexdigest()
    assert result.size_bytes == output.stat().st_size
    assert frame_times(output) == frame_times(content)
    assert [packet for _, packet in audio_packets(output)] == [packet for _, packet in audio_packets(content)]
    video = stream_of(output, "v")
    assert (video["codec_name"], video["pix_fmt"], video["width"], video["height"]) == ("h264", "yuv420p", 64, 64)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fake.mp4", "renderer-temp"]


def test_render_is_labelled_as_ai_generated(serve: Serve, content: Path, tmp_path: Path) -> None:
    output = tmp_path / "fake.mp4"
    with Renderer(serve().target) as renderer:
        renderer.render(content, output, model="anna", version=1, timeout_s=30)
    tags = ffprobe(output, "-show_format")["format"]["tags"]
    assert tags["comment"] == "AI-generated: rendered by vid2vid with model anna version 1"
    assert tags["digital_source_type"].endswith("/trainedAlgorithmicMedia")
    assert tags["vid2vid_version"] == "1"
    # The tools that people have: FFmpeg's own text form, and a plain search in the bytes, without any library.
    shown = subprocess.run(["ffmpeg", "-hide_banner", "-i", output], capture_output=True, text=True, check=False).stderr
    assert "AI-generated: rendered by vid2vid" in shown
    assert b"trainedAlgorithmicMedia" in output.read_bytes()


def test_label_survives_a_copy_into_another_file(serve: Serve, content: Path, tmp_path: Path) -> None:
    output, copy = tmp_path / "fake.mp4", tmp_path / "copy.mkv"
    with Renderer(serve().target) as renderer:
        renderer.render(content, output, model="anna", timeout_s=30)
    subprocess.run(["ffmpeg", "-v", "error", "-i", output, "-c", "copy", copy], check=True, timeout=30)
    tags = {key.lower(): value for key, value in ffprobe(copy, "-show_format")["format"]["tags"].items()}
    assert tags["comment"].startswith("AI-generated: ")
    assert tags["digital_source_type"].endswith("/trainedAlgorithmicMedia")


def test_side_by_side_has_three_pictures_and_the_same_times(serve: Serve, content: Path, tmp_path: Path) -> None:
    output = tmp_path / "fake.mp4"
    with Renderer(serve().target) as renderer:
        result = renderer.render(content, output, model="anna", layout="side-by-side", timeout_s=30)
    assert (result.width, result.height) == (192, 64)
    assert frame_times(output) == frame_times(content)
    assert "decode" in result.stage_seconds


def test_progress_covers_upload_and_frames(serve: Serve, content: Path, tmp_path: Path) -> None:
    seen: list[RenderProgress] = []
    server = serve(landmarks=FakeLandmarks(frame_count=FRAMES, delay_s=0.03))
    with Renderer(server.target) as renderer:
        renderer.render(content, tmp_path / "fake.mp4", model="anna", on_progress=seen.append, timeout_s=30)
    uploaded = [progress for progress in seen if progress.stage == "uploading"]
    assert uploaded[-1].done == uploaded[-1].total == content.stat().st_size
    rendering = [progress for progress in seen if progress.stage == "rendering"]
    assert rendering
    assert all(progress.total == FRAMES for progress in rendering)
    assert seen[-1].stage == "muxing"


def cut(content: Path, folder: Path) -> Path:
    path = folder / "cut.mp4"
    path.write_bytes(content.read_bytes()[: content.stat().st_size // 2])
    return path


def text(_content: Path, folder: Path) -> Path:
    path = folder / "text.mp4"
    path.write_text("not a video\n" * 100)
    return path


def sound(content: Path, folder: Path) -> Path:
    path = folder / "sound.m4a"
    subprocess.run(["ffmpeg", "-v", "error", "-i", content, "-vn", "-c", "copy", path], check=True, timeout=30)
    return path


@pytest.mark.parametrize(
    ("make_bad", "error"), [(cut, TruncatedMedia), (text, UnsupportedMedia), (sound, NoVideoStream)]
)
def test_bad_content_is_refused_and_the_next_request_served(
    serve: Serve,
    content: Path,
    tmp_path: Path,
    make_bad: Callable[[Path, Path], Path],
    error: type[Vid2VidError],
) -> None:
    server, output = serve(), tmp_path / "fake.mp4"
    with Renderer(server.target) as renderer:
        with pytest.raises(error) as caught:
            renderer.render(make_bad(content, tmp_path), output, model="anna", timeout_s=30)
        assert not output.exists()
        assert list(server.temp_dir.iterdir()) == []
        assert str(server.temp_dir) not in caught.value.message
        renderer.render(content, output, model="anna", timeout_s=30)
    assert output.exists()


def test_result_that_arrives_damaged_leaves_no_file(
    serve: Serve, content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*values: Any, **fields: Any) -> Any:
        return summary_message(*values, **{**fields, "result_sha256": "0" * 64})

    monkeypatch.setattr(render_call, "summary_message", damaged)
    with Renderer(serve().target) as renderer, pytest.raises(InternalError, match="arrived damaged"):
        renderer.render(content, tmp_path / "fake.mp4", model="anna", timeout_s=30)
    assert [path.name for path in tmp_path.iterdir()] == ["renderer-temp"]


def test_finished_render_does_not_end_as_a_cancelled_call(
    serve: Serve, content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render, active = render_call._render, []

    def lingering(pipeline: Any, order: Any, context: Any) -> Iterator[Any]:
        yield from render(pipeline, order, context)
        time.sleep(0.3)
        active.append(context.is_active())

    monkeypatch.setattr(render_call, "_render", lingering)
    with Renderer(serve().target) as renderer:
        renderer.render(content, tmp_path / "fake.mp4", model="anna", timeout_s=30)
    assert active == [True]


def test_content_over_the_renderer_s_limit_is_refused_without_an_upload(
    serve: Serve, content: Path, tmp_path: Path
) -> None:
    seen: list[RenderProgress] = []
    with Renderer(serve(max_upload_bytes=1000).target) as renderer, pytest.raises(UploadTooLarge, match="1000"):
        renderer.render(content, tmp_path / "fake.mp4", model="anna", on_progress=seen.append, timeout_s=30)
    assert not any(progress.stage == "uploading" for progress in seen)


def ffmpeg_children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if child.name() == "ffmpeg"]


def test_deadline_ends_the_render_on_both_sides(serve: Serve, content: Path, tmp_path: Path) -> None:
    server = serve(landmarks=FakeLandmarks(block_at=3))
    encoders: list[psutil.Process] = []
    started = time.monotonic()
    with Renderer(server.target) as renderer, pytest.raises(DeadlineExceeded):
        renderer.render(
            content,
            tmp_path / "fake.mp4",
            model="anna",
            layout="side-by-side",
            on_progress=lambda _progress: encoders.extend(ffmpeg_children()),
            timeout_s=0.7,
        )
    assert encoders
    while server.admission.active or list(server.temp_dir.iterdir()) or ffmpeg_children():
        assert time.monotonic() - started < 0.7 + 1
        time.sleep(0.01)
    assert [path.name for path in tmp_path.iterdir()] == ["renderer-temp"]


def test_callback_that_fails_ends_the_render_with_its_error(serve: Serve, content: Path, tmp_path: Path) -> None:
    def fail(progress: RenderProgress) -> None:
        raise ZeroDivisionError(progress.stage)

    with Renderer(serve().target) as renderer, pytest.raises(ZeroDivisionError):
        renderer.render(content, tmp_path / "fake.mp4", model="anna", on_progress=fail, timeout_s=30)
    assert [path.name for path in tmp_path.iterdir()] == ["renderer-temp"]


def test_command_prints_the_result_as_json_and_progress_on_stderr(
    serve: Serve, content: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "fake.mp4"
    arguments = ["render", "--model", "anna", "--content", str(content), "-o", str(output), "--json"]
    assert run([*arguments, "--renderer", serve().target]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert (result["output"], result["frame_count"], result["version"]) == (str(output), FRAMES, 2)
    assert err.startswith("uploading: ")


def test_quiet_command_prints_the_result_only(
    serve: Serve, content: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "fake.mp4"
    arguments = ["render", "--model", "anna", "--content", str(content), "-o", str(output), "--quiet"]
    assert run([*arguments, "--renderer", serve().target]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == str(output)
    assert "20 frames of 64x64" in out
    assert err == ""


@pytest.mark.parametrize(
    ("options", "reason"),
    [(["--model", "nobody"], "MODEL_NOT_FOUND"), (["--model", "anna", "--version", "9"], "MODEL_VERSION_NOT_FOUND")],
)
def test_command_reports_a_refusal_in_one_line(
    serve: Serve, content: Path, capsys: pytest.CaptureFixture[str], options: list[str], reason: str
) -> None:
    output = content.with_name("fake.mp4")
    arguments = ["render", *options, "--content", str(content), "-o", str(output), "-q"]
    assert run([*arguments, "--renderer", serve().target]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("vid2vid: error: ")
    assert err.endswith(f"[{reason}]\n")
    assert err.count("\n") == 1
    assert not output.exists()


def test_command_lists_models(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    target = serve().target
    assert run(["models", "--renderer", target]) == 0
    table = capsys.readouterr().out
    assert "anna" in table
    assert run(["models", "--json", "--renderer", target]) == 0
    models = json.loads(capsys.readouterr().out)
    assert [(model["name"], [version["version"] for version in model["versions"]]) for model in models] == [
        ("anna", [1, 2]),
        ("broken", [1]),
    ]


def test_command_exits_with_3_when_triton_is_down(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    server = serve(generator=FakeGenerator(available=False))
    assert run(["models", "--renderer", server.target]) == 3
    assert "[GENERATOR_UNAVAILABLE]" in capsys.readouterr().err


def test_command_talks_tls_to_a_renderer_that_its_authority_vouches_for(
    serve: Serve, content: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    issued = authority.issue_cert("localhost")
    files = {
        "ca.pem": authority.cert_pem.bytes(),
        "stranger.pem": stranger.cert_pem.bytes(),
        "key.pem": issued.private_key_pem.bytes(),
        "certificate.pem": b"".join(part.bytes() for part in issued.cert_chain_pems),
    }
    for name, pem in files.items():
        (tmp_path / name).write_bytes(pem)
    server = serve(tls=(tmp_path / "certificate.pem", tmp_path / "key.pem"))
    target = server.target.replace("127.0.0.1", "localhost")
    render = ["render", "--model", "anna", "--content", str(content), "-o", str(tmp_path / "fake.mp4"), "-q"]
    assert run([*render, "--renderer", target, "--tls-authority", str(tmp_path / "ca.pem")]) == 0
    for options, hint in (
        ([], "talks TLS: use --tls, or --tls-authority FILE"),
        (["--tls"], "does not answer"),
        (["--tls-authority", str(tmp_path / "stranger.pem")], "does not answer"),
    ):
        assert run(["models", "--renderer", target, *options]) == 3
        message = capsys.readouterr().err
        assert hint in message
        assert message.endswith("[RENDERER_UNAVAILABLE]\n")
        assert message.count("\n") == 1


def test_tls_towards_a_plain_renderer_fails_in_one_line(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "--renderer", serve().target, "--tls"]) == 3
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert message.endswith("[RENDERER_UNAVAILABLE]\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_cancels_the_render_and_leaves_no_file(
    serve: Serve, content: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    media = FakeMedia()
    server = serve(landmarks=FakeLandmarks(block_at=3), media=media)
    output = tmp_path / "fake.mp4"
    command = [sys.executable, "-m", "vid2vid_client", "render", "--model", "anna", "--content", str(content)]
    process = subprocess.Popen(
        [*command, "-o", str(output), "--renderer", server.target], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 20
    while not media.writers:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=10)
    assert process.returncode == code
    assert "Traceback" not in err
    while server.admission.active:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert [path.name for path in tmp_path.iterdir()] == ["renderer-temp"]
    assert media.writers[0].aborted.is_set()
