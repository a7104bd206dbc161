"""What was measured on the photograph: `skimage.data.astronaut()`, NASA's portrait of Eileen Collins (public domain).

Coordinates are *portrait units*: pixels of the photograph, counted from the top left corner of the square cut-out that
the clips show; x to the right, y down.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]

PORTRAIT_SIZE = 220
"""Side of the cut-out."""
CUT = (116, 0)
"""Left and top of the cut-out in the 512-pixel photograph: head and collar without the flag and the shuttle model."""


def _points(text: str) -> Points:
    """Pairs of numbers as (n, 2)."""
    return np.array(text.replace(",", " ").split(), np.float32).reshape(-1, 2)


# Measured once: dlib's HOG detector and the 68-point predictor of face_recognition_models, on rows 0-320 and columns
# 60-380 of the photograph enlarged three times (cubic); in dlib's order.
LANDMARKS = _points(
    # Jaw, from the picture's left ear to the right one.
    """63.7,103.3  64.0,115.0  65.0,126.3  66.0,138.0  69.0,149.7  75.0,160.0  84.0,168.7  93.3,176.0  105.0,178.7
    117.0,177.0  128.0,170.7  138.3,163.0  145.3,153.0  149.7,142.0  152.3,130.3  155.0,119.0  156.3,107.0"""
    # Brows.
    """ 70.0,94.3  76.0,88.7  84.7,87.3  93.3,89.0  101.0,92.7
    120.0,94.0  127.7,91.0  136.0,90.7  144.3,92.3  149.7,98.7"""
    # Nose: bridge, then nostrils.
    """ 110.0,102.3  109.7,110.7  109.3,119.0  109.0,127.3
    98.3,131.3  103.3,132.7  108.3,134.3  113.7,133.3  118.3,132.0"""
    # Eyes.
    """ 79.3,101.3  84.7,98.0  91.0,98.7  96.7,104.0  90.3,104.7  84.0,104.0
    121.7,105.3  128.0,100.7  134.3,100.7  139.7,104.3  134.3,106.3  128.0,106.3"""
    # Lips: outer contour, then inner one.
    """ 84.7,139.3  93.3,139.3  101.7,139.7  107.3,141.0  113.3,140.0  121.3,140.3  129.7,141.0
    121.3,151.3  113.0,155.7  106.7,156.3  100.3,155.0  92.0,150.0
    87.3,140.7  101.3,143.3  107.3,144.3  113.3,143.7  126.7,142.0  113.0,150.0  107.0,150.7  101.0,149.7"""
)
"""(68, 2)"""

# Outlines, read off the enlarged photograph.
EAR_LEVEL = 137
"""Everything of the person above this row belongs to the head; below it, only what the jaw encloses."""
COLLAR = _points(
    "-2,222  -1,196  5,177  14,164  28,154  48,149  74,150  74,190  137,182  137,172"
    "  150,179  165,192  176,207  185,222"
)
NECK = _points("70,195  70,168  77,150  128,150  137,168  137,195")
FRINGE = _points("154,94  147,89  139,86  121,86  107,85  86,81  75,77  71,84  66,96")
"""Where the hair ends above the face, from right to left; with the jaw it encloses what is skin."""
EARS = (_points("54,118  67,110  68,137  58,132"), _points("152,126  166,124  162,136  149,139"))
HAIR_CENTRE, HAIR_AXES = (111.0, 74.0), (73.0, 72.0)
"""An ellipse about the hair: centre and half axes."""
