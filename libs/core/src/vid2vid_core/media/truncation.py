"""Whether a file ends where its container says, from a few bytes of structure; no media data is read.

Demuxers read on until the data end and then report a normal end of file, so a clip that was cut looks like a shorter
clip. These checks find the cut before anything is decoded. Containers without a stated length (MPEG-TS, live WebM)
can't be cut in this sense.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_EBML = bytes.fromhex("1A45DFA3")
_SEGMENT = bytes.fromhex("18538067")
_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"})
_NEEDED_BOXES = frozenset({b"moov", b"moof", b"mdat"})


def missing_end(path: Path) -> str | None:
    """What is missing at the end of a file, in a few words, or None if nothing is."""
    length = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] in _FIRST_BOXES:
            return _missing_boxes(file, length)
        if head[:4] == _EBML:
            return _missing_segment(file, length)
        if head[:4] == b"RIFF" and len(head) == 12:
            return _missing_bytes("RIFF chunk", 8 + int.from_bytes(head[4:8], "little"), length)
    return None


def _missing_bytes(part: str, needed: int, length: int) -> str | None:
    return f"its {part} needs {needed} bytes, the file has {length}" if needed > length else None


def _missing_boxes(file: BinaryIO, length: int) -> str | None:
    """Walk the top-level boxes of ISO/IEC 14496-12, section 4.2: size, type, 64-bit size where size is 1."""
    position, seen = 0, set()
    while position + 8 <= length:
        file.seek(position)
        size, kind = struct.unpack(">I4s", file.read(8))
        if size == 1:
            size = int.from_bytes(file.read(8), "big")
        if size == 0:
            size = length - position
        seen.add(kind)
        if size < 8:
            break
        if kind in _NEEDED_BOXES and position + size > length:
            return _missing_bytes(f"{kind.decode()} box", position + size, length)
        position += size
    return None if seen & {b"moov", b"moof"} else "it has no index (moov box)"


def _missing_segment(file: BinaryIO, length: int) -> str | None:
    """Compare the Segment's size with the file's, RFC 9559 section 5.1; a live stream's size is unknown."""
    file.seek(len(_EBML))
    header_size = _read_size(file)
    if header_size is None:
        return None
    file.seek(header_size, 1)
    if file.read(4) != _SEGMENT:
        return None
    size = _read_size(file)
    return None if size is None else _missing_bytes("Segment", file.tell() + size, length)


def _read_size(file: BinaryIO) -> int | None:
    """An EBML variable-size integer, RFC 8794 section 4; None for the reserved value "unknown"."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    extra = 8 - first[0].bit_length()
    rest = file.read(extra)
    value = int.from_bytes(bytes([first[0] & (0x7F >> extra)]) + rest, "big")
    return None if len(rest) < extra or value == (1 << 7 * (extra + 1)) - 1 else value
