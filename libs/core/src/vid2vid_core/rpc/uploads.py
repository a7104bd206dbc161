"""Uploads: a settings message, then a file in chunks, spooled to disk because containers need seeking."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from vid2vid_core.errors import EmptyMedia, InvalidSettings, StorageFull, UploadTooLarge
from vid2vid_core.rpc.channel import CHUNK_BYTES


class UploadRequest(Protocol):
    """A request message with ``oneof payload { settings; bytes chunk; }``."""

    chunk: bytes

    def WhichOneof(self, oneof_group: str, /) -> str | None:  # noqa: N802 - protobuf's own name
        """Name of the field that is set."""


Request = TypeVar("Request", bound=UploadRequest)


def first_message(requests: Iterator[Request]) -> Request:
    """Take the settings off the front of a stream.

    Raises:
        InvalidSettings: The stream is empty or starts with a chunk.
    """
    request = next(requests, None)
    if request is None or request.WhichOneof("payload") != "settings":
        raise InvalidSettings("the first message of the stream must carry the settings")
    return request


@contextmanager
def work_folder(parent: str | None) -> Iterator[Path]:
    """A temporary folder for one call, removed with all it holds.

    Raises:
        StorageFull: There is no space for it.
    """
    with storage_errors(), tempfile.TemporaryDirectory(prefix="vid2vid-", dir=parent) as folder:
        yield Path(folder)


@contextmanager
def storage_errors() -> Iterator[None]:
    """Report a full disk as :class:`StorageFull`."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull("no space left for uploads and results on the server") from error
        raise


def spool(
    requests: Iterator[UploadRequest],
    path: Path,
    *,
    max_bytes: int,
    on_bytes: Callable[[int], None] | None = None,
) -> int:
    """Write the chunks of a stream to a file.

    Args:
        requests: The stream after its settings.
        path: File to write.
        max_bytes: Largest upload.
        on_bytes: Called with the number of bytes so far, after each chunk.

    Returns:
        The file's size in bytes.

    Raises:
        InvalidSettings: A message that is no chunk.
        UploadTooLarge: More than ``max_bytes``.
        EmptyMedia: Not a byte.
        StorageFull: No space left.
    """
    written = 0
    with storage_errors(), path.open("wb") as file:
        for request in requests:
            if request.WhichOneof("payload") != "chunk":
                raise InvalidSettings("after the settings every message of the stream must carry a chunk")
            written += len(request.chunk)
            if written > max_bytes:
                raise UploadTooLarge(f"upload is over {max_bytes} bytes, the most that is allowed", limit=max_bytes)
            file.write(request.chunk)
            if on_bytes is not None:
                on_bytes(written)
    if written == 0:
        raise EmptyMedia("the upload is empty: 0 bytes")
    return written


def file_chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file in pieces of the recommended size."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
