"""Whether the peers are there: asked before a render begins, and all the time for the health service."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from vid2vid_core.errors import LandmarksUnavailable, Vid2VidError, error_from_rpc
from vid2vid_core.logging import get_logger
from vid2vid_core.rpc.channel import open_channel

LANDMARK_SERVICE = "vid2vid.landmarks.v1.LandmarkService"

IMPATIENCE_S = 0.25
"""Longest time between two looks while a peer is missing: a stack that starts is ready sooner."""

_log = get_logger(__name__)

PeerCheck = Callable[[], None]
"""Returns if a peer is ready, raises a Vid2VidError that names it if not."""


class LandmarksHealth:
    """Asks the landmark service for its readiness."""

    def __init__(self, target: str, *, timeout_s: float = 5.0) -> None:
        self._target = target
        self._timeout_s = timeout_s
        self._channel = open_channel(target)
        self._stub: Any = health_pb2_grpc.HealthStub(self._channel)

    def __call__(self) -> None:
        """Return if the service is ready.

        Raises:
            LandmarksUnavailable: It does not answer, or says that it can't work.
        """
        try:
            answer = self._stub.Check(health_pb2.HealthCheckRequest(service=LANDMARK_SERVICE), timeout=self._timeout_s)
        except grpc.RpcError as error:
            reason = error_from_rpc(error, unavailable=LandmarksUnavailable).message
            raise self._unavailable(f"does not answer: {reason}") from error
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise self._unavailable("is not ready")

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def _unavailable(self, what: str) -> LandmarksUnavailable:
        return LandmarksUnavailable(f"the landmark service at {self._target} {what}", target=self._target)


class ReadinessWatch:
    """Looks at every peer in turn and reports changes, in a thread of its own."""

    def __init__(self, checks: Sequence[PeerCheck], report: Callable[[bool], None], *, interval_s: float) -> None:
        """Prepare the watch.

        Args:
            checks: One per peer.
            report: Called with the first finding and whenever it changes.
            interval_s: Time between two looks.
        """
        self._checks = checks
        self._report = report
        self._interval_s = interval_s
        self._stopped = threading.Event()
        self._problem: str | None = None
        self._known = False
        self._thread = threading.Thread(target=self._run, name="readiness", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._look()
            self._stopped.wait(self._interval_s if self._problem is None else min(self._interval_s, IMPATIENCE_S))

    def _look(self) -> None:
        problem = first_problem(self._checks)
        if self._known and (problem is None) == (self._problem is None):
            return
        self._known, self._problem = True, problem
        self._report(problem is None)
        if problem is None:
            _log.info("ready")
        else:
            _log.warning("not ready", problem=problem)


def first_problem(checks: Sequence[PeerCheck]) -> str | None:
    """What the first failing peer says, None if all are ready."""
    for check in checks:
        try:
            check()
        except Vid2VidError as error:
            return error.message
        except Exception as error:  # noqa: BLE001 - the watch must outlive whatever a check runs into
            return f"a check failed: {error}"
    return None
