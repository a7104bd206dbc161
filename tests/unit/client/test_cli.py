from __future__ import annotations

from pathlib import Path

import pytest

import vid2vid_client
from tests.support.ports import free_port
from vid2vid_client.cli import run
from vid2vid_client.settings import ClientSettings
from vid2vid_core.errors import ConfigurationError


@pytest.fixture
def content(tmp_path: Path) -> Path:
    path = tmp_path / "content.mp4"
    path.write_bytes(b"not looked into here")
    return path


def one_error_line(captured: pytest.CaptureFixture[str]) -> str:
    out, err = captured.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1, err
    assert err.startswith("vid2vid: error: ")
    return err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["sing"], "No such command 'sing'", id="unknown command"),
        pytest.param(["render", "--model", "anna"], "Missing option '--content'", id="missing option"),
        pytest.param(["models", "--all"], "No such option: --all", id="unknown option"),
        pytest.param(["models", "--renderer", "nowhere"], "expected HOST:PORT", id="bad address"),
        pytest.param(
            ["render", "--model", "a", "--content", "c", "-o", "o", "--layout", "x"], "side-by-side", id="bad layout"
        ),
        pytest.param(
            ["render", "--model", "a", "--content", "c", "-o", "o", "--version", "0"], "--version", id="bad version"
        ),
    ],
)
def test_wrong_command_line_exits_with_2(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert words in one_error_line(capsys)


def test_help_exits_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    assert "render" in capsys.readouterr().out


def test_renderer_that_is_down_exits_with_3(content: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = f"127.0.0.1:{free_port()}"
    for arguments in (
        ["models"],
        ["render", "--model", "anna", "--content", str(content), "-o", str(tmp_path / "fake.mp4")],
    ):
        assert run([*arguments, "--renderer", target]) == 3
        error = one_error_line(capsys)
        assert target in error
        assert "[RENDERER_UNAVAILABLE]" in error
    assert list(tmp_path.iterdir()) == [content]


@pytest.mark.parametrize(
    ("name", "reason"), [("missing.mp4", "UNSUPPORTED_MEDIA"), ("empty.mp4", "EMPTY_MEDIA"), (".", "UNSUPPORTED_MEDIA")]
)
def test_bad_content_file_exits_with_1_before_connecting(
    name: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.mp4").touch()
    arguments = ["--model", "anna", "--content", str(tmp_path / name), "-o", str(tmp_path / "fake.mp4")]
    assert run(["render", *arguments, "--renderer", f"127.0.0.1:{free_port()}"]) == 1
    assert f"[{reason}]" in one_error_line(capsys)


def test_output_in_a_missing_folder_exits_with_1_before_connecting(
    content: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "nowhere" / "fake.mp4"
    arguments = ["--model", "anna", "--content", str(content), "-o", str(output)]
    assert run(["render", *arguments, "--renderer", f"127.0.0.1:{free_port()}"]) == 1
    assert "[OUTPUT_NOT_WRITABLE]" in one_error_line(capsys)


def test_bad_model_name_exits_with_1_before_connecting(
    content: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", "../anna", "--content", str(content), "-o", str(tmp_path / "fake.mp4")]
    assert run(["render", *arguments, "--renderer", f"127.0.0.1:{free_port()}"]) == 1
    assert "[INVALID_MODEL_NAME]" in one_error_line(capsys)


def test_bad_environment_exits_with_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("VID2VID_CLIENT_RENDERER", "nowhere")
    assert run(["models"]) == 1
    assert "VID2VID_CLIENT_RENDERER='nowhere'" in one_error_line(capsys)


def test_option_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VID2VID_CLIENT_RENDERER", "env:1")
    monkeypatch.setenv("VID2VID_CLIENT_TLS", "true")
    assert ClientSettings.overridden(renderer=None, tls=None) == ClientSettings(renderer="env:1", tls=True)
    assert ClientSettings.overridden(renderer="given:2", tls=False) == ClientSettings(renderer="given:2", tls=False)


def test_authority_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read"):
        vid2vid_client.Renderer("127.0.0.1:1", tls_authority=tmp_path / "ca.pem")


def test_every_public_name_can_be_imported() -> None:
    assert all(hasattr(vid2vid_client, name) for name in vid2vid_client.__all__)
