"""The key that Triton asks for before it loads, unloads or lists models.

Triton compares a request header with a value from its command line (``--grpc-restricted-protocol``), so the key is as
safe as the network between the two: plain text inside the Compose network or on loopback, never outside.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, SecretStr

CONTROL_HEADER = "triton-grpc-protocol-vid2vid-control"
"""Request metadata that carries the key: Triton's prefix and the name that ``deploy/triton/launch.py`` gives it."""

_FORM = re.compile(r"([A-Za-z0-9_-]{16,128})?")
_REFUSAL = "protocol is restricted"


def _check_form(key: SecretStr) -> SecretStr:
    if not _FORM.fullmatch(key.get_secret_value()):
        raise ValueError("allowed are 16 to 128 of A-Z, a-z, 0-9, '-' and '_'")
    return key


ControlKey = Annotated[SecretStr, AfterValidator(_check_form)]
"""The key in settings; empty for none. Its text form is asterisks, so that logs don't show it."""

NO_KEY = SecretStr("")


def control_headers(key: SecretStr) -> dict[str, str]:
    """The request metadata of a control call; empty without a key."""
    value = key.get_secret_value()
    return {CONTROL_HEADER: value} if value else {}


def is_control_refusal(message: str) -> bool:
    """Whether Triton's message says that the key is missing or wrong; its status, UNAVAILABLE, does not tell."""
    return _REFUSAL in message
