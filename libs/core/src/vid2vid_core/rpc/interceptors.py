"""Turns exceptions into gRPC statuses with ``ErrorInfo``, for unary and streaming answers alike."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import grpc
from grpc_status import rpc_status

from vid2vid_core.errors import InternalError, ShuttingDown, Vid2VidError
from vid2vid_core.identifiers import is_render_id, new_render_id
from vid2vid_core.logging import bound_render_id, get_logger
from vid2vid_core.rpc.channel import RENDER_ID_METADATA
from vid2vid_core.rpc.metrics import RpcMetrics

_log = get_logger(__name__)

_Behavior = Callable[[Any, grpc.ServicerContext], Any]


class ErrorInterceptor(grpc.ServerInterceptor):
    """Answers a :class:`Vid2VidError` with its own status, anything else with ``INTERNAL``.

    It also refuses new calls while the server drains, and binds the caller's render id, or a new one, to the log lines
    of the call.
    """

    def __init__(self, own_services: tuple[str, ...], metrics: RpcMetrics) -> None:
        self._own_services = own_services
        self._metrics = metrics
        self._draining = False
        self._running = 0
        self._changed = threading.Condition()

    @property
    def draining(self) -> bool:
        """Whether new calls are refused."""
        return self._draining

    def start_draining(self) -> None:
        """Refuse new calls of the own services from now on; health and reflection go on."""
        self._draining = True

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until no call of the own services runs; say whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._running == 0, timeout_s)

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wrap the handler of one call."""
        handler = continuation(handler_call_details)
        service = handler_call_details.method.split("/")[1]
        if handler is None or service not in self._own_services:
            return handler
        guard = self._guard_stream if handler.response_streaming else self._guard_unary
        factory, behavior = _parts(handler)
        return factory(
            guard(behavior, handler_call_details.method),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _guard_unary(self, behavior: _Behavior, method: str) -> _Behavior:
        def call(request: Any, context: grpc.ServicerContext) -> Any:
            with self._counted(), bound_render_id(_render_id(context)):
                try:
                    with self._metrics.call(method):
                        self._refuse_while_draining()
                        return behavior(request, context)
                except Exception as error:  # noqa: BLE001 - the one place where every error of a call ends
                    _abort(context, error)

        return call

    def _guard_stream(self, behavior: _Behavior, method: str) -> _Behavior:
        def call(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            with self._counted(), bound_render_id(_render_id(context)):
                try:
                    with self._metrics.call(method):
                        self._refuse_while_draining()
                        yield from behavior(request, context)
                except Exception as error:  # noqa: BLE001 - the one place where every error of a call ends
                    _abort(context, error)

        return call

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._changed:
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _refuse_while_draining(self) -> None:
        if self._draining:
            raise ShuttingDown("the service is shutting down: send the request again in a moment")


class StreamLimit(grpc.ServerInterceptor):
    """Bounds the calls of one service that hold a thread as long as their caller likes, as reflection does."""

    def __init__(self, prefix: str, limit: int) -> None:
        """Limit the methods that begin with ``/package.Service/`` to so many calls at a time."""
        self._prefix = prefix
        self._limit = limit
        self._free = threading.BoundedSemaphore(limit)

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wrap the handler of one streaming call."""
        handler = continuation(handler_call_details)
        if handler is None or not handler_call_details.method.startswith(self._prefix):
            return handler
        factory, behavior = _parts(handler)
        return factory(
            self._limited(behavior),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _limited(self, behavior: _Behavior) -> _Behavior:
        def call(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            if not self._free.acquire(blocking=False):
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{self._limit} such calls are open, as many as may")
            try:
                yield from behavior(request, context)
            finally:
                self._free.release()

        return call


def _parts(handler: grpc.RpcMethodHandler[Any, Any]) -> tuple[Callable[..., grpc.RpcMethodHandler[Any, Any]], Any]:
    if handler.request_streaming and handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler, handler.stream_stream
    if handler.request_streaming:
        return grpc.stream_unary_rpc_method_handler, handler.stream_unary
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler, handler.unary_stream
    return grpc.unary_unary_rpc_method_handler, handler.unary_unary


def _render_id(context: grpc.ServicerContext) -> str:
    metadata = {item[0]: item[1] for item in context.invocation_metadata()}
    given = metadata.get(RENDER_ID_METADATA, "")
    return given if isinstance(given, str) and is_render_id(given) else new_render_id()


def _abort(context: grpc.ServicerContext, error: Exception) -> NoReturn:
    if not context.is_active():
        # The caller is gone: nobody reads a status, and gRPC has set CANCELLED or DEADLINE_EXCEEDED itself. It would
        # log an exception as a defect, without the render id; an abort it takes without a word.
        _log.info("call ended by the caller", error=str(error))
        context.abort(grpc.StatusCode.CANCELLED, "the caller is gone")
    if isinstance(error, Vid2VidError):
        _log.warning("call refused", reason=error.reason(), error=error.message)
        context.abort_with_status(rpc_status.to_status(error.to_status()))
    _log.error("call failed", exc_info=error)
    defect = InternalError("the service hit an internal error; its log has the details")
    context.abort_with_status(rpc_status.to_status(defect.to_status()))
    raise AssertionError("unreachable: abort_with_status raises")
