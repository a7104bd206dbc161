"""What the client reads from its environment."""

from __future__ import annotations

from typing import Self

from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from vid2vid_core.errors import InvalidSettings
from vid2vid_core.settings import Address, Settings


class ClientSettings(Settings):
    """Settings of the ``vid2vid`` command, each from ``VID2VID_CLIENT_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="VID2VID_CLIENT_", frozen=True, extra="ignore")

    renderer: Address = "127.0.0.1:50052"
    """The renderer."""

    @classmethod
    def with_renderer(cls, address: str) -> Self:
        """The environment's settings with another renderer.

        Raises:
            InvalidSettings: The address is not HOST:PORT.
        """
        try:
            return cls(renderer=address)
        except ValidationError:
            raise InvalidSettings(f"renderer {address!r}: expected HOST:PORT", renderer=address) from None
