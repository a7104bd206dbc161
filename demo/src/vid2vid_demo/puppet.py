"""Draws the portrait with a given head pose and expression."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vid2vid_demo.expression import Expression, ExpressionMap, FaceView
from vid2vid_demo.mouth import paint_mouth
from vid2vid_demo.photo import PORTRAIT_SIZE
from vid2vid_demo.portrait import DETAIL, TEXTURE_SIZE, Layers
from vid2vid_demo.pose import Pose, Relief

Image = NDArray[np.uint8]
Grid = NDArray[np.float32]

_POSE_STEP = 8
"""The head pose is smooth: it is worked out for every eighth pixel and interpolated."""
_BODY_SHARE = 0.3
"""How far the body follows the head's shift."""


@dataclass(slots=True)
class Puppet:
    """A portrait that can be drawn in any pose. `size` is the side of the drawn picture in pixels."""

    layers: Layers
    size: int
    _expressions: ExpressionMap = field(init=False)
    _relief: Relief = field(init=False)
    _background: Image = field(init=False)

    def __post_init__(self) -> None:
        points = self.layers.landmarks
        eyes = points[36:48].mean(axis=0)
        self._expressions = ExpressionMap(points)
        self._relief = Relief(eyes=(float(eyes[0]), float(eyes[1])), nose=(float(points[30, 0]), float(points[30, 1])))
        small = cv2.resize(self.layers.background, (self.size, self.size), interpolation=cv2.INTER_AREA)
        self._background = np.asarray(small, np.uint8)

    def draw(self, pose: Pose, expression: Expression) -> Image:
        """One RGB picture, (size, size, 3)."""
        picture = self._background.astype(np.float32)
        picture = _over(picture, self._draw_torso(pose))
        return np.clip(np.round(_over(picture, self._draw_head(pose, expression))), 0, 255).astype(np.uint8)

    def _draw_torso(self, pose: Pose) -> Grid:
        scale = TEXTURE_SIZE / self.size
        shift = np.array([pose.x, pose.y]) * _BODY_SHARE
        matrix = np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2]])
        matrix[:, 2] -= shift * DETAIL
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        torso = cv2.warpAffine(
            self.layers.torso, matrix, (self.size, self.size), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        return torso.astype(np.float32)

    def _draw_head(self, pose: Pose, expression: Expression) -> Grid:
        x, y = self._posed_grid(pose)
        view = self._expressions.view(x, y, expression)
        head = _sample(self.layers.head, view.x, view.y).astype(np.float32)
        rows, columns = self._mouth_region(view)
        around = FaceView(
            x=view.x[rows, columns],
            y=view.y[rows, columns],
            across=view.across[rows, columns],
            below_upper_lip=view.below_upper_lip[rows, columns],
            above_lower_lip=view.above_lower_lip[rows, columns],
        )
        teeth_x = (x[rows, columns] + around.x) * np.float32(
            0.5
        )  # rounding the lips pulls their corners over the teeth
        teeth = _sample(self.layers.teeth, teeth_x, y[rows, columns] + np.float32(0.8)).astype(np.float32)
        head[rows, columns, :3] = paint_mouth(head[rows, columns, :3], teeth, around, self.size / PORTRAIT_SIZE)
        return head

    def _posed_grid(self, pose: Pose) -> tuple[Grid, Grid]:
        """Portrait coordinates seen at every pixel, expression aside."""
        cells = -(-self.size // _POSE_STEP) + 2
        centres = (np.arange(cells, dtype=np.float32) - 0.5) * _POSE_STEP  # one cell of margin on each side
        units = centres * np.float32(PORTRAIT_SIZE / self.size)
        seen_x, seen_y = np.meshgrid(units, units)
        coarse = self._relief.unproject(seen_x, seen_y, pose)
        side = cells * _POSE_STEP
        fine = (cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC) for grid in coarse)
        inner = slice(_POSE_STEP, _POSE_STEP + self.size)
        x, y = (np.asarray(grid[inner, inner], np.float32) for grid in fine)
        return x, y

    def _mouth_region(self, view: FaceView) -> tuple[slice, slice]:
        near = (np.abs(view.across) < 1) & (view.below_upper_lip > -2) & (view.above_lower_lip > -2)
        rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
        if rows.size == 0:
            return slice(0, 0), slice(0, 0)
        return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _sample(texture: Image, x: Grid, y: Grid) -> Image:
    sampled = cv2.remap(
        texture,
        x * np.float32(DETAIL) - np.float32(0.5),
        y * np.float32(DETAIL) - np.float32(0.5),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0, 0, 0, 0),
    )
    return np.asarray(sampled, np.uint8)


def _over(below: Grid, layer: Grid) -> Grid:
    alpha = layer[..., 3:] * np.float32(1 / 255)
    return np.asarray(below + (layer[..., :3] - below) * alpha, np.float32)
