"""Settings that a service reads from its environment, once, at its start."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from vid2vid_core.errors import ConfigurationError
from vid2vid_core.media.limits import MediaLimits

MAX_PORT = 65535

_LIMITS = MediaLimits()


def _check_port(address: str) -> str:
    port = address.rpartition(":")[2]
    if port and int(port) > MAX_PORT:
        raise ValueError(f"allowed are ports up to {MAX_PORT}")
    return address


Address = Annotated[
    str,
    StringConstraints(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$"),
    AfterValidator(_check_port),
]
"""``host:port``."""


class Settings(BaseSettings):
    """Immutable settings; a subclass names its prefix in ``model_config``."""

    # The docstrings below fields become their descriptions, for --help. Compose and .env files pass what is not set as
    # an empty text, which as a path would be the current folder.
    model_config = SettingsConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True, env_ignore_empty=True)

    @classmethod
    def from_environment(cls) -> Self:
        """Read the environment.

        Raises:
            ConfigurationError: A variable is missing or outside its range; the message names it.
        """
        try:
            return cls()
        except ValidationError as error:
            first = error.errors()[0]
            prefix = cls.model_config.get("env_prefix", "")
            if not first["loc"]:
                raise ConfigurationError(f"{prefix}*: {first['msg']}", setting=prefix) from None
            name = prefix + "_".join(str(part) for part in first["loc"]).upper()
            shown = "***" if cls._is_secret(str(first["loc"][0])) else repr(first["input"])
            raise ConfigurationError(f"{name}={shown}: {first['msg']}", setting=name) from None

    @classmethod
    def _is_secret(cls, name: str) -> bool:
        return name in cls.model_fields and isinstance(cls.model_fields[name].default, SecretStr)


class ServiceSettings(Settings):
    """What every gRPC service can be told."""

    listen: Address = "127.0.0.1:50051"
    """Address that the gRPC server binds to."""
    tls_certificate: Path | None = None
    """PEM file with the server's certificate chain; plain text if unset."""
    tls_key: Path | None = None
    """PEM file with the certificate's private key."""
    metrics_listen: Address | None = None
    """Address of the Prometheus endpoint; none if unset."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe level that is logged."""
    log_format: Literal["console", "json"] = "console"
    """One line for people, or one JSON object a line."""
    max_message_bytes: int = Field(default=16 * 2**20, ge=2**20, le=2**30)
    """Largest gRPC message that is sent or received."""
    drain_timeout_s: float = Field(default=30.0, ge=0, le=3600)
    """How long running calls may go on after SIGTERM."""
    max_upload_bytes: int = Field(default=2 * 2**30, ge=1)
    """Largest clip that a call may upload."""
    upload_idle_timeout_s: float = Field(default=30.0, gt=0, le=3600)
    """Longest wait for an upload's settings, and for every further 64 KiB: a call that sends next to nothing ends."""
    max_concurrent_calls: int = Field(default=4, ge=1, le=256)
    """Clips worked on at the same time; a further call gets QUEUE_FULL."""
    temp_dir: str | None = None
    """Folder for uploads and results in the making; the system's default if unset."""

    @model_validator(mode="after")
    def _certificate_needs_its_key(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key must be set together")
        return self


class MediaServiceSettings(ServiceSettings):
    """What a service that takes clips from strangers can be told on top."""

    max_seconds: float = Field(default=_LIMITS.max_seconds, gt=0)
    """Longest clip, in seconds."""
    max_pixels: int = Field(default=_LIMITS.max_pixels, ge=1)
    """Largest picture, width x height."""
    max_frames: int = Field(default=_LIMITS.max_frames, ge=1)
    """Most frames of a clip."""
    decode_timeout_s: float = Field(default=_LIMITS.decode_timeout_s, gt=0)
    """Longest wait for ffprobe's answer and for the next decoded frame."""
    decode_cpu_s: int = Field(default=_LIMITS.decode_cpu_s, ge=1)
    """Processor time that one decoding ffmpeg may burn."""

    @property
    def media_limits(self) -> MediaLimits:
        """Bounds for the media modules."""
        return MediaLimits(**{field.name: getattr(self, field.name) for field in fields(MediaLimits)})
