"""The trainer's two jobs, from checked options to a published version. torch is imported when work begins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.crop import Crop
from vid2vid_core.errors import MemoryExhausted
from vid2vid_core.frames import VideoFrame
from vid2vid_core.landmarks_client import Landmarks, LandmarksClient
from vid2vid_core.media.probe import probe
from vid2vid_core.media.reader import FrameReader
from vid2vid_core.tensors import VersionCard
from vid2vid_trainer.dataset import StyleDataset, collect_pairs, remove_pictures
from vid2vid_trainer.files import atomic_path
from vid2vid_trainer.options import PublishOptions, TrainOptions
from vid2vid_trainer.progress import open_report
from vid2vid_trainer.publisher import ModelRepository
from vid2vid_trainer.run_folder import RunFolder, StyleCard
from vid2vid_trainer.samples import spread
from vid2vid_trainer.signals import Stopped
from vid2vid_trainer.triton_loader import TritonLoader

if TYPE_CHECKING:
    from vid2vid_trainer.loop import TrainingResult

PARITY_MASKS = 6
"""Real masks that every export is checked with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """What a job left behind."""

    run: Path
    """The run folder."""
    onnx_sha256: str
    """SHA-256 of the exported graph."""
    version: int | None
    """The published version, None if nothing was published."""
    training: TrainingResult | None = None
    """Figures of the training, None for an export."""


def check_destination(options: PublishOptions, train: TrainOptions | None = None) -> None:
    """Refuse before the work what would fail after it: the repository, and Triton if it is to load the version."""
    if not options.publish:
        return
    if train is not None:
        ModelRepository(options.repository).check(options.model, train.mask_spec)
    if options.load:
        with closing(TritonLoader(options.triton, control_key=options.control_key)) as loader:
            loader.check()


def check(options: TrainOptions) -> None:
    """Refuse before the work what would fail in it: the style video, and where the result goes."""
    probe(options.style, name=options.style.name)
    check_destination(options.publishing, options)


def train(options: TrainOptions, landmarks: Landmarks | None = None) -> JobResult:
    """Train a style, export it and publish it.

    Args:
        options: What was asked for.
        landmarks: The landmark service; a connection to options.landmarks if None.

    Raises:
        Vid2VidError: One line that says what is wrong. The repository is then as it was, unless the message says that
            the version is in it and Triton does not serve it.
    """
    check(options)
    run = RunFolder.create(
        options.runs,
        model=options.publishing.model,
        size=options.mask_spec.size,
        recipe=options.recipe.name,
        options=options.to_dict(),
    )
    try:
        with landmarks_service(options.landmarks, landmarks) as service:
            dataset = read_style(options, service, run)
        result = run_training(options, dataset, run)
    finally:
        remove_pictures(run.path)
    return export(run, options.publishing, training=result)


def export(run: RunFolder, options: PublishOptions, *, training: TrainingResult | None = None) -> JobResult:
    """Export a run's averaged generator and publish it.

    Raises:
        InvalidSettings: The folder holds no run that was trained.
        ContractViolation: The graph does not render what PyTorch renders, or the style has another mask spec.
    """
    style = run.read_style()
    from vid2vid_trainer.checkpoint import load_checkpoint  # noqa: PLC0415 torch takes seconds to import
    from vid2vid_trainer.export import export_onnx  # noqa: PLC0415

    masks: NDArray[np.uint8] = np.load(run.masks)
    sha256 = export_onnx(load_checkpoint(run.checkpoint).build_average(), run.onnx, masks)
    version = publish(run, style, sha256, options) if options.publish else None
    return JobResult(run=run.path, onnx_sha256=sha256, version=version, training=training)


def publish(run: RunFolder, style: StyleCard, sha256: str, options: PublishOptions) -> int:
    """Add the exported graph to the repository and have Triton load it."""
    card = VersionCard(reference_geometry=style.geometry, training_run=run.name, onnx_sha256=sha256)
    version = ModelRepository(options.repository).publish(options.model, run.onnx, style.mask_spec, card)
    if options.load:
        with closing(TritonLoader(options.triton, control_key=options.control_key)) as loader:
            try:
                loader.load(options.model, version)
            except Stopped as stopped:
                stopped.consequence = f"version {version} of {options.model} is in the repository, maybe not yet served"
                raise
    return version


def read_style(options: TrainOptions, landmarks: Landmarks, run: RunFolder) -> StyleDataset:
    """The pairs of the style video; what an export needs of them is stored in the run folder."""
    with open_report("reading style") as report:
        dataset = collect_pairs(
            options.style,
            landmarks=landmarks,
            open_frames=lambda crop, size: open_style_frames(options.style, crop, size),
            mask_spec=options.mask_spec,
            crop_mode=options.crop_mode,
            folder=run.path,
            report=lambda read, total: report.update(min(1.0, read / total) if total else 0.0, f"{read} frames"),
        )
    pairs = dataset.pairs
    with atomic_path(run.masks) as temporary, temporary.open("wb") as file:
        np.save(file, pairs.masks[spread(len(pairs), PARITY_MASKS)])
    run.write_style(
        StyleCard(
            mask_spec=dataset.mask_spec, geometry=dataset.geometry, crop=dataset.crop, pair_count=len(dataset.pairs)
        )
    )
    return dataset


def open_style_frames(path: Path, crop: Crop, size: int) -> FrameReader[VideoFrame]:
    """The style video's frames in the crop that its masks show."""
    return FrameReader(path, probe(path, name=path.name), crop=crop, size=size)


def run_training(options: TrainOptions, dataset: StyleDataset, run: RunFolder) -> TrainingResult:
    """Train until the budget is spent.

    Raises:
        TrainingDiverged: A loss stopped being a number.
        MemoryExhausted: The GPU is too small for this picture size.
    """
    import torch  # noqa: PLC0415 takes seconds to import

    from vid2vid_trainer.loop import TrainingLoop  # noqa: PLC0415

    try:
        with open_report("training") as report:
            return TrainingLoop(
                dataset=dataset,
                recipe=options.recipe,
                budget=options.budget,
                seed=options.seed,
                run=run,
                device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
                report=report.update,
            ).run()
    except torch.OutOfMemoryError as error:
        raise MemoryExhausted(
            f"the GPU has too little free memory for {options.mask_spec.size} pixels: choose a smaller --size",
            size=options.mask_spec.size,
        ) from error


@contextmanager
def landmarks_service(target: str, given: Landmarks | None) -> Iterator[Landmarks]:
    """The given landmark service, or a connection that is closed afterwards."""
    if given is not None:
        yield given
        return
    with LandmarksClient(target) as client:
        yield client
