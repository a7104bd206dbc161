"""What a server says of itself."""

from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


def health_of(channel: grpc.Channel, service: str = "") -> int:
    """The ``HealthCheckResponse.ServingStatus`` of a service."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    return int(stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5).status)
