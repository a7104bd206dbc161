"""The main job: two clips in; train, publish, render; a talking result out, with a sheet and figures to judge it by."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vid2vid_client import Layout, Renderer, RenderResult
from vid2vid_client.display import choose_display
from vid2vid_core.landmarks_client import LandmarksClient
from vid2vid_demo.clips import content_plan, make_clip, style_plan
from vid2vid_demo.contact_sheet import choose_moments, compose_sheet, read_frames, write_contact_sheet
from vid2vid_demo.narration import Narration
from vid2vid_demo.options import JobOptions, check_options
from vid2vid_demo.quality import FaceTrack, Quality, compare, read_timing, track_face
from vid2vid_demo.stack import CHECKOUT, LocalStack, triton_python
from vid2vid_demo.training import Training, TrainingPlan, train

STEPS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """What the job came to."""

    style: Path
    content: Path
    training: Training
    renders: dict[Layout, RenderResult]
    quality: Quality
    seconds: dict[str, float]
    """Wall time of every step."""


@dataclass(slots=True)
class MainJob:
    """One run of the main job; `run` does it all, the other methods are its steps."""

    options: JobOptions
    narration: Narration
    _seconds: dict[str, float] = field(default_factory=dict)

    def run(self) -> JobReport:
        """Do the job.

        Raises:
            Vid2VidError: One line that says what is wrong; files that are already complete stay.
        """
        check_options(self.options)
        triton_python()
        style, content = self._make_clips()
        with self._work_folder() as work, self._stack(work) as stack:
            training = self._train(style, work, stack)
            renders = self._render(content, stack)
            quality = self._judge(style, content, training, stack)
        return JobReport(
            style=style, content=content, training=training, renders=renders, quality=quality, seconds=self._seconds
        )

    def output(self, name: str) -> Path:
        """A file of the output folder."""
        return self.options.out / name

    @contextmanager
    def _step(self, name: str, title: str) -> Iterator[None]:
        self.narration.begin(f"[{len(self._seconds) + 1}/{STEPS}] {title}")
        began = time.monotonic()
        yield
        self._seconds[name] = time.monotonic() - began

    @contextmanager
    def _work_folder(self) -> Iterator[Path]:
        """Logs, training runs and, unless they are to be kept, models; the logs outlive a failure."""
        work = Path(tempfile.mkdtemp(prefix=".work-", dir=self.options.out)).resolve()
        try:
            yield work
        except Exception:
            logs = self.output("logs")
            if (work / "logs").is_dir():
                shutil.rmtree(logs, ignore_errors=True)
                (work / "logs").rename(logs)
                self.narration.note(f"the services' logs are in {logs}")
            raise
        finally:
            shutil.rmtree(work, ignore_errors=True)

    @contextmanager
    def _stack(self, work: Path) -> Iterator[LocalStack]:
        repository = CHECKOUT / "model_repository" if self.options.keep_models else work / "model_repository"
        stack = LocalStack(repository=repository, log_dir=work / "logs")
        with self._step("start", "starting landmarks, Triton and renderer"):
            stack.start()
        try:
            yield stack
        finally:
            stack.stop()

    def _make_clips(self) -> tuple[Path, Path]:
        with self._step("clips", "preparing the clips"):
            style = self.options.style or self.output("style.mp4")
            content = self.options.content or self.output("content.mp4")
            if self.options.style is None:
                with self.narration.bar("style video") as bar:
                    make_clip(style, style_plan(), bar)
            if self.options.content is None:
                with self.narration.bar("content video") as bar:
                    make_clip(content, content_plan(), bar)
        return style, content

    def _train(self, style: Path, work: Path, stack: LocalStack) -> Training:
        plan = TrainingPlan(
            style=style.resolve(),
            model=self.options.model,
            runs=CHECKOUT / "runs" if self.options.keep_models else work / "runs",
            recipe=self.options.recipe,
            minutes=self.options.minutes,
            images=self.options.images,
            size=self.options.size,
        )
        with self._step("train", f"training the style '{plan.model}' and publishing it"):
            return train(plan, stack.environment())

    def _render(self, content: Path, stack: LocalStack) -> dict[Layout, RenderResult]:
        outputs: dict[Layout, Path] = {
            "single": self.output("result.mp4"),
            "side-by-side": self.output("side_by_side.mp4"),
        }
        with self._step("render", "rendering over gRPC"), Renderer(stack.renderer_target) as renderer:
            return {layout: self._render_one(renderer, content, path, layout) for layout, path in outputs.items()}

    def _render_one(self, renderer: Renderer, content: Path, path: Path, layout: Layout) -> RenderResult:
        with choose_display(self.narration.console, quiet=False) as display:
            result = renderer.render(content, path, model=self.options.model, layout=layout, on_progress=display.show)
        self.narration.note(f"{layout}: {result.frame_count} frames at {result.frames_per_second:.1f} frames/s")
        return result

    def _judge(self, style: Path, content: Path, training: Training, stack: LocalStack) -> Quality:
        result = self.output("result.mp4")
        with self._step("judge", "measuring the result"), LandmarksClient(stack.landmarks_target) as landmarks:
            content_track = track_face(landmarks, content)
            result_track = track_face(landmarks, result)
            quality = compare(
                content=content_track,
                result=result_track,
                content_timing=read_timing(content),
                result_timing=read_timing(result),
            )
        with self._step("sheet", "drawing the contact sheet"):
            self._draw_sheet(style, content_track, training)
        return quality

    def _draw_sheet(self, style: Path, content_track: FaceTrack, training: Training) -> None:
        panels = read_frames(self.output("side_by_side.mp4"), choose_moments(content_track.points))
        style_frames = read_frames(style, [0], training.style_crop)
        sheet = compose_sheet(panels, style_frames[0][0] if style_frames else None)
        write_contact_sheet(self.output("contact_sheet.png"), sheet)
