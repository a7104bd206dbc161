"""A run leaves a trail: a numbered folder with what was asked, what was measured and what was seen."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from vid2vid_core.crop import Crop
from vid2vid_core.errors import InvalidSettings, OutputNotWritable
from vid2vid_core.landmarks import FaceGeometry
from vid2vid_core.mask import MaskSpec
from vid2vid_trainer.files import atomic_path

_NUMBERED = re.compile(r"(\d{5,})-.+")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StyleCard:
    """What a run learned of its style before training: all that an export needs beside the checkpoint."""

    mask_spec: MaskSpec
    """How masks are drawn."""
    geometry: FaceGeometry
    """The style's average face."""
    crop: Crop
    """The square of the style video that the frames show."""
    pair_count: int
    """Pairs, held-out ones included."""

    def to_json(self) -> str:
        """For style.json."""
        crop = {"x": self.crop.x, "y": self.crop.y, "size": self.crop.size}
        fields = {"crop": crop, "pair_count": self.pair_count}
        fields |= {"mask_spec": json.loads(self.mask_spec.to_json()), "geometry": json.loads(self.geometry.to_json())}
        return json.dumps(fields)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what :meth:`to_json` wrote."""
        fields = json.loads(text)
        return cls(
            mask_spec=MaskSpec.from_json(json.dumps(fields["mask_spec"])),
            geometry=FaceGeometry.from_json(json.dumps(fields["geometry"])),
            crop=Crop(**fields["crop"]),
            pair_count=int(fields["pair_count"]),
        )


class RunFolder:
    """Paths inside a run folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.options = path / "options.json"
        """What was asked for, with all defaults filled in."""
        self.style = path / "style.json"
        """The :class:`StyleCard`."""
        self.metrics = path / "metrics.jsonl"
        """Measurements, one JSON object a line."""
        self.samples = path / "samples.png"
        """Grid of mask, real and fake, newest state."""
        self.checkpoint = path / "checkpoint.pt"
        """State of the training."""
        self.onnx = path / "model.onnx"
        """The exported graph, once it passed its checks."""
        self.masks = path / "masks.npy"
        """A few real masks for the parity check of later exports."""

    @property
    def name(self) -> str:
        """The folder's own name, which model versions refer to."""
        return self.path.name

    @classmethod
    def create(cls, runs: Path, *, model: str, size: int, recipe: str, options: dict[str, Any]) -> RunFolder:
        """The next numbered folder, such as ``runs/00001-anna-256-fast``; no folder is ever used twice or removed.

        Raises:
            OutputNotWritable: The folder can't be made.
        """
        try:
            runs.mkdir(parents=True, exist_ok=True)
            while True:
                run = cls(runs / f"{next_number(runs):05d}-{model}-{size}-{recipe}")
                try:
                    run.path.mkdir()
                    break
                except FileExistsError:  # somebody else was faster
                    continue
            with atomic_path(run.options) as temporary:
                temporary.write_text(json.dumps(options, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise OutputNotWritable(f"run folder in {runs}: {error.strerror}", path=runs) from error
        return run

    def write_style(self, card: StyleCard) -> None:
        """Store what was learned of the style."""
        with atomic_path(self.style) as temporary:
            temporary.write_text(card.to_json() + "\n", encoding="utf-8")

    def read_style(self) -> StyleCard:
        """What was learned of the style.

        Raises:
            InvalidSettings: The folder is not a run, or the run ended before its style was read.
        """
        try:
            return StyleCard.from_json(self.style.read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidSettings(f"{self.path}: not a run folder, {self.style.name} can't be read") from error


def next_number(runs: Path) -> int:
    """One more than the highest number in use."""
    numbers = [int(match[1]) for entry in runs.iterdir() if (match := _NUMBERED.fullmatch(entry.name))]
    return max(numbers, default=0) + 1
