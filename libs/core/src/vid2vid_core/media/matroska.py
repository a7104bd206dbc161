"""A Matroska muxer for raw pictures, just large enough to hand frames with exact times to ffmpeg's stdin.

Raw video has no times; Matroska gives every frame its own. Element ids are those of RFC 8794 (EBML) and RFC 9559
(Matroska); the stream is live: the Segment has an unknown size and no index, and every frame is a Cluster.
"""

from __future__ import annotations

from fractions import Fraction

EBML = bytes.fromhex("1A45DFA3")
EBML_MAX_ID_LENGTH = bytes.fromhex("42F2")
EBML_MAX_SIZE_LENGTH = bytes.fromhex("42F3")
DOC_TYPE = bytes.fromhex("4282")
DOC_TYPE_VERSION = bytes.fromhex("4287")
DOC_TYPE_READ_VERSION = bytes.fromhex("4285")
SEGMENT = bytes.fromhex("18538067")
INFO = bytes.fromhex("1549A966")
TIMESTAMP_SCALE = bytes.fromhex("2AD7B1")
MUXING_APP = bytes.fromhex("4D80")
WRITING_APP = bytes.fromhex("5741")
TRACKS = bytes.fromhex("1654AE6B")
TRACK_ENTRY = bytes.fromhex("AE")
TRACK_NUMBER = bytes.fromhex("D7")
TRACK_UID = bytes.fromhex("73C5")
TRACK_TYPE = bytes.fromhex("83")
DEFAULT_DURATION = bytes.fromhex("23E383")
CODEC_ID = bytes.fromhex("86")
VIDEO = bytes.fromhex("E0")
PIXEL_WIDTH = bytes.fromhex("B0")
PIXEL_HEIGHT = bytes.fromhex("BA")
UNCOMPRESSED_FOURCC = bytes.fromhex("2EB524")
CLUSTER = bytes.fromhex("1F43B675")
TIMESTAMP = bytes.fromhex("E7")
SIMPLE_BLOCK = bytes.fromhex("A3")

UNKNOWN_SIZE = b"\x01" + b"\xff" * 7
RGB24_FOURCC = b"RGB\x18"
"""FFmpeg's tag for packed 8-bit RGB, as V_UNCOMPRESSED wants it."""
BLOCK_HEADER = b"\x81\x00\x00\x80"
"""Track 1, no offset from the Cluster's time, a keyframe, no lacing."""
NANOSECONDS = 10**9


def _size(length: int) -> bytes:
    return (length | 1 << 56).to_bytes(8, "big")


def _element(element_id: bytes, payload: bytes) -> bytes:
    return element_id + _size(len(payload)) + payload


def _unsigned(element_id: bytes, value: int) -> bytes:
    return _element(element_id, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def stream_header(width: int, height: int, rate: Fraction) -> bytes:
    """Everything before the first frame.

    Args:
        width: Width of every frame, in pixels.
        height: Height of every frame, in pixels.
        rate: Mean frame rate in frames per second. The encoder derives its level from it; times don't depend on it.
    """
    ebml = _unsigned(EBML_MAX_ID_LENGTH, 4) + _unsigned(EBML_MAX_SIZE_LENGTH, 8)
    ebml += _element(DOC_TYPE, b"matroska") + _unsigned(DOC_TYPE_VERSION, 4) + _unsigned(DOC_TYPE_READ_VERSION, 2)
    info = _unsigned(TIMESTAMP_SCALE, 1) + _element(MUXING_APP, b"vid2vid") + _element(WRITING_APP, b"vid2vid")
    video = _unsigned(PIXEL_WIDTH, width) + _unsigned(PIXEL_HEIGHT, height)
    video += _element(UNCOMPRESSED_FOURCC, RGB24_FOURCC)
    track = _unsigned(TRACK_NUMBER, 1) + _unsigned(TRACK_UID, 1) + _unsigned(TRACK_TYPE, 1)
    track += _element(CODEC_ID, b"V_UNCOMPRESSED") + _unsigned(DEFAULT_DURATION, round(NANOSECONDS / rate))
    tracks = _element(TRACKS, _element(TRACK_ENTRY, track + _element(VIDEO, video)))
    return _element(EBML, ebml) + SEGMENT + UNKNOWN_SIZE + _element(INFO, info) + tracks


def frame_header(pts: int, time_base: Fraction, payload_size: int) -> bytes:
    """What stands before a frame's pixels.

    The time is rounded to nanoseconds, so a time_base down to 2 ns comes back exactly when it is rounded again.

    Args:
        pts: Presentation time in units of time_base, 0 or above (Matroska knows no negative Cluster times).
        time_base: Unit of pts, in seconds.
        payload_size: Size of the pixels that follow, in bytes.
    """
    timestamp = _unsigned(TIMESTAMP, round(pts * time_base * NANOSECONDS))
    block = SIMPLE_BLOCK + _size(len(BLOCK_HEADER) + payload_size) + BLOCK_HEADER
    return CLUSTER + _size(len(timestamp) + len(block) + payload_size) + timestamp + block
