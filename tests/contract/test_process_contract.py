"""Other programs are started in few places, with argument lists, and FFmpeg only with its limits."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("libs/core/src/vid2vid_core", "services", "client/src", "demo/src", "deploy")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
MEDIA = "libs/core/src/vid2vid_core/media/"

STARTERS = {
    "libs/core/src/vid2vid_core/media/process.py": "ffmpeg and ffprobe",
    "services/landmarks/src/vid2vid_landmarks/worker": "detector processes, which are this interpreter",
    "demo/src/vid2vid_demo/": "the local stack and the main job, for people in front of a checkout",
}
"""Who may import subprocess or multiprocessing, and for what."""

SHELLS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "pty.spawn"}
SHELLS |= {"eval", "exec", "pickle.load", "pickle.loads", "marshal.loads", "commands.getoutput"}
EXECUTORS = ("deploy/triton/launch.py", "services/landmarks/src/vid2vid_landmarks/worker")
"""Who may call the kernel itself: the launcher becomes the Triton server, the detector's processes are forks."""


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def nodes(path: Path) -> Iterator[ast.AST]:
    yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def called(path: Path) -> set[str]:
    return {ast.unparse(node.func) for node in nodes(path) if isinstance(node, ast.Call)}


def strings(path: Path) -> set[str]:
    return {node.value for node in nodes(path) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_sources_are_found() -> None:
    assert len(SOURCES) > 100


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_shell_and_no_code_from_data(path: Path) -> None:
    assert called(path) & SHELLS == set()
    shell = [node for node in nodes(path) if isinstance(node, ast.keyword) and node.arg == "shell"]
    assert shell == []


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_only_named_modules_start_processes(path: Path) -> None:
    starts = {"subprocess", "multiprocessing", "asyncio.subprocess", "pty"} & imported(path)
    if starts:
        assert any(relative(path).startswith(place) for place in STARTERS), f"{relative(path)} imports {starts}"
    become = {name for name in called(path) if name.startswith(("os.exec", "os.spawn", "os.posix_spawn", "os.fork"))}
    assert not become or relative(path).startswith(EXECUTORS)


@pytest.mark.parametrize("place", STARTERS)
def test_every_named_module_still_starts_processes(place: str) -> None:
    paths = [path for path in SOURCES if relative(path).startswith(place)]
    assert any({"subprocess", "multiprocessing"} & imported(path) for path in paths)


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_only_the_media_modules_run_ffmpeg(path: Path) -> None:
    if relative(path).startswith((MEDIA, "demo/src/vid2vid_demo/")):
        return
    assert strings(path) & {"ffmpeg", "ffprobe"} == set()
    assert "ffmpeg" not in imported(path)


def inputs(path: Path) -> list[ast.Call]:
    return [
        node for node in nodes(path) if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("ffmpeg.input")
    ]


def test_every_ffmpeg_input_has_a_protocol_whitelist() -> None:
    found = [(path, call) for path in SOURCES if relative(path).startswith(MEDIA) for call in inputs(path)]
    assert len(found) >= 3
    for path, call in found:
        text = ast.unparse(call)
        assert "**process.INPUT_OPTIONS" in text or "protocol_whitelist" in text, f"{relative(path)}: {text}"
