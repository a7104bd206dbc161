"""Servers that integration tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.triton import TritonServer, running_triton


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    """The real tritonserver with our backend and an empty repository; each test brings a model name of its own."""
    with running_triton(tmp_path_factory.mktemp("triton")) as server:
        yield server
