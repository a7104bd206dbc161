"""The portrait, taken apart once for all tests."""

from __future__ import annotations

import pytest

from vid2vid_demo.portrait import Layers, cut_layers


@pytest.fixture(scope="session")
def layers() -> Layers:
    return cut_layers()
