from __future__ import annotations

import os
import re

import pytest

from bqsim.pytest_plugin.environment import ProjectNames, environment


def test_environment_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BQSIM_TEST_A", "before")
    monkeypatch.delenv("BQSIM_TEST_B", raising=False)
    with pytest.raises(ZeroDivisionError), environment({"BQSIM_TEST_A": "1", "BQSIM_TEST_B": "2"}):
        assert (os.environ["BQSIM_TEST_A"], os.environ["BQSIM_TEST_B"]) == ("1", "2")
        raise ZeroDivisionError
    assert os.environ["BQSIM_TEST_A"] == "before"
    assert "BQSIM_TEST_B" not in os.environ


@pytest.mark.parametrize(
    ("node", "begins"),
    [
        ("tests/test_shop.py::TestOrders::test_totals[EU-1]", "test-totals-eu-1-"),
        ("tests/test_shop.py", "test-shop-py-"),
        ("t.py::test_" + "x" * 80, "test-xxxxxxxxxxxxxxxx-"),
        ("t.py::test_[1]", "test-1-"),
        ("t.py::数", "test-"),
        ("t.py::1_2_abc", "abc-"),
    ],
)
def test_projects_are_named_like_their_tests(node: str, begins: str) -> None:
    name = ProjectNames()(node)
    assert name.startswith(begins)
    assert re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", name)


def test_names_depend_on_nothing_but_the_test_and_how_often_it_ran() -> None:
    one, other = ProjectNames(), ProjectNames()
    other("b.py::test_y")
    first = one("a.py::test_x")
    assert first == other("a.py::test_x")
    again = one("a.py::test_x")
    assert again != first and again == other("a.py::test_x")
    assert one("c.py::test_x") != first
    assert ProjectNames("salt")("a.py::test_x") != first
