"""The public-domain portrait that the demo's clips are made of, cut into layers that can move on their own.

Coordinates are portrait units, see `photo.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from vid2vid_demo import photo
from vid2vid_demo.photo import PORTRAIT_SIZE, Points

Image = NDArray[np.uint8]

DETAIL = 2
"""Texture pixels per portrait unit: the photograph is enlarged once, so that warping it costs no sharpness."""
TEXTURE_SIZE = PORTRAIT_SIZE * DETAIL
"""Side of every texture in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layers:
    """The portrait taken apart; pictures are uint8 (TEXTURE_SIZE, TEXTURE_SIZE, channels)."""

    background: Image
    """RGB, the person removed."""
    torso: Image
    """RGBA: neck, collar and suit, continued behind the head."""
    head: Image
    """RGBA: face and hair; the gap between the lips is filled with lip."""
    teeth: Image
    """RGBA: the upper teeth, which stand still relative to the head while lips move over them."""
    landmarks: Points
    """(68, 2) in portrait units."""


def cut_layers() -> Layers:
    """Take the photograph apart. Deterministic; about a second."""
    picture = _cut_out()
    person = _find_person(picture)
    body = np.maximum(fill_polygon(photo.COLLAR), fill_polygon(photo.NECK)) * person
    head = person * _head_region()
    gap = fill_polygon(photo.LANDMARKS[60:68])
    closed = np.asarray(cv2.inpaint(picture, _grow(gap, 1.6), 7, cv2.INPAINT_TELEA), np.uint8)
    return Layers(
        background=_continue(picture, 1 - _grow(person, 6), blur=24),
        torso=np.dstack([_continue(picture, body * (1 - _grow(head, 1)), blur=3), _soften(body, 0.5)]),
        head=np.dstack([_continue(closed, _shrink(head, 1)), _soften(_shrink(head, 0.5), 0.7)]),
        teeth=np.dstack([picture, _find_teeth(picture, gap)]),
        landmarks=photo.LANDMARKS,
    )


def fill_polygon(points: Points) -> Image:
    """0/1 texture of the polygon through these points."""
    mask = np.zeros((TEXTURE_SIZE, TEXTURE_SIZE), np.uint8)
    cv2.fillPoly(mask, [np.round(points * DETAIL * 16).astype(np.int32)], (1,), shift=4)
    return mask


def _cut_out() -> Image:
    x, y = photo.CUT
    astronaut: Image = skimage.data.astronaut()  # type: ignore[no-untyped-call]
    picture = astronaut[y : y + PORTRAIT_SIZE, x : x + PORTRAIT_SIZE]
    enlarged = cv2.resize(picture, (TEXTURE_SIZE, TEXTURE_SIZE), interpolation=cv2.INTER_LANCZOS4)
    soft = cv2.GaussianBlur(enlarged, (0, 0), 2.0)
    return np.asarray(cv2.addWeighted(enlarged, 1.35, soft, -0.35, 0.0), np.uint8)


def _find_person(picture: Image) -> Image:
    """0/1 mask of the person: GrabCut, started from what is surely face, hair, collar or backdrop."""
    guess = np.full((TEXTURE_SIZE, TEXTURE_SIZE), cv2.GC_PR_BGD, np.uint8)
    cv2.ellipse(guess, _hair_ellipse(1.06), (cv2.GC_PR_FGD,), -1)
    cv2.ellipse(guess, _hair_ellipse(0.78), (cv2.GC_FGD,), -1)
    guess[fill_polygon(photo.LANDMARKS[:17]) > 0] = cv2.GC_FGD
    guess[fill_polygon(photo.COLLAR) > 0] = cv2.GC_FGD
    guess[: 12 * DETAIL] = cv2.GC_BGD
    guess[: 140 * DETAIL, : 30 * DETAIL] = cv2.GC_BGD
    guess[: 150 * DETAIL, 192 * DETAIL :] = cv2.GC_BGD
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(1)
    cv2.grabCut(np.ascontiguousarray(picture[..., ::-1]), guess, (0, 0, 1, 1), *models, 5, cv2.GC_INIT_WITH_MASK)
    return _largest_part(np.isin(guess, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8))


def _hair_ellipse(scale: float) -> Any:
    """OpenCV's rotated rectangle: centre, full axes, angle."""
    (x, y), (width, height) = photo.HAIR_CENTRE, photo.HAIR_AXES
    return (x * DETAIL, y * DETAIL), (2 * width * DETAIL * scale, 2 * height * DETAIL * scale), 0.0


def _largest_part(mask: Image) -> Image:
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    filled = (labels == largest).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(filled, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8)), np.uint8)


def _head_region() -> Image:
    region = _grow(fill_polygon(photo.LANDMARKS[:17]), 1.0)
    region[: photo.EAR_LEVEL * DETAIL] = 1
    return region


def _find_teeth(picture: Image, gap: Image) -> Image:
    """Alpha 0..255 of what is bright between the lips."""
    brightness = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    alpha = np.clip((brightness - 120) / 60, 0, 1) * _grow(gap, 0.5)
    return np.round(cv2.GaussianBlur(alpha, (0, 0), 0.5 * DETAIL) * 255).astype(np.uint8)


def _grow(mask: Image, units: float) -> Image:
    side = 2 * round(units * DETAIL) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate(mask, disc), np.uint8)


def _shrink(mask: Image, units: float) -> Image:
    return np.asarray(1 - _grow(1 - mask, units), np.uint8)


def _soften(mask: Image, units: float) -> Image:
    """0/1 mask to alpha 0..255 with a soft edge."""
    return np.round(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), units * DETAIL) * 255).astype(np.uint8)


def _continue(picture: Image, known: Image, blur: float = 0.0) -> Image:
    """Fill everything outside the 0/1 mask `known` with the nearest known colour, smoothed by `blur` units."""
    rows, columns = distance_transform_edt(known == 0, return_distances=False, return_indices=True)
    filled: Image = picture[rows, columns]
    if not blur:
        return filled
    smooth = cv2.GaussianBlur(filled, (0, 0), blur * DETAIL)
    share = cv2.GaussianBlur(known.astype(np.float32), (0, 0), DETAIL)[..., None] * known[..., None]
    return np.round(share * picture + (1 - share) * smooth).astype(np.uint8)
