"""What the stack has to go through, one step after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.compose.outside import Client, Clips, RendersInTheBackground, make_clips
from tests.e2e.compose.project import SERVICES, ComposeProject, Failed

MODEL = "e2e"
SIZE_LIMITS_MIB = {"landmarks": 1024, "renderer": 1024, "triton": 1024}
KILLED_BY_ENGINE = 137
"""Exit status of a container that had to be killed because it did not end in time."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the scenario; what it returns is shown beside its time."""

    name: str
    action: Callable[[], str]


class Scenario:
    """The steps share the project, the clips and the client."""

    def __init__(self, project: ComposeProject, folder: Path) -> None:
        self._project = project
        self._data = folder / "data"
        self._out = folder / "out"
        self._out.mkdir()
        self._client = Client(project.target, MODEL, self._out)
        self._clips: Clips | None = None

    def steps(self) -> list[Step]:
        """All steps in order."""
        return [
            Step("build all images", self.build),
            Step("make the clips", self.make_clips),
            Step("bring the stack up, wait for health", self.bring_up),
            Step("look for what should be locked", self.check_locks),
            Step("train version 1 in the trainer's container", self.train_first),
            Step("render through the published port", self.render_first),
            Step("publish version 2 while renders run", self.publish_second),
            Step("render versions 2 and 1", self.render_both),
            *[Step(f"kill {service}, wait for an answer", self._killer(service)) for service in SERVICES],
            Step("stop with SIGTERM during a render", self.stop_during_render),
            Step("down -v", self.take_down),
        ]

    def build(self) -> str:
        """Build every image; the engine's cache counts."""
        self._project.compose("--profile", "train", "build", timeout_s=3600)
        sizes = self._project.image_sizes()
        for part, limit in SIZE_LIMITS_MIB.items():
            if sizes[part] >= limit:
                raise Failed(f"the image of {part} has {sizes[part]:.0f} MiB, allowed are {limit}")
        return f"{len(sizes)} images"

    def make_clips(self) -> str:
        """Make style and content."""
        self._clips = make_clips(self._data)
        return "style, content"

    def bring_up(self) -> str:
        """Start the stack in its order; the trainer is a job and must not start."""
        self._project.compose("up", "-d", timeout_s=300)
        self._project.wait_healthy()
        if self._project.compose("ps", "-q", "trainer", check=False).stdout.strip():
            raise Failed("the trainer was started by `up`")
        return "all healthy"

    def check_locks(self) -> str:
        """Users, file systems, ports and networks are as closed as the README says."""
        for service in SERVICES:
            self._must_succeed(service, "id -u | grep -qx 1000", "runs as another user than 1000")
            self._must_fail(service, "touch /opt/probe", "can write its root file system")
            self._must_succeed(service, "touch /tmp/probe", "can't write /tmp")
            self._must_fail(service, "command -v gcc || command -v cc", "has a compiler")
            published = [host for host in self._project.inspect(service)["NetworkSettings"]["Ports"].values() if host]
            if bool(published) != (service == "renderer"):
                raise Failed(f"{service} publishes {published}")
        self._must_fail("triton", "touch /models/probe", "can write the model repository")
        return "uid 1000, read-only, no compiler, one port"

    def train_first(self) -> str:
        """Publish version 1 from the job."""
        return self._train()

    def render_first(self) -> str:
        """Version 1 renders every frame."""
        render = self._client.must_render(self.clips.content)
        self._expect_version(render.version, 1)
        return f"{render.result['frame_count']} frames"

    def publish_second(self) -> str:
        """Renders go on without a failure while version 2 arrives."""
        background = RendersInTheBackground(self._client, self.clips.long_content)
        with background.running():
            self._train()
        failed = [render.error for render in background.done if render.status != 0]
        if failed or not background.done:
            raise Failed(f"{len(failed)} of {len(background.done)} renders failed: {failed[:1]}")
        self._expect_version(background.done[0].version, 1)
        return f"{len(background.done)} renders, none failed"

    def render_both(self) -> str:
        """The newest is the default, and version 1 still answers."""
        self._expect_version(self._client.must_render(self.clips.content).version, 2)
        self._expect_version(self._client.must_render(self.clips.content, version=1).version, 1)
        return "2 by default, 1 by name"

    def stop_during_render(self) -> str:
        """A render that is under way finishes, or ends in a clear error; no container has to be killed."""
        background = RendersInTheBackground(self._client, self.clips.long_content)
        with background.running():
            self._project.compose("stop", timeout_s=180)
        first = background.done[0]
        if first.status != 0 and "[" not in first.error:
            raise Failed(f"the interrupted render ended without a reason: {first.error}")
        codes = {service: int(self._project.inspect(service)["State"]["ExitCode"]) for service in SERVICES}
        if KILLED_BY_ENGINE in codes.values():
            raise Failed(f"not every container ended by itself: {codes}")
        return "it finished" if first.status == 0 else first.error.splitlines()[-1]

    def take_down(self) -> str:
        """Nothing is left of the project."""
        self._project.compose("down", "--volumes")
        left = self._project.leftovers()
        if left:
            raise Failed(f"left behind: {left}")
        return "no container, volume or network left"

    @property
    def clips(self) -> Clips:
        """The clips, once they are made."""
        if self._clips is None:
            raise Failed("the clips are not made yet")
        return self._clips

    def _train(self) -> str:
        options = ["--style", "/data/style.mp4", "--model", MODEL, "--recipe", "debug", "--size", "128"]
        done = self._project.compose("run", "--rm", "-T", "trainer", "train", *options, timeout_s=300)
        return done.stdout.strip().splitlines()[-1]

    def _killer(self, service: str) -> Callable[[], str]:
        return lambda: self._kill(service)

    def _kill(self, service: str) -> str:
        """Every process of the container dies at once, as when memory runs out; the restart policy does the rest.

        From inside, because Docker takes `docker kill` for the operator's wish and then restarts nothing.
        """
        restarts = int(self._project.inspect(service)["RestartCount"])
        self._project.execute(service, "sh", "-c", "kill -KILL -1")
        seconds = self._client.wait_for_answer(self.clips.content)
        if int(self._project.inspect(service)["RestartCount"]) <= restarts:
            raise Failed(f"{service} was not restarted")
        self._project.wait_healthy()
        return f"answered after {seconds:.0f} s"

    def _must_succeed(self, service: str, script: str, otherwise: str) -> None:
        if self._project.execute(service, "sh", "-c", script).returncode != 0:
            raise Failed(f"{service} {otherwise}")

    def _must_fail(self, service: str, script: str, otherwise: str) -> None:
        if self._project.execute(service, "sh", "-c", script).returncode == 0:
            raise Failed(f"{service} {otherwise}")

    @staticmethod
    def _expect_version(found: int, expected: int) -> None:
        if found != expected:
            raise Failed(f"version {found} rendered instead of {expected}")
