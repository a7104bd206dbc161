from __future__ import annotations

import pytest
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from vid2vid_core.errors import ConfigurationError
from vid2vid_core.settings import Settings
from vid2vid_core.triton_control import CONTROL_HEADER, NO_KEY, ControlKey, control_headers


class KeyedSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="KEYED_", frozen=True, extra="ignore")

    control_key: ControlKey = NO_KEY


def test_key_becomes_a_header_and_no_key_none() -> None:
    assert control_headers(SecretStr("k" * 16)) == {CONTROL_HEADER: "k" * 16}
    assert control_headers(NO_KEY) == {}


@pytest.mark.parametrize("value", ["", "a" * 16, "A-b_0" * 20])
def test_key_is_read_from_the_environment_and_not_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("KEYED_CONTROL_KEY", value)
    settings = KeyedSettings.from_environment()
    assert settings.control_key.get_secret_value() == value
    assert not value or value not in f"{settings!r} {settings.model_dump()}"


@pytest.mark.parametrize("value", ["short", "a" * 129, "with space and more", "colon:0123456789ab"])
def test_key_of_another_form_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("KEYED_CONTROL_KEY", value)
    with pytest.raises(ConfigurationError, match=r"^KEYED_CONTROL_KEY=") as caught:
        KeyedSettings.from_environment()
    assert value not in caught.value.message
    assert "16 to 128" in caught.value.message
