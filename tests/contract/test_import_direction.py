"""Services meet on the wire: imports go downwards only, and each heavy library has its one place."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "vid2vid_core": ROOT / "libs/core/src/vid2vid_core",
    "vid2vid_landmarks": ROOT / "services/landmarks/src/vid2vid_landmarks",
    "vid2vid_trainer": ROOT / "services/trainer/src/vid2vid_trainer",
    "vid2vid_renderer": ROOT / "services/renderer/src/vid2vid_renderer",
    "vid2vid_client": ROOT / "client/src/vid2vid_client",
    "vid2vid_demo": ROOT / "demo/src/vid2vid_demo",
}
ALLOWED_SIBLINGS = {"vid2vid_demo": {"vid2vid_core", "vid2vid_client"}}
IMPORTERS = {
    "dlib": {"services/landmarks/src/vid2vid_landmarks/detector.py"},
    "ffmpeg": {"libs/core/src/vid2vid_core/media/"},
    "torch": {"services/trainer/src/vid2vid_trainer/"},
    "onnx": {"services/trainer/src/vid2vid_trainer/"},
    "tritonclient": {
        "services/renderer/src/vid2vid_renderer/generator_client.py",
        "services/trainer/src/vid2vid_trainer/triton_config.py",
        "services/trainer/src/vid2vid_trainer/triton_loader.py",
    },
}


def imports() -> Iterator[tuple[str, Path, str]]:
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    yield from ((package, path, alias.name.split(".")[0]) for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield package, path, node.module.split(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_package_imports_only_core_from_the_workspace(package: str) -> None:
    allowed = ALLOWED_SIBLINGS.get(package, {"vid2vid_core"}) | {package}
    found = {imported for owner, _, imported in imports() if owner == package and imported in PACKAGES}
    assert found, f"{package} has no sources"
    assert found <= allowed


@pytest.mark.parametrize("library", IMPORTERS)
def test_heavy_library_has_its_one_place(library: str) -> None:
    found = {path.relative_to(ROOT).as_posix() for _, path, imported in imports() if imported == library}
    assert found
    strangers = {path for path in found if not any(path.startswith(place) for place in IMPORTERS[library])}
    assert not strangers
