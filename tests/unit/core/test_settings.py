import pytest
from pydantic_settings import SettingsConfigDict

from vid2vid_core.errors import ConfigurationError
from vid2vid_core.settings import ServiceSettings


class ExampleSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="VID2VID_EXAMPLE_")


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VID2VID_EXAMPLE_LISTEN", "[::1]:7000")
    monkeypatch.setenv("VID2VID_EXAMPLE_MAX_CONCURRENT_CALLS", "9")
    settings = ExampleSettings.from_environment()
    assert (settings.listen, settings.max_concurrent_calls) == ("[::1]:7000", 9)


@pytest.mark.parametrize(
    ("name", "value"),
    [("LISTEN", "nowhere"), ("MAX_CONCURRENT_CALLS", "0"), ("DRAIN_TIMEOUT_S", "soon"), ("LOG_FORMAT", "xml")],
)
def test_setting_outside_its_range_fails_and_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"VID2VID_EXAMPLE_{name}", value)
    with pytest.raises(ConfigurationError, match=f"VID2VID_EXAMPLE_{name}='{value}'"):
        ExampleSettings.from_environment()


def test_port_that_no_machine_has_fails_and_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VID2VID_EXAMPLE_METRICS_LISTEN", "127.0.0.1:65536")
    with pytest.raises(ConfigurationError, match=r"VID2VID_EXAMPLE_METRICS_LISTEN='127\.0\.0\.1:65536': .*up to 65535"):
        ExampleSettings.from_environment()


@pytest.mark.parametrize("name", ["TLS_CERTIFICATE", "TEMP_DIR", "METRICS_LISTEN", "LISTEN"])
def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"VID2VID_EXAMPLE_{name}", "")
    assert ExampleSettings.from_environment() == ExampleSettings()
    assert getattr(ExampleSettings(), name.lower()) == ExampleSettings.model_fields[name.lower()].default
