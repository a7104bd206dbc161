from __future__ import annotations

import cv2
import numpy as np

from tests.support.faces import FRONTAL_FACE
from tests.support.styles import draw_face
from vid2vid_core.mask import MaskSpec, draw_mask
from vid2vid_trainer.augment import AugmentConfig, FaceWarp

STRONG = AugmentConfig(probability=1.0, rotation=0.1, scale=0.06, shift=0.04)


def warps(count: int) -> list[FaceWarp]:
    random = np.random.default_rng(3)
    return [FaceWarp.draw(FRONTAL_FACE, STRONG, random) for _ in range(count)]


def test_warped_points_come_from_the_original_points() -> None:
    for warp in warps(20):
        warped = warp.warp_points(FRONTAL_FACE)
        np.testing.assert_allclose(warped + warp.displacement(warped), FRONTAL_FACE, atol=1e-3)


def test_warp_moves_the_face() -> None:
    assert all(np.abs(warp.warp_points(FRONTAL_FACE) - FRONTAL_FACE).max() > 0.005 for warp in warps(20))


def test_warp_keeps_mask_and_picture_aligned() -> None:
    size = 256
    lines = cv2.cvtColor(draw_mask(FRONTAL_FACE, MaskSpec(size=size)), cv2.COLOR_GRAY2RGB)
    for warp in warps(10):
        moved_lines = warp.warp_picture(np.asarray(lines, dtype=np.uint8))[..., 0] > 127
        redrawn = draw_mask(warp.warp_points(FRONTAL_FACE), MaskSpec(size=size, line_width=5)) > 0
        # Five pixels wide instead of two: a line that moved with the picture lies inside the redrawn one.
        assert (moved_lines & ~redrawn).sum() < 0.01 * moved_lines.sum()


def test_warp_leaves_the_picture_far_from_the_face_alone() -> None:
    face = FRONTAL_FACE * 0.3 + 0.1
    picture = np.random.default_rng(0).integers(0, 256, (128, 128, 3)).astype(np.uint8)
    warp = FaceWarp.draw(face, STRONG, np.random.default_rng(0))
    difference = np.abs(warp.warp_picture(picture).astype(int) - picture)
    assert difference[80:, 80:].max() == 0
    assert difference[12:50, 12:50].max() > 0


def test_warp_without_deviation_changes_nothing() -> None:
    none = AugmentConfig(rotation=0, scale=0, stretch=0, shift=0)
    warp = FaceWarp.draw(FRONTAL_FACE, none, np.random.default_rng(0))
    picture = draw_face(FRONTAL_FACE, 64)
    np.testing.assert_array_equal(warp.warp_picture(picture), picture)
    np.testing.assert_array_equal(warp.warp_points(FRONTAL_FACE), FRONTAL_FACE)
