import pytest

from vid2vid_core.errors import InvalidModelName, InvalidSettings
from vid2vid_core.identifiers import is_render_id, validate_model_name, validate_version


@pytest.mark.parametrize("name", ["anna", "0", "a-b_c", "x" * 64])
def test_model_name_that_is_a_plain_folder_name_passes(name: str) -> None:
    assert validate_model_name(name) == name


HOSTILE = {
    "empty": "",
    "parent folder": "../x",
    "absolute path": "/etc/passwd",
    "NUL": "a\0b",
    "newline": "anna\n",
    "hidden": ".anna",
    "option": "-rf",
    "upper case": "Anna",
    "space": "an na",
    "not ASCII": "änna",
    "10 kB": "a" * 10_000,
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_model_name_that_could_leave_the_repository_fails(name: str) -> None:
    with pytest.raises(InvalidModelName) as failure:
        validate_model_name(name)
    assert len(failure.value.message) < 250
    assert "\n" not in failure.value.message
    assert "\0" not in failure.value.message


@pytest.mark.parametrize("version", [0, -1, 2**31])
def test_version_outside_its_range_fails(version: int) -> None:
    with pytest.raises(InvalidSettings, match="allowed are"):
        validate_version(version)


def test_render_id_that_could_forge_a_log_line_is_refused() -> None:
    assert is_render_id("r-01hx_Z")
    assert not any(map(is_render_id, ["", "a\nb", "-a", "a" * 65, "a b"]))
