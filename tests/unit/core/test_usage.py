"""Usage of the services' commands."""

import pytest
from pydantic_settings import SettingsConfigDict

from vid2vid_core.settings import ServiceSettings
from vid2vid_core.usage import check_arguments


class ExampleSettings(ServiceSettings):
    """Settings of an example."""

    model_config = SettingsConfigDict(env_prefix="EXAMPLE_", frozen=True, extra="ignore")

    depth: int = 7
    """How deep
    it goes."""


def test_help_names_every_variable_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        check_arguments("example", "Does things.", ExampleSettings, ["--help"])
    assert caught.value.code == 0
    output = capsys.readouterr().out
    assert output.startswith("usage: example [-h]\n\nDoes things.")
    assert "EXAMPLE_DEPTH (default: 7)\n      How deep it goes." in output
    assert "EXAMPLE_TLS_KEY (default: unset)" in output
    assert all(f"EXAMPLE_{name.upper()} " in output for name in ExampleSettings.model_fields)
    assert all(field.description for field in ExampleSettings.model_fields.values())


def test_unknown_argument_exits_with_2_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        check_arguments("example", "Does things.", ExampleSettings, ["--port=1"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == "example: error: unrecognized arguments: --port=1"


def test_no_argument_is_fine() -> None:
    check_arguments("example", "Does things.", ExampleSettings, [])
