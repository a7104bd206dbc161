"""Two people out of one portrait: face geometry, colours and surroundings.

A look moves groups of landmarks (and with them, smoothly, the skin around), mirrors the picture if asked, and recolours
hair, skin, clothes and background.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

from vid2vid_core.landmarks import LANDMARK_GROUPS
from vid2vid_demo import photo
from vid2vid_demo.photo import PORTRAIT_SIZE, Points
from vid2vid_demo.portrait import DETAIL, TEXTURE_SIZE, Image, Layers, fill_polygon

Colour = tuple[int, int, int]

_MIRRORED_RUNS = [(16, 0), (26, 17), (27, 30), (35, 31)]  # jaw, brows, nose
_MIRRORED_RUNS += [(45, 42), (47, 46), (39, 36), (41, 40)]  # eyes: upper and lower lids
_MIRRORED_RUNS += [(54, 48), (59, 55), (64, 60), (67, 65)]  # lips: outer and inner contour
_MIRRORED_ORDER = [index for a, b in _MIRRORED_RUNS for index in (range(a, b + 1) if a < b else range(a, b - 1, -1))]
"""Where each landmark of a mirrored face comes from."""
_GRID = 45
"""The geometry's displacement is worked out on this many points a side and interpolated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reshape:
    """What happens to one landmark group, about its own centre."""

    wide: float = 1.0
    high: float = 1.0
    down: float = 0.0
    """Portrait units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One character."""

    mirrored: bool = False
    shapes: dict[str, Reshape] = field(default_factory=dict)
    """By landmark part: jaw, brows, nose, eyes, mouth."""
    hair: Colour = (128, 104, 70)
    skin: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Gain of red, green and blue."""
    clothes: Colour = (0, 0, 0)
    """Tint of the dark parts."""
    background: Colour = (200, 190, 188)


STYLE_LOOK = Look(
    shapes={
        "jaw": Reshape(wide=1.04, down=-2.0),
        "eyes": Reshape(wide=1.08, high=1.18),
        "brows": Reshape(down=-1.5),
        "nose": Reshape(wide=0.94, high=0.95),
    },
    hair=(126, 82, 58),
    skin=(1.02, 0.98, 0.97),
    clothes=(40, 22, 70),
    background=(104, 132, 158),
)
"""Red hair before a cool backdrop; a round face with large eyes."""

CONTENT_LOOK = Look(
    mirrored=True,
    shapes={
        "jaw": Reshape(wide=0.98, high=1.04, down=2.0),
        "eyes": Reshape(wide=0.95, high=1.1, down=-0.5),
        "brows": Reshape(wide=1.02, down=-2.5),
        "nose": Reshape(wide=1.14, high=1.04),
        "mouth": Reshape(wide=0.92, high=1.08, down=2.0),
    },
    hair=(84, 68, 60),
    skin=(1.02, 0.92, 0.84),
    clothes=(10, 60, 48),
    background=(132, 122, 96),
)
"""Dark hair before a warm backdrop; a long narrow face with a broad nose."""

_PARTS = {
    "jaw": ("jaw",),
    "brows": ("right_eyebrow", "left_eyebrow"),
    "nose": ("nose_bridge", "lower_nose"),
    "eyes": ("right_eye", "left_eye"),
    "mouth": ("outer_lip", "inner_lip"),
}


def dress(layers: Layers, look: Look) -> Layers:
    """The same portrait with another look."""
    coloured = _recolour(layers, look)
    shaped = _reshape(coloured, look.shapes)
    return _mirror(shaped) if look.mirrored else shaped


def _recolour(layers: Layers, look: Look) -> Layers:
    hair = _hair_share(layers.landmarks)[..., None]
    head = layers.head[..., :3].astype(np.float32)
    gain = np.array(look.skin, np.float32)
    dyed = _tint(head, look.hair)
    torso = layers.torso[..., :3].astype(np.float32) * (1 + (gain - 1) * 0.8)
    dark = 1 - np.clip(torso.mean(axis=2, keepdims=True) / 110, 0, 1)
    torso = torso + dark * np.array(look.clothes, np.float32)
    return replace(
        layers,
        background=_to_uint8(_tint(layers.background.astype(np.float32), look.background)),
        torso=np.dstack([_to_uint8(torso), layers.torso[..., 3]]),
        head=np.dstack([_to_uint8(head * gain * (1 - hair) + dyed * hair), layers.head[..., 3]]),
    )


def _hair_share(landmarks: Points) -> NDArray[np.float32]:
    """0..1 per texture pixel: what is neither face, ears nor neck."""
    skin = fill_polygon(np.concatenate([landmarks[:17], photo.FRINGE])).astype(np.float32)
    for ear in photo.EARS:
        skin = np.maximum(skin, fill_polygon(ear))
    skin[photo.EAR_LEVEL * DETAIL :] = 1.0  # below the ears there is no hair
    return np.asarray(1 - cv2.GaussianBlur(skin, (0, 0), 1.5 * DETAIL), np.float32)


def _tint(rgb: NDArray[np.float32], colour: Colour) -> NDArray[np.float32]:
    """Keep light and shade, replace the hue."""
    light = rgb @ np.array([0.299, 0.587, 0.114], np.float32)
    mean = np.median(light[light > 20])
    return np.asarray((light / mean)[..., None] * np.array(colour, np.float32), np.float32)


def _to_uint8(picture: NDArray[np.float32]) -> Image:
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def _reshape(layers: Layers, shapes: dict[str, Reshape]) -> Layers:
    if not shapes:
        return layers
    before = layers.landmarks
    after = _move_parts(before, shapes)
    rows, columns = np.mgrid[:TEXTURE_SIZE, :TEXTURE_SIZE].astype(np.float32)
    moved = _displacement(before, after) * DETAIL
    map_x, map_y = columns + moved[..., 0], rows + moved[..., 1]
    return replace(
        layers,
        torso=_warp(layers.torso, map_x, map_y),
        head=_warp(layers.head, map_x, map_y),
        teeth=_warp(layers.teeth, map_x, map_y),
        landmarks=after,
    )


def _displacement(before: Points, after: Points) -> NDArray[np.float32]:
    """Where each texture pixel comes from, relative to itself: a thin-plate spline through landmarks and fixed points.

    Returns:
        (TEXTURE_SIZE, TEXTURE_SIZE, 2) in portrait units.
    """
    fixed = _fixed_points()
    spline = RBFInterpolator(
        np.concatenate([after, fixed]),
        np.concatenate([before - after, np.zeros_like(fixed)]),
        kernel="thin_plate_spline",
        smoothing=2.0,
    )
    cells = (np.arange(_GRID, dtype=np.float64) + 0.5) * PORTRAIT_SIZE / _GRID
    grid = np.stack(np.meshgrid(cells, cells), axis=-1)
    coarse = spline(grid.reshape(-1, 2)).reshape(grid.shape).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (TEXTURE_SIZE, TEXTURE_SIZE), interpolation=cv2.INTER_CUBIC), np.float32)


def _warp(picture: Image, map_x: NDArray[np.float32], map_y: NDArray[np.float32]) -> Image:
    warped = cv2.remap(picture, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


def _move_parts(landmarks: Points, shapes: dict[str, Reshape]) -> Points:
    moved = landmarks.copy()
    for part, shape in shapes.items():
        for name in _PARTS[part]:
            group = LANDMARK_GROUPS[name]
            rows = group.indices()
            # Both contours of the mouth move about one centre; each eye and brow about its own.
            about = landmarks[48:68] if part == "mouth" else landmarks[27:36] if part == "nose" else landmarks[rows]
            centre = about.mean(axis=0)
            scale = np.array([shape.wide, shape.high], np.float32)
            moved[rows] = centre + (landmarks[rows] - centre) * scale + np.array([0.0, shape.down], np.float32)
    return moved


def _fixed_points() -> NDArray[np.float32]:
    """Hair outline, collar and the picture's border stay where they are."""
    turn = np.linspace(0.92 * np.pi, 2.08 * np.pi, 13)
    hair = np.stack([111 + 76 * np.cos(turn), 88 + 72 * np.sin(turn)], axis=1)
    collar = np.array([(20, 170), (60, 205), (110, 205), (150, 195), (170, 205)])
    edge = np.linspace(0, PORTRAIT_SIZE, 6)
    border = np.array([(x, y) for x in edge for y in edge if x in (0, PORTRAIT_SIZE) or y in (0, PORTRAIT_SIZE)])
    return np.concatenate([hair, collar, border]).astype(np.float32)


def _mirror(layers: Layers) -> Layers:
    flipped = layers.landmarks[_MIRRORED_ORDER].copy()
    flipped[:, 0] = PORTRAIT_SIZE - flipped[:, 0]
    return Layers(
        background=_flip(layers.background),
        torso=_flip(layers.torso),
        head=_flip(layers.head),
        teeth=_flip(layers.teeth),
        landmarks=flipped,
    )


def _flip(picture: Image) -> Image:
    return np.ascontiguousarray(picture[:, ::-1])
