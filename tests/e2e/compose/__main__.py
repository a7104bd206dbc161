"""The stack as containers, from `build` to `down`, with the real engine: ``make e2e-compose``.

Not collected by pytest, because it needs Docker. The project has a name and a port of its own, so a stack that is
running stays untouched; everything but the images is removed in the end, also after a failure or Ctrl-C.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.e2e.compose.project import ROOT, SERVICES, ComposeProject, Failed, docker
from tests.e2e.compose.scenario import Scenario, Step
from tests.support.ports import free_port


def main() -> int:
    """Run every step; returns the exit status."""
    signal.signal(signal.SIGTERM, _interrupt)
    with tempfile.TemporaryDirectory(prefix="vid2vid-e2e-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        folder.chmod(0o755)
        try:
            docker("version")  # asks the engine, too: without it there is nothing to clean up either
            project = ComposeProject(
                name=f"vid2vid-e2e-{time.time_ns() // 10**6}",
                port=free_port(),
                data=folder / "data",
                version=setting("VID2VID_VERSION"),
            )
        except Failed as problem:
            print(f"e2e-compose: {problem}", file=sys.stderr)
            return 1
        return run_scenario(project, Scenario(project, folder))


def run_scenario(project: ComposeProject, scenario: Scenario) -> int:
    """Run the steps, show their times, clean up."""
    times: list[tuple[str, float, str]] = []
    try:
        for step in scenario.steps():
            times.append(run_step(step))
    except Failed as problem:
        print(f"FAILED: {problem}", file=sys.stderr)
        show_logs(project)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    finally:
        show_table(times)
        clean_up(project)
    for part, size in project.image_sizes().items():
        print(f"image {part:<10} {size:6.0f} MiB")
    return 0


def run_step(step: Step) -> tuple[str, float, str]:
    """Name, seconds and finding of a step."""
    print(f"... {step.name}", flush=True)
    started = time.monotonic()
    finding = step.action()
    return step.name, time.monotonic() - started, finding


def show_table(times: list[tuple[str, float, str]]) -> None:
    """One line per step that succeeded."""
    print()
    for name, seconds, finding in times:
        print(f"{seconds:7.1f} s  {name:<44} {finding}")
    print(f"{sum(seconds for _, seconds, _ in times):7.1f} s  in all", flush=True)


def show_logs(project: ComposeProject) -> None:
    """The end of every service's log."""
    for service in SERVICES:
        logs = project.compose("logs", "--no-color", "--tail=25", service, check=False)
        print(logs.stdout, file=sys.stderr)


def clean_up(project: ComposeProject) -> None:
    """Remove whatever is left; a second Ctrl-C must not stop that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # First the trainer, if its client was interrupted: it is no container of the stack, and `down` overlooks it.
    for container in project.containers():
        docker("rm", "--force", "--volumes", container)
    if project.leftovers():
        project.compose("down", "--volumes", "--remove-orphans")


def setting(name: str) -> str:
    """A variable of .env."""
    for line in (ROOT / ".env").read_text().splitlines():
        key, _, value = line.partition("=")
        if key == name:
            return value
    raise Failed(f".env has no {name}")


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
