"""Styles for the trainer's tests: a face of flat colours that moves, with its landmarks, in memory."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.support.faces import FRONTAL_FACE
from vid2vid_core.crop import Crop, CropMode
from vid2vid_core.frames import VideoFrame
from vid2vid_core.landmarks import LANDMARK_GROUPS, FaceGeometry, FrameLandmarks, LandmarkSource
from vid2vid_core.landmarks_client import TrackedFrame, TrackHeader, TrackSummary
from vid2vid_core.mask import MaskSpec, draw_mask
from vid2vid_core.tensors import VersionCard
from vid2vid_trainer.dataset import Pairs, StyleDataset

SPEC = MaskSpec(size=64)
TIME_BASE = Fraction(1, 15360)
FRAME_DURATION = 512

STYLE_CROP = Crop(3, 4, 50)

SKIN, LIPS, EYES, BACKGROUND = (200, 150, 130), (180, 40, 60), (20, 40, 120), (60, 90, 60)


def face_points(index: int) -> NDArray[np.float32]:
    """Landmarks of a face that sways and speaks."""
    points = FRONTAL_FACE.copy()
    points[LANDMARK_GROUPS["inner_lip"].indices(), 1] += 0.02 * np.sin(index)
    points[:, 0] += 0.04 * np.sin(index / 3)
    return points


def draw_face(points: NDArray[np.float32], size: int) -> NDArray[np.uint8]:
    """The face as a picture [size, size, 3]."""
    picture = np.full((size, size, 3), BACKGROUND, dtype=np.uint8)
    pixels = np.round(points * size * 16).astype(np.int32)
    for part, colour in ((slice(0, 27), SKIN), (slice(48, 60), LIPS), (slice(36, 42), EYES), (slice(42, 48), EYES)):
        cv2.fillPoly(picture, [cv2.convexHull(pixels[part])], colour, cv2.LINE_AA, 4)
    return picture


def style_pairs(count: int, spec: MaskSpec = SPEC) -> Pairs:
    """Pairs of mask and picture."""
    points = np.stack([face_points(index) for index in range(count)])
    return Pairs(
        masks=np.stack([draw_mask(face, spec) for face in points]),
        frames=np.stack([draw_face(face, spec.size) for face in points]),
        points=points,
    )


def style_dataset(count: int = 24, spec: MaskSpec = SPEC) -> StyleDataset:
    """A dataset of these pairs."""
    geometry = FaceGeometry(FRONTAL_FACE)
    return StyleDataset(pairs=style_pairs(count, spec), mask_spec=spec, crop=Crop(0, 0, 64), geometry=geometry)


def tracked_frame(
    index: int, *, source: LandmarkSource = LandmarkSource.DETECTED, spec: MaskSpec = SPEC
) -> TrackedFrame:
    """What the landmark service says of frame `index`."""
    points = face_points(index)
    landmarks = FrameLandmarks(
        index=index, pts=index * FRAME_DURATION, duration=FRAME_DURATION, source=source, points=points
    )
    return TrackedFrame(landmarks=landmarks, mask=draw_mask(points, spec))


def video_frame(index: int, *, size: int = SPEC.size) -> VideoFrame:
    """Frame `index` as the reader gives it."""
    rgb = draw_face(face_points(index), size)
    return VideoFrame(rgb=rgb, pts=index * FRAME_DURATION, time_base=TIME_BASE, duration=FRAME_DURATION)


class StyleLandmarks:
    """Tracks a clip whose frame i is `tracked_frame(i)`; the faces of the frames in `lost` were not found."""

    def __init__(self, count: int, lost: frozenset[int] = frozenset(), *, spec: MaskSpec = SPEC) -> None:
        self.count = count
        self.lost = lost
        self.spec = spec
        self.calls: list[dict[str, object]] = []
        """Arguments of every track call."""

    def track(
        self,
        path: Path,
        *,
        mask_spec: MaskSpec,
        crop_mode: CropMode = "portrait",
        retarget_to: FaceGeometry | None = None,
        omit_masks: bool = False,
        render_id: str = "",
    ) -> StyleTracking:
        self.calls.append({"path": path, "mask_spec": mask_spec, "crop_mode": crop_mode, "retarget_to": retarget_to})
        return StyleTracking(self)


class StyleTracking:
    """One tracking of StyleLandmarks."""

    def __init__(self, script: StyleLandmarks) -> None:
        self._script = script

    @property
    def header(self) -> TrackHeader:
        return TrackHeader(
            width=64,
            height=64,
            time_base=TIME_BASE,
            average_rate=Fraction(30),
            frame_count_from_header=self._script.count,
            crop=STYLE_CROP,
            mask_spec=self._script.spec,
            geometry=FaceGeometry(FRONTAL_FACE),
        )

    def __iter__(self) -> Iterator[TrackedFrame]:
        for index in range(self._script.count):
            source = LandmarkSource.INTERPOLATED if index in self._script.lost else LandmarkSource.DETECTED
            yield tracked_frame(index, source=source, spec=self._script.spec)

    @property
    def summary(self) -> TrackSummary:
        raise NotImplementedError

    def cancel(self) -> None:
        """Nothing runs."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Nothing to end."""


def version_card(run: str = "00001-anna-64-debug") -> VersionCard:
    """What a version says of itself."""
    return VersionCard(reference_geometry=FaceGeometry(FRONTAL_FACE), training_run=run, onnx_sha256="0" * 64)


def graph_file(folder: Path, content: bytes = b"a graph") -> Path:
    """A file in the place of an exported graph, for publishing it."""
    path = folder / "model.onnx"
    path.write_bytes(content)
    return path
