"""Ask a server for its health and answer with the exit status: what a container's health check runs.

    python -m vid2vid_core.rpc.healthcheck 127.0.0.1:50052 vid2vid.renderer.v1.RenderService

Works for every server that implements the standard gRPC health service, Triton included. Beside the standard library it
needs grpcio and grpcio-health-checking only, so that an image without the rest of the core can carry this file alone.
"""

from __future__ import annotations

import argparse
import socket
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


class Unhealthy(Exception):
    """The server does not serve; the message is one line that says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Check once and say what is wrong on stderr.

    Returns:
        The exit status: 0 if the server says SERVING, otherwise 1.
    """
    options = _parse(arguments)
    try:
        check(options.target, options.service, certificate=options.certificate, timeout_s=options.timeout)
    except Unhealthy as problem:
        print(f"{options.target}: {problem}", file=sys.stderr)
        return 1
    return 0


def check(target: str, service: str = "", *, certificate: Path | None = None, timeout_s: float = 5.0) -> None:
    """Return if a server serves.

    Args:
        target: ``host:port``.
        service: Full name of the gRPC service; empty asks whether the process is alive at all.
        certificate: The server's own PEM certificate if it speaks TLS; any name in it is accepted, because the check
            goes to loopback and the certificate is for the outside.
        timeout_s: For the whole check.

    Raises:
        Unhealthy: No answer, or not SERVING.
    """
    with _open_channel(target, certificate, timeout_s) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=timeout_s)
        except grpc.RpcError as error:
            raise Unhealthy(_one_line(error)) from error
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        name = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
        raise Unhealthy(f"{service or 'server'} is {name}")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="healthcheck", description="Exit 0 if a gRPC server is healthy.")
    parser.add_argument("target", metavar="HOST:PORT")
    parser.add_argument("service", nargs="?", default="", help="full service name; none asks for the server itself")
    parser.add_argument(
        "--certificate", type=_optional_path, default=None, help="the server's PEM file, if it uses TLS"
    )
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS", help="default: %(default)s")
    return parser.parse_args(arguments)


def _optional_path(text: str) -> Path | None:
    """An empty text, as an unset variable gives it, means no path."""
    return Path(text) if text else None


def _open_channel(target: str, certificate: Path | None, timeout_s: float) -> grpc.Channel:
    if certificate is None:
        return grpc.insecure_channel(target)
    try:
        name = _certified_name(target, certificate, timeout_s)
        credentials = grpc.ssl_channel_credentials(certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise Unhealthy(f"TLS with {certificate}: {error}") from error
    return grpc.secure_channel(target, credentials, options=[("grpc.ssl_target_name_override", name)])


def _certified_name(target: str, certificate: Path, timeout_s: float) -> str:
    """The first name in the server's certificate, after the certificate has proved to be the given one."""
    host, _, port = target.rpartition(":")
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(["h2"])
    address = (host.strip("[]"), int(port))
    with (
        socket.create_connection(address, timeout=timeout_s) as connection,
        context.wrap_socket(connection) as secured,
    ):
        names = (secured.getpeercert() or {}).get("subjectAltName", ())
    if not names:
        raise ValueError("the certificate has no subjectAltName")
    return str(names[0][1])


def _one_line(error: Any) -> str:
    """A failed call is an RpcError and a Call at the same time, which the types don't say."""
    return f"{error.code().name}: {' '.join((error.details() or '').split())}"


if __name__ == "__main__":
    sys.exit(main())
