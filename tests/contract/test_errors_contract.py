"""Every error that a service may answer has a status and a reason of its own, and the protos name only real reasons."""

import re
from pathlib import Path

import grpc
import pytest

from vid2vid_core import errors
from vid2vid_core.errors import Vid2VidError, error_classes

ROOT = Path(__file__).parents[2]
PROTOS = sorted((ROOT / "proto").rglob("*.proto"))
CLASSES = [cls for cls in error_classes() if cls.__module__ == errors.__name__]
LEAVES = [cls for cls in CLASSES if not cls.__subclasses__()]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_error_has_a_status_that_is_no_success(cls: type[Vid2VidError]) -> None:
    assert cls.status not in {grpc.StatusCode.OK, grpc.StatusCode.UNKNOWN}


def test_reasons_are_unique() -> None:
    reasons = [cls.reason() for cls in CLASSES]
    assert len(set(reasons)) == len(reasons)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_drawn_tree_shows_every_class(cls: type[Vid2VidError]) -> None:
    assert errors.__doc__ is not None
    assert re.search(rf"\b{cls.__name__}\b", errors.__doc__)


@pytest.mark.parametrize("proto", PROTOS, ids=lambda path: path.name)
def test_protos_name_reasons_that_exist(proto: Path) -> None:
    comments = re.findall(r"//\s*Errors:(.*?)rpc ", proto.read_text(), flags=re.DOTALL)
    named = {word for comment in comments for word in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", comment)}
    statuses = {code.name for code in grpc.StatusCode}
    assert named
    assert named - statuses <= {cls.reason() for cls in LEAVES}
