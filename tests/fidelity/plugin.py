"""Keeps the tests that were collected, for the check of the manifest."""

from __future__ import annotations

import pytest

from .claims import MARK

ITEMS = pytest.StashKey[list[pytest.Item]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARK}(subjects, status, note, *, tests, of): what the test shows")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Before others leave some out.
    config.stash[ITEMS] = list(items)
