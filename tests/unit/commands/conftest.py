from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import bqsim
from bqsim.cli import main
from bqsim.simulator import Simulator

# What a command prints, its exit code, and what it says on standard error.
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="package")
def own_simulator() -> Iterator[Simulator]:
    with bqsim.start(project="p") as running:
        yield running


@pytest.fixture
def sim(own_simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A simulator that commands find by their environment."""
    own_simulator.reset()
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", own_simulator.url)
    yield own_simulator
    own_simulator.reset()


@pytest.fixture
def run(sim: Simulator, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> tuple[int, str, str]:
        code = main(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
