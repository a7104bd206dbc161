"""Files that are there completely or not at all."""

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
    try:
        if path.is_dir():
            raise OutputNotWritable(f"output {path} is a folder, a file name is needed", path=path)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except OSError as error:
        raise write_error(error, path) from error
    return temporary


def publish(temporary: Path, path: Path) -> None:
    """Flush a finished temporary file to the disk and give it its name.

    Raises:
        OutputNotWritable: The name can't be taken.
        StorageFull: No space left.
    """
    try:
        fsync(temporary)
        temporary.replace(path)
        fsync(path.parent)
    except OSError as error:
        raise write_error(error, path) from error


def write_error(error: OSError, path: Path) -> Vid2VidError:
    """What the failure to write ``path`` means to whoever asked for it."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StorageFull(f"no space left while writing {path.name}", path=path)
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return OutputNotWritable(f"output folder {path.parent} does not exist", path=path)
    return OutputNotWritable(f"output {path} can't be written: {error.strerror}", path=path)


def unlink(path: Path) -> None:
    """Remove a file that may be gone already."""
    path.unlink(missing_ok=True)


def fsync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
