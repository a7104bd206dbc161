"""What the client reads from its environment."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from vid2vid_core.errors import InvalidSettings
from vid2vid_core.settings import Address, Settings

_EXPECTED = {"renderer": "expected HOST:PORT"}


class ClientSettings(Settings):
    """Settings of the ``vid2vid`` command, each from ``VID2VID_CLIENT_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="VID2VID_CLIENT_", frozen=True, extra="ignore")

    renderer: Address = "127.0.0.1:50052"
    """The renderer."""
    tls: bool = False
    """Talk TLS and trust the authorities that gRPC ships."""
    tls_authority: Path | None = None
    """Talk TLS and trust the certificates of this PEM file."""

    @classmethod
    def overridden(cls, **given: object) -> Self:
        """The environment's settings, those given on the command line (not None) put first.

        Raises:
            InvalidSettings: An option outside its range.
            ConfigurationError: A variable outside its range.
        """
        options = {name: value for name, value in given.items() if value is not None}
        base = cls.from_environment()
        try:
            return cls.model_validate({**base.model_dump(), **options})
        except ValidationError as error:
            first = error.errors()[0]
            name = "_".join(str(part) for part in first["loc"])
            raise InvalidSettings(f"{name} {first['input']!r}: {_EXPECTED.get(name, first['msg'])}") from None
