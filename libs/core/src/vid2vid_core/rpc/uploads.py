"""Uploads: a settings message, then a file in chunks, spooled to disk because containers need seeking."""

from __future__ import annotations

import errno
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

import grpc

from vid2vid_core.errors import (
    EmptyMedia,
    InvalidSettings,
    RenderCancelled,
    StorageFull,
    UploadStalled,
    UploadTooLarge,
)
from vid2vid_core.rpc.channel import CHUNK_BYTES

PROGRESS_BYTES = 64 * 1024
"""So many bytes an upload must bring within its idle timeout; a byte now and then would hold a slot for ever."""


class UploadRequest(Protocol):
    """A request message with ``oneof payload { settings; bytes chunk; }``."""

    chunk: bytes

    def WhichOneof(self, oneof_group: str, /) -> str | None:  # noqa: N802 - protobuf's own name
        """Name of the field that is set."""


Request = TypeVar("Request", bound=UploadRequest)


class TimedRequests(Generic[Request]):
    """A request stream that ends with an error when its sender falls silent. A context manager.

    gRPC offers no deadline for the next message, so a thread waits for it, one message at a time; it ends with the
    call. Only the time spent in waiting for the sender counts.
    """

    def __init__(self, requests: Iterator[Request], idle_timeout_s: float) -> None:
        """Wrap a stream.

        Args:
            requests: gRPC's request iterator.
            idle_timeout_s: Longest wait for the settings, and for every :data:`PROGRESS_BYTES` of the file.
        """
        self._requests = requests
        self._idle_timeout_s = idle_timeout_s
        self._waited_s = 0.0
        self._received = 0
        self._wanted: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Request | BaseException] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read, name="upload", daemon=True)

    def __enter__(self) -> Self:
        """Begin to read when the first message is asked for."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the thread go; one that still waits for a message ends together with the call."""
        self._wanted.put(False)

    def __iter__(self) -> Self:
        """The stream itself."""
        return self

    def __next__(self) -> Request:
        """The next message.

        Raises:
            UploadStalled: The sender took too long.
            RenderCancelled: The sender has left.
        """
        began = time.monotonic()
        self._wanted.put(True)
        try:
            answer = self._answers.get(timeout=max(0.0, self._idle_timeout_s - self._waited_s))
        except queue.Empty:
            raise UploadStalled(
                f"the upload stands still: fewer than {PROGRESS_BYTES} bytes came within {self._idle_timeout_s:g} s",
                timeout_s=self._idle_timeout_s,
            ) from None
        if isinstance(answer, grpc.RpcError):
            raise RenderCancelled("the caller cancelled, or its deadline passed") from answer
        if isinstance(answer, BaseException):
            raise answer
        self._count(answer, time.monotonic() - began)
        return answer

    def _count(self, message: Request, waited_s: float) -> None:
        self._waited_s += waited_s
        self._received += len(message.chunk)
        if self._received >= PROGRESS_BYTES or message.WhichOneof("payload") == "settings":
            self._waited_s, self._received = 0.0, 0

    def _read(self) -> None:
        while self._wanted.get():
            try:
                self._answers.put(next(self._requests))
            except BaseException as error:  # noqa: BLE001 - the end of the stream and a broken call both belong there
                self._answers.put(error)


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
