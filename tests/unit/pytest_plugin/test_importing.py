from __future__ import annotations

import importlib
import sys
from importlib.machinery import SourceFileLoader

import pytest

from bqsim.pytest_plugin import importing

from .conftest import Run

pytest_plugins = ["pytester"]


def test_modules_are_imported_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "bqsim.reports.markdown"
    monkeypatch.delitem(sys.modules, name, raising=False)
    assert type(importlib.import_module(name).__loader__) is SourceFileLoader


def test_only_those_of_the_package_and_only_while_it_lasts() -> None:
    finder = importing.configure()
    assert sys.meta_path[0] is finder
    assert finder.find_spec("bqsim_of_others", None) is None
    assert finder.find_spec("bqsim", None) is None
    importing.unconfigure(finder)
    importing.unconfigure(finder)
    assert finder not in sys.meta_path


def test_assertions_of_tests_are_told_as_ever(run: Run) -> None:
    result = run(
        """
        def test_fails(bqsim):
            assert bqsim.project == "other"
        """
    )
    result.stdout.fnmatch_lines(["E*AssertionError: assert '*' == 'other'*"])
