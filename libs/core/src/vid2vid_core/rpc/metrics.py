"""Prometheus metrics that every gRPC service has, and the HTTP endpoint that serves them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from vid2vid_core.errors import ConfigurationError, Vid2VidError

CALL_SECONDS_BUCKETS = (0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800)
"""From a refusal to the render of a long clip."""


class RpcMetrics:
    """Calls by method and outcome, their duration, and how many run."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = Counter(
            "vid2vid_rpc_calls", "Finished calls.", ["service", "method", "status", "reason"], registry=registry
        )
        self._seconds = Histogram(
            "vid2vid_rpc_seconds",
            "Duration of a call.",
            ["service", "method"],
            buckets=CALL_SECONDS_BUCKETS,
            registry=registry,
        )
        self._running = Gauge("vid2vid_rpc_running", "Calls under way.", ["service", "method"], registry=registry)

    @contextmanager
    def call(self, full_method: str) -> Iterator[None]:
        """Count one call of ``/package.Service/Method``; the exception that leaves the block is its outcome."""
        _, service, method = full_method.split("/")
        started = time.monotonic()
        status, reason = "OK", ""
        with self._running.labels(service, method).track_inprogress():
            try:
                yield
            except GeneratorExit:
                status = "CANCELLED"
                raise
            except Vid2VidError as error:
                status, reason = error.status.name, error.reason()
                raise
            except Exception:
                status, reason = "INTERNAL", "INTERNAL_ERROR"
                raise
            finally:
                self._calls.labels(service, method, status, reason).inc()
                self._seconds.labels(service, method).observe(time.monotonic() - started)


def serve_metrics(address: str, registry: CollectorRegistry) -> Callable[[], None]:
    """Serve a registry over HTTP under ``/metrics``.

    Args:
        address: ``host:port`` to bind.
        registry: What to serve.

    Returns:
        A function that stops the endpoint.

    Raises:
        ConfigurationError: The address can't be bound.
    """
    host, _, port = address.rpartition(":")
    try:
        server, thread = start_http_server(int(port), addr=host.strip("[]"), registry=registry)
    except OSError as error:
        raise ConfigurationError(f"cannot serve metrics on {address}: {error.strerror}", listen=address) from error

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop
