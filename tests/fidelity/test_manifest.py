"""The manifest that ships is what the tests say."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bqsim.fidelity import load
from bqsim.fidelity.manifest import of_json

from .build import MANIFEST, ROOT, texts
from .plugin import ITEMS

AGAIN = "run: python -m tests.fidelity.collect"


def _all_were_collected(config: pytest.Config, items: list[pytest.Item]) -> bool:
    there = {path.resolve() for path in (ROOT / "tests").rglob("test_*.py")}
    return not any("::" in argument for argument in config.args) and there <= {i.path for i in items}


def test_the_manifest_is_what_the_tests_say(request: pytest.FixtureRequest) -> None:
    items = request.config.stash[ITEMS]
    if _all_were_collected(request.config, items):
        for path, text in texts(items).items():
            assert path.read_text(encoding="utf-8") == text, AGAIN
        return
    # A part of the tests runs: all are collected in a process of its own.
    command = [sys.executable, "-m", "tests.fidelity.collect", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{done.stderr or done.stdout}\n{AGAIN}"


def test_tests_that_are_named_are_there() -> None:
    files = {test.partition("::")[0] for entry in load().entries for test in entry.tests}
    assert [name for name in sorted(files) if not (ROOT / name).is_file()] == []


def test_it_is_read_as_it_was_written() -> None:
    body = json.loads(MANIFEST.read_text(encoding="utf-8"))
    assert of_json(body).to_json() == body
    assert list(body["subjects"]) == sorted(body["subjects"])
