"""The renderer, from the caller's side."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc

from vid2vid.renderer.v1 import renderer_pb2 as pb
from vid2vid.renderer.v1 import renderer_pb2_grpc as pb_grpc
from vid2vid_client.files import ResultFile, check_content
from vid2vid_client.models import Model, model_from_pb
from vid2vid_client.results import (
    Layout,
    ProgressCallback,
    RenderProgress,
    RenderResult,
    progress_from_pb,
    result_from_pb,
    settings_message,
)
from vid2vid_core.crop import CropMode
from vid2vid_core.errors import InternalError, RendererUnavailable, UnsupportedMedia, UploadTooLarge, error_from_rpc
from vid2vid_core.identifiers import validate_model_name
from vid2vid_core.rpc.channel import open_channel
from vid2vid_core.rpc.tls import channel_credentials, speaks_tls
from vid2vid_core.rpc.uploads import file_chunks

QUERY_TIMEOUT_S = 15.0
"""Deadline of :meth:`Renderer.list_models` and :meth:`Renderer.get_model`."""


class Renderer:
    """A connection to a renderer; safe for several threads. Use it as a context manager, or call :meth:`close`."""

    def __init__(self, target: str, *, tls: bool = False, tls_authority: Path | None = None) -> None:
        """Prepare the connection; it is made by the first call.

        Args:
            target: ``host:port`` of the renderer.
            tls: Talk TLS and trust the authorities that gRPC ships.
            tls_authority: Talk TLS and trust the certificates of this PEM file instead.

        Raises:
            ConfigurationError: The file can't be read or holds no certificate.
        """
        self._target = target
        self._tls = tls or tls_authority is not None
        credentials = channel_credentials(tls_authority) if self._tls else None
        self._channel = open_channel(target, credentials=credentials)
        self._stub: Any = pb_grpc.RenderServiceStub(self._channel)

    def list_models(self) -> list[Model]:
        """Every style that Triton knows, sorted by name.

        Raises:
            RendererUnavailable, GeneratorUnavailable: A service does not answer.
        """
        with self._errors():
            response = self._stub.ListModels(pb.ListModelsRequest(), timeout=QUERY_TIMEOUT_S)
        return [model_from_pb(model) for model in response.models]

    def get_model(self, name: str) -> Model:
        """One style.

        Raises:
            InvalidModelName, ModelNotFound: There is no such style.
            RendererUnavailable, GeneratorUnavailable: A service does not answer.
        """
        validate_model_name(name)
        with self._errors():
            response = self._stub.GetModel(pb.GetModelRequest(name=name), timeout=QUERY_TIMEOUT_S)
        return model_from_pb(response.model)

    def render(
        self,
        content: Path,
        output: Path,
        *,
        model: str,
        version: int | None = None,
        layout: Layout = "single",
        crop: CropMode = "portrait",
        retarget: bool = True,
        on_progress: ProgressCallback | None = None,
        timeout_s: float | None = None,
    ) -> RenderResult:
        """Render a content video into a file, which appears only when it is whole.

        Args:
            content: The content video.
            output: The MP4 to write; an existing file is replaced. Its folder must exist.
            model: The style.
            version: None for the newest that is ready.
            layout: What stands in the picture.
            crop: How the square around the content's face is chosen.
            retarget: Map the content's motion onto the style's face.
            on_progress: Called a few times a second.
            timeout_s: Deadline of the whole call; none if None.

        Raises:
            Vid2VidError: Any refusal or failure. The output is untouched then, also after KeyboardInterrupt.
        """
        validate_model_name(model)
        settings = settings_message(model=model, version=version, layout=layout, crop=crop, retarget=retarget)
        size = check_content(content)
        with ResultFile(output) as result:
            upload = _Upload(settings, content, size, on_progress)
            call = self._stub.Render(iter(upload), timeout=timeout_s)
            upload.stop_with(call)
            try:
                return self._receive(call, upload, result, output, on_progress)
            finally:
                call.cancel()

    def close(self) -> None:
        """Close the connection; calls under way are cancelled."""
        self._channel.close()

    def __enter__(self) -> Self:
        """The renderer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def _receive(
        self,
        call: Any,
        upload: _Upload,
        result: ResultFile,
        output: Path,
        on_progress: ProgressCallback | None,
    ) -> RenderResult:
        render_id = ""
        with self._errors(upload):
            for response in call:
                match response.WhichOneof("payload"):
                    case "accepted":
                        render_id = response.accepted.render_id
                        upload.begin(response.accepted.max_upload_bytes)
                    case "progress" if on_progress is not None:
                        _report_progress(response.progress, on_progress)
                    case "chunk":
                        result.write(response.chunk)
                    case "summary":
                        summary = response.summary
                        result.commit(size_bytes=summary.result_bytes, sha256=summary.result_sha256)
                        _take_status(call)
                        return result_from_pb(output, render_id, summary)
        raise InternalError("the renderer ended its answer without a summary")

    @contextmanager
    def _errors(self, upload: _Upload | None = None) -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as error:
            if upload is not None and upload.error is not None:
                raise upload.error from error
            known = error_from_rpc(error, unavailable=RendererUnavailable)
            if isinstance(known, RendererUnavailable) and not known.metadata:
                message = f"the renderer at {self._target} does not answer: {known.message}"
                if not self._tls and speaks_tls(self._target):
                    message = f"the renderer at {self._target} talks TLS: use --tls, or --tls-authority FILE"
                raise RendererUnavailable(message, target=self._target) from error
            raise known from error


class _Upload:
    """The request stream: settings at once, the file only when the renderer has accepted them.

    gRPC consumes it in a thread of its own, so whatever fails there is kept in ``error`` and ends the call.
    """

    def __init__(
        self, settings: pb.RenderSettings, content: Path, size: int, on_progress: ProgressCallback | None
    ) -> None:
        self._settings = settings
        self._content = content
        self._size = size
        self._on_progress = on_progress
        self._may_go_on = threading.Event()
        self._ended = False
        self._call: Any = None
        self.error: Exception | None = None

    def stop_with(self, call: Any) -> None:
        """End the stream when the call ends, however it ends."""
        self._call = call
        if not call.add_callback(self._end):
            self._end()

    def begin(self, max_upload_bytes: int) -> None:
        """Let the file go, the renderer having accepted.

        Raises:
            UploadTooLarge: The renderer would not read all of it.
        """
        if self._size > max_upload_bytes:
            raise UploadTooLarge(
                f"content video {self._content} has {self._size} bytes; allowed are {max_upload_bytes}",
                limit=max_upload_bytes,
            )
        self._may_go_on.set()

    def __iter__(self) -> Iterator[pb.RenderRequest]:
        yield pb.RenderRequest(settings=self._settings)
        self._may_go_on.wait()
        if self._ended:
            return
        sent = 0
        try:
            for chunk in file_chunks(self._content):
                yield pb.RenderRequest(chunk=chunk)
                sent += len(chunk)
                self._report(sent)
        except OSError as error:
            self._fail(UnsupportedMedia(f"content video {self._content} can't be read: {error.strerror}"))
        except Exception as error:  # noqa: BLE001 - the caller's on_progress: what it raises belongs to the caller
            self._fail(error)

    def _report(self, sent: int) -> None:
        if self._on_progress is not None and not self._ended:
            self._on_progress(RenderProgress(stage="uploading", done=sent, total=self._size))

    def _fail(self, error: Exception) -> None:
        self.error = error
        self._call.cancel()

    def _end(self) -> None:
        self._ended = True
        self._may_go_on.set()


def _take_status(call: Any) -> None:
    """Wait for the end of a call: one that is left before it counts as cancelled at the renderer."""
    with suppress(grpc.RpcError):  # the file is whole, whatever becomes of the call
        next(call, None)


def _report_progress(message: pb.RenderProgress, on_progress: ProgressCallback) -> None:
    progress = progress_from_pb(message)
    if progress.stage != "uploading":  # the upload's own progress is known here, in bytes
        on_progress(progress)
