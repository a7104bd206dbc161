"""The content file before it is sent, and the result until it is known to be whole."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from vid2vid_core.errors import (
    EmptyMedia,
    InternalError,
    OutputNotWritable,
    StorageFull,
    UnsupportedMedia,
    Vid2VidError,
)


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
        self._file: IO[bytes]
        self.size_bytes = 0
        """Bytes so far."""
        try:
            if output.is_dir():
                raise OutputNotWritable(f"output {output} is a folder, a file name is needed", path=output)
            self._temporary = output.with_name(f".{output.name}.{secrets.token_hex(4)}.part")
            self._file = self._temporary.open("xb")
        except OSError as error:
            raise self._failure(error) from error

    def write(self, chunk: bytes) -> None:
        """Append bytes.

        Raises:
            StorageFull: No space left.
            OutputNotWritable: The file can't be written any more.
        """
        try:
            self._file.write(chunk)
        except OSError as error:
            raise self._failure(error) from error
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
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._temporary.replace(self._output)
        except OSError as error:
            raise self._failure(error) from error

    def __enter__(self) -> Self:
        """The file itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what was not committed."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._temporary.unlink(missing_ok=True)

    def _failure(self, error: OSError) -> Vid2VidError:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return StorageFull(f"no space left for {self._output}", path=self._output)
        if error.errno in {errno.ENOENT, errno.ENOTDIR}:
            return OutputNotWritable(f"output folder {self._output.parent} does not exist", path=self._output)
        return OutputNotWritable(f"output {self._output} can't be written: {error.strerror}", path=self._output)
