"""Pairs of mask and training frame, from a style video.

Masks and landmarks come from the landmark service, frames from the same square of the same picture, so that training
and rendering see the same detector, crop and lines. Pictures live in files of the run folder and are memory-mapped:
memory does not follow the clip's length, the page cache holds what fits.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.crop import Crop, CropMode
from vid2vid_core.errors import ContractViolation, NoFaceDetected
from vid2vid_core.frames import VideoFrame
from vid2vid_core.landmarks import FaceGeometry, LandmarkSource
from vid2vid_core.landmarks_client import Landmarks, TrackedFrame
from vid2vid_core.mask import MaskSpec

MAX_PAIRS = 8000
"""Pairs at the most: 2 GiB of disk at 256 pixels. A longer clip gives every n-th frame."""

MIN_PAIRS = 8
"""Pairs at the least: one batch."""

MASKS_FILENAME, FRAMES_FILENAME = "masks.u8", "frames.u8"
"""Raw pixels in the run folder, deleted when the training ends."""

_HELD_OUT_SHARE = 20
_MAX_HELD_OUT = 48

OpenFrames = Callable[[Crop, int], AbstractContextManager[Iterable[VideoFrame]]]
"""Opens the style video's frames, cropped and scaled to the given size."""

ReportPairs = Callable[[int, int], None]
"""Called with frames read and the expected total, 0 if unknown."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """A run of (mask, real) pairs in the order of the clip."""

    masks: NDArray[np.uint8]
    """``[N, S, S]``, 0 or 255."""
    frames: NDArray[np.uint8]
    """``[N, S, S, 3]`` RGB."""
    points: NDArray[np.float32]
    """``[N, 68, 2]`` landmarks in crop coordinates."""

    def __len__(self) -> int:
        """How many pairs."""
        return len(self.points)

    def __getitem__(self, which: slice) -> Pairs:
        """A part; pictures are not copied."""
        return Pairs(masks=self.masks[which], frames=self.frames[which], points=self.points[which])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StyleDataset:
    """Everything the trainer knows of a style."""

    pairs: Pairs
    """Every pair, in the order of the clip."""
    mask_spec: MaskSpec
    """How the masks are drawn."""
    crop: Crop
    """The square of the style video that the pairs show."""
    geometry: FaceGeometry
    """The style's average face."""

    @property
    def held_out_count(self) -> int:
        """Pairs at the clip's end that are measured and not trained on; 0 for clips under 20 frames."""
        return min(_MAX_HELD_OUT, len(self.pairs) // _HELD_OUT_SHARE)

    @property
    def training(self) -> Pairs:
        """The pairs to train on."""
        return self.pairs[: len(self.pairs) - self.held_out_count]

    @property
    def validation(self) -> Pairs:
        """The held-out pairs; of a clip too short to hold any out, its last training pairs."""
        return self.pairs[len(self.pairs) - (self.held_out_count or MIN_PAIRS) :]

    def mean_frame(self) -> NDArray[np.float32]:
        """Mean training frame, float32 ``[S, S, 3]`` in 0..255; of a long clip, from evenly spread frames."""
        frames = self.training.frames
        chosen = frames[:: max(1, len(frames) // 500)]
        total = np.zeros(chosen.shape[1:], dtype=np.float64)
        for frame in chosen:
            total += frame
        return (total / len(chosen)).astype(np.float32)


def collect_pairs(
    video: Path,
    *,
    landmarks: Landmarks,
    open_frames: OpenFrames,
    mask_spec: MaskSpec,
    crop_mode: CropMode,
    folder: Path,
    report: ReportPairs = lambda _read, _total: None,
) -> StyleDataset:
    """Make the pairs of a style video; frames without a face that was found are left out.

    Args:
        video: The style video.
        landmarks: The landmark service.
        open_frames: Opens the video's frames in a given crop and size.
        mask_spec: How masks are drawn; its size is the generator's.
        crop_mode: How the square around the face is chosen.
        folder: Where the pictures are stored.
        report: Hears how far the reading is.

    Raises:
        NoFaceDetected: Fewer than MIN_PAIRS frames show a face.
        ContractViolation: Landmarks and frames do not show the same moments.
    """
    with landmarks.track(video, mask_spec=mask_spec, crop_mode=crop_mode) as tracking:
        header = tracking.header
        stride = max(1, math.ceil(header.frame_count_from_header / MAX_PAIRS))
        with PairStore(folder, mask_spec.size) as store, open_frames(header.crop, mask_spec.size) as frames:
            for index, (tracked, frame) in enumerate(in_step(tracking, frames)):
                report(index + 1, header.frame_count_from_header)
                detected = tracked.landmarks.source is LandmarkSource.DETECTED
                if detected and index % stride == 0 and len(store) < MAX_PAIRS:
                    store.append(tracked, frame)
            pairs = store.finish()
    if len(pairs) < MIN_PAIRS:
        raise NoFaceDetected(
            f"{video.name}: a face was found in {len(pairs)} frames, at least {MIN_PAIRS} are needed", count=len(pairs)
        )
    return StyleDataset(pairs=pairs, mask_spec=mask_spec, crop=header.crop, geometry=header.geometry)


def in_step(tracked: Iterable[TrackedFrame], frames: Iterable[VideoFrame]) -> Iterator[tuple[TrackedFrame, VideoFrame]]:
    """Landmarks and frames of the same clip, paired by index and checked by pts.

    Raises:
        ContractViolation: One side is longer than the other or shows another moment.
    """
    for index, (landmarks, frame) in enumerate(itertools.zip_longest(tracked, frames)):
        if landmarks is None or frame is None:
            missing = "landmarks" if landmarks is None else "frames"
            raise ContractViolation(f"{missing} end at frame {index}, before their partners", frame=index)
        if landmarks.landmarks.pts != frame.pts or landmarks.landmarks.index != index:
            raise ContractViolation(
                f"frame {index} is shown at pts {frame.pts}, its landmarks say frame {landmarks.landmarks.index} at "
                f"pts {landmarks.landmarks.pts}",
                frame=index,
            )
        yield landmarks, frame


class PairStore:
    """Writes pairs to files as they come and maps them into memory at the end."""

    def __init__(self, folder: Path, size: int) -> None:
        self._size = size
        self._mask_path, self._frame_path = folder / MASKS_FILENAME, folder / FRAMES_FILENAME
        self._points: list[NDArray[np.float32]] = []
        self._files: list[BinaryIO] = []

    def __enter__(self) -> Self:
        """Open the files."""
        self._files = [self._mask_path.open("wb"), self._frame_path.open("wb")]
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the files; what was mapped stays readable."""
        for file in self._files:
            file.close()

    def __len__(self) -> int:
        """Pairs so far."""
        return len(self._points)

    def append(self, tracked: TrackedFrame, frame: VideoFrame) -> None:
        """Add a pair.

        Raises:
            ContractViolation: The mask or the frame has another size.
        """
        square = (self._size, self._size)
        if tracked.mask is None or tracked.mask.shape != square or frame.rgb.shape[:2] != square:
            mask_shape = None if tracked.mask is None else tracked.mask.shape
            raise ContractViolation(f"expected pictures of {square}, got mask {mask_shape}, frame {frame.rgb.shape}")
        self._files[0].write(np.ascontiguousarray(tracked.mask).data)
        self._files[1].write(np.ascontiguousarray(frame.rgb).data)
        self._points.append(tracked.landmarks.points)

    def finish(self) -> Pairs:
        """The stored pairs, memory-mapped read-only."""
        for file in self._files:
            file.flush()
        count, size = len(self), self._size
        if count == 0:  # an empty file can't be mapped
            empty = np.zeros((0, size, size), np.uint8)
            return Pairs(masks=empty, frames=empty[..., None].repeat(3, -1), points=np.zeros((0, 68, 2), np.float32))
        return Pairs(
            masks=np.memmap(self._mask_path, np.uint8, "r", shape=(count, size, size)),
            frames=np.memmap(self._frame_path, np.uint8, "r", shape=(count, size, size, 3)),
            points=np.stack(self._points),
        )


def remove_pictures(folder: Path) -> None:
    """Delete the picture files; a mapping stays readable until it is dropped."""
    for name in (MASKS_FILENAME, FRAMES_FILENAME):
        (folder / name).unlink(missing_ok=True)
