from __future__ import annotations

from typing import Any

import pytest

from bqsim.engine.protocol import FileNotRead
from bqsim.engine.trials import Trials


class Counting:
    def __init__(self) -> None:
        self.opened: list[Any] = []

    def __call__(self, connection: Any) -> None:
        self.opened.append(connection)


@pytest.fixture
def opened() -> Counting:
    return Counting()


@pytest.fixture
def trials(opened: Counting) -> Trials:
    return Trials({"threads": "1"}, opened)


def test_one_engine_waits_for_the_next_file(trials: Trials, opened: Counting) -> None:
    assert [trials.value("SELECT 1"), trials.value("SELECT 2 WHERE FALSE")] == [1, None]
    assert len(opened.opened) == 1
    trials.close()


def test_an_engine_that_failed_is_not_used_again(trials: Trials, opened: Counting) -> None:
    trials.value("SELECT 1")
    with pytest.raises(FileNotRead, match="no"):
        trials.value("SELECT error('no')")
    assert trials.value("SELECT 3") == 3
    assert len(opened.opened) == 2
    trials.close()


def test_engines_that_cannot_be_opened() -> None:
    with pytest.raises(FileNotRead):
        Trials({"no_such_setting": "1"}, lambda connection: None).value("SELECT 1")


def test_nothing_waits_once_it_is_closed(trials: Trials, opened: Counting) -> None:
    trials.close()
    assert [trials.value("SELECT 1"), trials.value("SELECT 1")] == [1, 1]
    assert len(opened.opened) == 2


def test_what_a_file_says_is_not_believed_and_nothing_is_kept(trials: Trials) -> None:
    for name, value in (
        ("disabled_optimizers", "statistics_propagation"),
        ("enable_external_file_cache", "0"),
    ):
        found = trials.value(f"SELECT value FROM duckdb_settings() WHERE name = '{name}'")
        assert str(found) in (value, "false")
    trials.close()
