"""Files of a run and of the model repository, which are there completely or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vid2vid_core.files import publish, reserve, unlink


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; on success it is fsynced and takes the place of ``path``.

    After an error, or a death of the process, ``path`` is what it was before.

    Raises:
        OutputNotWritable: The folder does not exist or can't be written to.
        StorageFull: No space left.
    """
    temporary = reserve(path)
    try:
        yield temporary
        publish(temporary, path)
    finally:
        unlink(temporary)
