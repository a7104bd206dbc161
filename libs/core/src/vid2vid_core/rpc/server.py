"""The gRPC server shell: health, reflection, message limits and a drain that SIGTERM begins."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import CollectorRegistry

from vid2vid_core.errors import ConfigurationError
from vid2vid_core.logging import get_logger
from vid2vid_core.rpc.channel import KEEPALIVE, message_limits
from vid2vid_core.rpc.interceptors import ErrorInterceptor, StreamLimit
from vid2vid_core.rpc.metrics import RpcMetrics, serve_metrics
from vid2vid_core.rpc.tls import server_credentials
from vid2vid_core.settings import ServiceSettings

_log = get_logger(__name__)

_MAX_STREAMS = 100
"""Calls that one connection may have open, and calls that may wait beyond the threads; more are refused at once."""

_SPARE_THREADS = 8
"""Threads beyond the calls that a service admits: refusals, health checks and reflection must not wait for a render."""


class GrpcServer:
    """A server with named steps: start, serve, drain, stop.

    The empty service name of the health protocol is liveness; each own service name is readiness, NOT_SERVING until
    :meth:`set_ready` says otherwise.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        services: Sequence[str],
        register: Callable[[grpc.Server], None],
        *,
        registry: CollectorRegistry | None = None,
    ) -> None:
        """Prepare a server.

        Args:
            settings: Address, limits and the drain deadline.
            services: Full names of the services that ``register`` adds.
            register: Adds the servicers to the server.
            registry: Where the service's own metrics are; served together with those of the calls.
        """
        self._settings = settings
        self._services = tuple(services)
        self._registry = registry or CollectorRegistry()
        self._errors = ErrorInterceptor(self._services, RpcMetrics(self._registry))
        self._stop_metrics: Callable[[], None] | None = None
        self._stop_requested = threading.Event()
        threads = settings.max_concurrent_calls + _SPARE_THREADS
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="grpc")
        self._server = grpc.server(
            self._pool,
            interceptors=[self._errors, StreamLimit(f"/{reflection.SERVICE_NAME}/", _SPARE_THREADS // 2)],
            maximum_concurrent_rpcs=threads + _MAX_STREAMS,
            options=[
                *message_limits(settings.max_message_bytes),
                ("grpc.max_concurrent_streams", _MAX_STREAMS),
                *KEEPALIVE,  # a caller that is gone must not hold its slot for the two hours of gRPC's default
                ("grpc.so_reuseport", 0),  # a second server on the same port is a mistake, not a load balancer
                # Our channels ping every 20 s; the default takes that for abuse after a minute of silence.
                ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
            ],
        )
        self._health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        register(self._server)
        names = (*self._services, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        for name in self._services:
            self.set_ready(name, ready=False)

    def start(self) -> int:
        """Bind and start to serve.

        Returns:
            The port, of interest where the setting says 0.

        Raises:
            ConfigurationError: The address can't be bound, or a TLS file is no good.
        """
        try:
            port = self._add_port()
        except RuntimeError:
            port = 0
        if port == 0:
            raise ConfigurationError(
                f"cannot listen on {self._settings.listen}: the port is taken or the address is not of this machine",
                listen=self._settings.listen,
            )
        if self._settings.metrics_listen is not None:
            self._stop_metrics = serve_metrics(self._settings.metrics_listen, self._registry)
        self._server.start()
        self._health.set("", health_pb2.HealthCheckResponse.SERVING)
        _log.info("listening", address=self._settings.listen, port=port)
        return int(port)

    def set_ready(self, service: str, *, ready: bool) -> None:
        """Say whether a service can do its work now."""
        status = health_pb2.HealthCheckResponse
        self._health.set(service, status.SERVING if ready else status.NOT_SERVING)

    @property
    def draining(self) -> bool:
        """Whether new calls are refused."""
        return self._errors.draining

    def serve_until_signal(self) -> None:
        """Block until SIGTERM or SIGINT, then drain and stop. Call from the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        # A wait with a deadline lets the main thread run signal handlers on every platform.
        while not self._stop_requested.wait(timeout=1.0):
            pass
        self.drain()

    def drain(self) -> None:
        """Refuse new calls, let running ones finish until the deadline, then cancel what is left and stop."""
        _log.info("draining", timeout_s=self._settings.drain_timeout_s)
        self._errors.start_draining()
        self._health.enter_graceful_shutdown()
        deadline = time.monotonic() + self._settings.drain_timeout_s
        # gRPC's own stop may leave a call that comes meanwhile without any answer: ours come to their end first.
        self._errors.wait_until_idle(self._settings.drain_timeout_s)
        self._server.stop(max(0.0, deadline - time.monotonic())).wait()
        self._pool.shutdown(wait=True)
        if self._stop_metrics is not None:
            self._stop_metrics()
        _log.info("stopped")

    def _add_port(self) -> int:
        settings = self._settings
        if settings.tls_certificate is None or settings.tls_key is None:
            return int(self._server.add_insecure_port(settings.listen))
        credentials = server_credentials(settings.tls_certificate, settings.tls_key)
        return int(self._server.add_secure_port(settings.listen, credentials))

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        _log.info("signal received", signal=signal.Signals(number).name)
        self._stop_requested.set()
