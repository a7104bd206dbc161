"""FFmpeg filter chains: from the coded picture to the pixels that are asked for, and from RGB to H.264's YUV."""

from __future__ import annotations

from vid2vid_core.crop import Crop
from vid2vid_core.errors import InvalidSettings
from vid2vid_core.media.probe import VideoInfo

HD_WIDTH, HD_HEIGHT = 1280, 576
"""From this width, or above this height, players take an untagged clip for BT.709, below for BT.601."""
TO_H264 = (
    "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_inp",
    "format=yuv420p",
    "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709",
)
"""RGB to limited-range BT.709, the matrix that every player assumes or is told by the tags."""


def output_size(info: VideoInfo, crop: Crop | None, size: int | None, max_short_side: int | None) -> tuple[int, int]:
    """Width and height of decoded frames.

    Raises:
        InvalidSettings: A size below 1, or a crop that lies outside the picture.
    """
    for name, value in (("size", size), ("max_short_side", max_short_side)):
        if value is not None and value < 1:
            raise InvalidSettings(f"{name} {value}: allowed are 1 and above")
    if crop is not None:
        _check_overlap(info, crop)
    width, height = (info.width, info.height) if crop is None else (crop.size, crop.size)
    if size is not None:
        return size, size
    if max_short_side is not None and (short := min(width, height)) > max_short_side:
        return max(1, round(width * max_short_side / short)), max(1, round(height * max_short_side / short))
    return width, height


def decode_filters(
    info: VideoInfo,
    target: tuple[int, int],
    *,
    crop: Crop | None,
    gray: bool,
    sample_rate: float | None,
) -> str:
    """The chain from the picture that FFmpeg has turned upright to raw pixels.

    Cropping is done before the one conversion, on the coded pixels: luma to the pixel, chroma to half a pixel.

    Args:
        info: The clip.
        target: Width and height of the result.
        crop: Square of the picture as shown; outside the picture its edge is repeated.
        gray: 8-bit gray instead of RGB.
        sample_rate: Most frames per second that pass; all if None.

    Raises:
        InvalidSettings: sample_rate is not positive.
    """
    filters: list[str] = []
    if sample_rate is not None:
        if sample_rate <= 0:
            raise InvalidSettings(f"sample_rate {sample_rate}: allowed is anything above 0")
        filters.append(f"select=isnan(prev_selected_t)+gte(t-prev_selected_t\\,{0.999 / sample_rate:.6f})")
    source = info.width, info.height
    if crop is not None:
        if info.sample_aspect_ratio != 1:
            filters.append(f"scale={info.width}:{info.height}:flags=bicubic")
        filters += _crop_filters(info, crop, gray=gray)
        source = crop.size, crop.size
    matrix = f":in_color_matrix={_assumed_matrix(info)}"
    filters.append(f"scale={target[0]}:{target[1]}:flags={_resampling(source, target)}{matrix}")
    filters += ["format=gray" if gray else "format=rgb24", "showinfo=checksum=0"]
    return ",".join(filters)


def _check_overlap(info: VideoInfo, crop: Crop) -> None:
    inside_x = crop.x < info.width and crop.x + crop.size > 0
    inside_y = crop.y < info.height and crop.y + crop.size > 0
    if not (inside_x and inside_y):
        raise InvalidSettings(f"{crop} lies outside the picture of {info.width}x{info.height}")


def _crop_filters(info: VideoInfo, crop: Crop, *, gray: bool) -> list[str]:
    left, top, right, bottom = crop.padding(info.width, info.height)
    width, height = crop.size - left - right, crop.size - top - bottom
    filters = [f"crop={width}:{height}:{crop.x + left}:{crop.y + top}:exact=1"]
    if left or top or right or bottom:
        # Subsampled chroma would round the borders to even numbers.
        filters += [
            "format=gray" if gray else "format=yuv444p",
            f"pad={crop.size}:{crop.size}:{left}:{top}",
            f"fillborders={left}:{right}:{top}:{bottom}:mode=smear",
        ]
    return filters


def _resampling(source: tuple[int, int], target: tuple[int, int]) -> str:
    """Area averages when shrinking, so that nothing flickers; bicubic when enlarging."""
    return "area" if target[0] * target[1] < source[0] * source[1] else "bicubic"


def _assumed_matrix(info: VideoInfo) -> str:
    if info.color_space != "unknown":
        return "auto"
    return "bt709" if info.width >= HD_WIDTH or info.height > HD_HEIGHT else "bt601"
