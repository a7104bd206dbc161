"""A file that is either whole under its name or not there."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

from vid2vid_core.errors import OutputNotWritable, StorageFull, Vid2VidError


def reserve(path: Path) -> Path:
    """Create an empty temporary file beside ``path``, so that a bad place is known before any work is done.

    Raises:
        OutputNotWritable: The folder does not exist or can't be written to, or ``path`` is a folder.
        StorageFull: No space left.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except OSError as error:
        raise _write_error(error, path) from None
    if path.is_dir():
        unlink(temporary)
        raise OutputNotWritable(f"{path} can't be written: it is a folder")
    return temporary


def publish(temporary: Path, path: Path) -> None:
    """Flush a finished temporary file to the disk and give it its name.

    Raises:
        OutputNotWritable: The name can't be taken.
        StorageFull: No space left.
    """
    try:
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise _write_error(error, path) from None


def _write_error(error: OSError, path: Path) -> Vid2VidError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StorageFull(f"no space left while writing {path.name}")
    return OutputNotWritable(f"{path} can't be written: {error.strerror}")


def unlink(path: Path) -> None:
    """Remove a file that may be gone already."""
    path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
