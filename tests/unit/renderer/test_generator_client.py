"""What becomes of Triton's answers, without a Triton."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton

from tests.support.fakes import resolved_model
from vid2vid_core.errors import InternalError
from vid2vid_renderer.generator_client import TritonGenerator


def test_answer_that_cannot_be_read_fails_the_request_instead_of_leaving_it_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Damaged:
        def as_numpy(self, _name: str) -> Any:
            raise ValueError("cannot reshape array of size 5 into shape (1,64,64,3)")

    def answer(_client: Any, _model: str, _inputs: Any, callback: Any, **_options: Any) -> None:
        callback(Damaged(), None)

    monkeypatch.setattr(triton.InferenceServerClient, "async_infer", answer)
    generator = TritonGenerator("127.0.0.1:1")
    future = generator.infer_async(resolved_model(), np.zeros((1, 64, 64), np.uint8), timeout_s=1)
    with pytest.raises(InternalError, match="can't be read: cannot reshape"):
        future.result(0)
    generator.close()
