"""Transport security: PEM files become gRPC credentials."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import grpc

from vid2vid_core.errors import ConfigurationError


def server_credentials(certificate: Path, key: Path) -> grpc.ServerCredentials:
    """Credentials of a server.

    Args:
        certificate: PEM file with the certificate chain, the server's own first.
        key: PEM file with the private key.

    Raises:
        ConfigurationError: A file can't be read or holds no PEM.
    """
    chain = _read_pem(certificate, b"CERTIFICATE")
    return grpc.ssl_server_credentials([(_read_pem(key, b"PRIVATE KEY"), chain)])


def channel_credentials(authority: Path | None) -> grpc.ChannelCredentials:
    """Credentials of a client.

    Args:
        authority: PEM file with the certificates to trust; None for those that gRPC ships.

    Raises:
        ConfigurationError: The file can't be read or holds no PEM.
    """
    return grpc.ssl_channel_credentials(None if authority is None else _read_pem(authority, b"CERTIFICATE"))


def speaks_tls(target: str, timeout_s: float = 1.0) -> bool:
    """Whether something at ``host:port`` answers a TLS handshake: explains why plain text got no answer.

    Nothing is sent beyond the handshake, so no certificate is checked.
    """
    host, _, port = target.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        address = (host.strip("[]"), int(port))
        with socket.create_connection(address, timeout=timeout_s) as connection, context.wrap_socket(connection):
            return True
    except (OSError, ValueError):
        return False


def _read_pem(path: Path, label: bytes) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}", path=path) from error
    if b"-----BEGIN " not in content or label not in content:
        raise ConfigurationError(f"{path} holds no PEM {label.decode().lower()}", path=path)
    return content
