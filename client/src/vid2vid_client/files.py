"""The content file before it is sent, and the result until it is known to be whole."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from vid2vid_core.errors import (
    EmptyMedia,
    InternalError,
    UnsupportedMedia,
)
from vid2vid_core.files import publish, reserve, unlink, write_error


def check_content(content: Path) -> int:
    """Refuse a content file that can't be sent.

    Returns:
        Its size in bytes.

    Raises:
        UnsupportedMedia: It does not exist, is no file, or may not be read.
        EmptyMedia: It has no byte.
    """
    try:
        if not content.is_file():
            problem = "is not a file" if content.exists() else "does not exist"
            raise UnsupportedMedia(f"content video {content} {problem}", path=content)
        with content.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise UnsupportedMedia(f"content video {content} can't be read: {error.strerror}", path=content) from error
    if size == 0:
        raise EmptyMedia(f"content video {content} is empty: 0 bytes", path=content)
    return size


class ResultFile:
    """A file that takes its name only when it is whole.

    The bytes go to a hidden file beside it; leaving the block without :meth:`commit` removes that.
    """

    def __init__(self, output: Path) -> None:
        """Create the hidden file.

        Raises:
            OutputNotWritable: The folder does not exist or may not be written to, or the name is a folder's.
        """
        self._output = output
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        """Bytes so far."""
        self._temporary = reserve(output)
        self._file = self._temporary.open("wb")

    def write(self, chunk: bytes) -> None:
        """Append bytes.

        Raises:
            StorageFull: No space left.
            OutputNotWritable: The file can't be written any more.
        """
        try:
            self._file.write(chunk)
        except OSError as error:
            raise write_error(error, self._output) from error
        self._digest.update(chunk)
        self.size_bytes += len(chunk)

    def commit(self, *, size_bytes: int, sha256: str) -> None:
        """Give the file its name, replacing what stood there.

        Raises:
            InternalError: What arrived is not what was sent.
            StorageFull, OutputNotWritable: As in :meth:`write`.
        """
        if self.size_bytes != size_bytes or self._digest.hexdigest() != sha256:
            raise InternalError(
                f"the result arrived damaged: {self.size_bytes} bytes with SHA-256 {self._digest.hexdigest()}, "
                f"expected {size_bytes} with {sha256}"
            )
        try:
            self._file.close()
        except OSError as error:  # the last buffer finds the disk full
            raise write_error(error, self._output) from error
        publish(self._temporary, self._output)

    def __enter__(self) -> Self:
        """The file itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what was not committed."""
        with contextlib.suppress(OSError):
            self._file.close()
        unlink(self._temporary)
