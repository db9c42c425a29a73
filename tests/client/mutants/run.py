"""Runs of the tests against mutants: each in a copy of the client, in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .table import Mutant

ROOT = Path(__file__).resolve().parents[3]
CLIENT = ROOT / "client" / "bqclient"
# What the tests of one mutant may take, in seconds. A client that hangs is noticed, too.
LIMIT_S = 180
PYTEST = ("-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider")
FAILED = 1


class StaleMutantError(Exception):
    """The text that a mutant changes is not in its file, or more than once."""


@dataclass(frozen=True)
class Outcome:
    """``verdict``: killed, timeout, survived, or error where the tests could not run; ``by``: what failed."""

    mutant: Mutant
    verdict: str
    seconds: float
    by: str = ""

    @property
    def noticed(self) -> bool:
        """Whether the tests did what they are for."""
        return self.verdict in ("killed", "timeout")


def mutated(mutant: Mutant) -> str:
    """The file's text with the fault. Raises StaleMutantError."""
    text = (CLIENT / mutant.file).read_text()
    found = text.count(mutant.old)
    if found != 1:
        raise StaleMutantError(f"{mutant.name!r}: its text is {found} times in {mutant.file}")
    return text.replace(mutant.old, mutant.new)


@contextmanager
def copy(mutant: Mutant | None) -> Iterator[dict[str, str]]:
    """The environment of processes that import a copy of the client, with the fault if one is given."""
    with tempfile.TemporaryDirectory(prefix="bqclient-mutant-") as folder:
        made = Path(folder) / "bqclient"
        shutil.copytree(CLIENT, made, ignore=shutil.ignore_patterns("__pycache__"))
        if mutant is not None:
            (made / mutant.file).write_text(mutated(mutant))
        yield {**os.environ, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}


def check(tests: Iterable[str], mutant: Mutant | None = None) -> tuple[str, str]:
    """The verdict of some tests, and the last lines of their output."""
    paths = [f"tests/client/{name}" for name in tests]
    with copy(mutant) as environment:
        where = [sys.executable, "-c", "import bqclient; print(bqclient.__file__)"]
        seen = subprocess.run(where, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        # A fault that cannot even be imported says nothing about the tests.
        if environment["PYTHONPATH"] not in seen.stdout:
            return "error", seen.stderr.strip().rpartition("\n")[2]
        try:
            done = subprocess.run(
                [sys.executable, *PYTEST, *paths],
                env=environment,
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "timeout", ""
    lines = done.stdout.strip().splitlines()
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    if done.returncode == 0:
        return "survived", ""
    if done.returncode != FAILED or any(line.startswith("ERROR") for line in failed):
        return "error", (failed or lines or [done.stderr])[-1]
    return "killed", failed[0].split(" ")[1].rpartition("::")[2] if failed else ""


def judge(mutant: Mutant) -> Outcome:
    """What becomes of a mutant."""
    began = time.perf_counter()
    try:
        verdict, by = check(mutant.tests, mutant)
    except StaleMutantError as stale:
        verdict, by = "error", str(stale)
    return Outcome(mutant, verdict, time.perf_counter() - began, by)


def judge_all(mutants: Iterable[Mutant], workers: int) -> Iterator[Outcome]:
    """What becomes of mutants, as it is known, in their order."""
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(judge, mutants)
