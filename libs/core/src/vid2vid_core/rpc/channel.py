"""Channels to peers, with the same explicit limits that the servers set."""

from __future__ import annotations

import grpc

MAX_MESSAGE_BYTES = 16 * 2**20
"""Largest message that is sent or received, unless a setting says otherwise; our own are far below it."""

CHUNK_BYTES = 256 * 1024
"""Bytes of a file per message. Python streams cost per message, so not smaller; below any proxy's limit, so not
larger."""

KEEPALIVE = (
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # By default gRPC goes down to a ping a minute after two on a stream that is silent, as one that waits for a long
    # clip to be analysed is.
    ("grpc.http2.max_pings_without_data", 0),
)
"""Notice within half a minute that a peer's machine is gone, and within 80 s that its process is stopped; for channels
and servers alike."""

RENDER_ID_METADATA = "vid2vid-render-id"
"""Request metadata that carries the render id to the next service."""


def message_limits(max_message_bytes: int = MAX_MESSAGE_BYTES) -> list[tuple[str, int]]:
    """The channel arguments that bound messages in both directions."""
    return [
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.max_receive_message_length", max_message_bytes),
    ]


def open_channel(
    target: str, *, max_message_bytes: int = MAX_MESSAGE_BYTES, credentials: grpc.ChannelCredentials | None = None
) -> grpc.Channel:
    """A channel to ``host:port``; the connection is made by the first call.

    Args:
        target: Address of the peer.
        max_message_bytes: Largest message in either direction.
        credentials: From :func:`vid2vid_core.rpc.tls.channel_credentials`; None for plain text.
    """
    options: list[tuple[str, int]] = [
        *message_limits(max_message_bytes),
        *KEEPALIVE,
        ("grpc.max_reconnect_backoff_ms", 2_000),
    ]
    if credentials is None:
        return grpc.insecure_channel(target, options=options)
    return grpc.secure_channel(target, credentials, options=options)
