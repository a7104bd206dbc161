from __future__ import annotations

import os
import signal

import pytest

from vid2vid_trainer.signals import Stopped, stop_on_signals


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_signal_stops_with_the_exit_code_a_shell_expects(number: signal.Signals, code: int) -> None:
    with pytest.raises(Stopped, match=number.name) as stopped, stop_on_signals():
        os.kill(os.getpid(), number)
    assert stopped.value.exit_code == code


def test_second_signal_does_not_disturb_tidying_up() -> None:
    tidied = False
    with pytest.raises(Stopped), stop_on_signals():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            tidied = True
    assert tidied


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
