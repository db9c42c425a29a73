"""Collect the marks of all tests into the manifest that ships, and its page in the documentation.

python -m tests.fidelity.collect [--check]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Collected:
    """Takes the tests that a run of pytest found."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.items = list(items)


def collect() -> list[pytest.Item]:
    """All tests."""
    os.chdir(ROOT)
    found, said = Collected(), io.StringIO()
    with contextlib.redirect_stdout(said):
        code = pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", "tests"], plugins=[found])
    if code != pytest.ExitCode.OK:
        raise SystemExit(said.getvalue().partition("= ERRORS =")[2] or said.getvalue())
    return found.items


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file would change")
    check = parser.parse_args().check
    items = collect()
    # Pytest rewrites the plugin of bqsim, which must not have been imported before.
    from .build import anew, texts

    try:
        if not check:
            anew()
        made = texts(items)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    stale = []
    for path, text in made.items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.name)
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if check and stale:
        print(
            f"{', '.join(stale)}: not what the tests say; run python -m tests.fidelity.collect",
            file=sys.stderr,
        )
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
