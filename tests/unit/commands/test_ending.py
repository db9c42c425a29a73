from __future__ import annotations

import os
import signal
import sys

from bqsim.commands.ending import End
from tests.waiting import PATIENCE_S


def test_commands_run_with_the_environment_and_their_codes() -> None:
    said: list[str] = []
    end = End(said.append)
    code = "import os, sys; sys.exit(int(os.environ['BQSIM_CODE']))"
    assert end.run([sys.executable, "-c", code], {"BQSIM_CODE": "7"}) == 7
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert end.run([sys.executable, "-c", code], {}) == 128 + signal.SIGKILL
    assert end.run(["/nowhere/at-all"], {}) == 127
    assert end.run(["/"], {}) == 126
    assert said[0] == "cannot run /nowhere/at-all: No such file or directory"


def test_signals_ask_for_the_end() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with End(print) as end:
        assert not end.asked.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert end.asked.wait(PATIENCE_S)
        assert end.run([sys.executable, "-c", ""], {}) == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before
