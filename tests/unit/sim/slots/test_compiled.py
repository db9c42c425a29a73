"""The same with and without the compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bqsim.sim.scenario.capacity import Capacity
from bqsim.sim.slots import growth
from bqsim.sim.slots.compiled import UNCOMPILED_JOBS, is_compiled, is_kept
from bqsim.sim.slots.growth import NotCompiled
from bqsim.sim.slots.jobs import Given, Jobs, Outcomes
from bqsim.sim.slots.world import simulate

RUN = """
import hashlib, importlib.util, sys
if sys.argv[1] == "without":
    found = importlib.util.find_spec
    importlib.util.find_spec = lambda name, *rest: None if name == "numba" else found(name, *rest)
import numpy as np
from bqsim.sim.scenario.capacity import Assignment, Capacity, OnDemand, Reservation
from bqsim.sim.slots.jobs import Given, Jobs, Retries, Shapes, Source, Stage
from bqsim.sim.slots.world import NotCompiled, simulate
capacity = Capacity(
    reservations={
        "r": Reservation(slot_capacity=100, autoscale_max_slots=300, reservation_group="g"),
        "s": Reservation(slot_capacity=200, target_job_concurrency=3, reservation_group="g"),
        "t": Reservation(autoscale_max_slots=50),
    },
    assignments=(Assignment("r", project="a"), Assignment("s", project="b"), Assignment("t", project="d")),
    on_demand=OnDemand(project_slots=50, burst_slots=20),
)
shapes = Shapes(((Stage(0.5, 4), Stage(0.5, 2, (0,))), (Stage(1.0),)))
n = 400
rng = np.random.default_rng(3)
jobs = Jobs.of(
    n, at_ms=np.cumsum(rng.exponential(300.0, n)), source=rng.integers(0, 4, n), shape=rng.integers(0, 2, n),
    slot_ms=rng.exponential(30_000.0, n), width=rng.choice([1.0, 30.0, 300.0], n),
    fails_at=np.where(rng.random(n) < 0.2, 0.4, np.inf), floor_ms=rng.choice([0.0, 100.0], n),
)
digest = hashlib.sha256()
def sink(ended):
    for name in ended.__slots__:
        digest.update(np.ascontiguousarray(getattr(ended, name)).tobytes())
usage = simulate(
    capacity, Given(jobs, shapes, tuple(map(Source, "abcd"))), sink, retries=Retries(4), seed=5
)
digest.update(usage.used_ms.tobytes() + usage.scaled_ms.tobytes())
print(digest.hexdigest(), "numba" in sys.modules)
try:
    simulate(capacity, Given(Jobs.of(int(sys.argv[2]))), sink)
except NotCompiled as error:
    print(error)
"""

FUNCTIONS = """
from bqsim.sim.slots.compiled import compiled

@compiled
def inner(a):
    return a + 1

@compiled
def outer(a):
    return inner(a) * 2
"""
CALL = """
import functions
assert functions.outer(1) == 4
for one in (functions.inner, functions.outer):
    print(sum(one.stats.cache_misses.values()), one.stats.cache_path)
"""


def run(how: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN, how, str(UNCOMPILED_JOBS + 1 if how == "without" else 1)],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def plain() -> list[str]:
    """What a process without numba says."""
    return run("without")


@pytest.mark.skipif(not is_compiled(), reason="numba is not installed")
def test_machine_code_gives_the_same_bytes_as_the_source(plain: list[str]) -> None:
    [compiled] = run("with")
    assert compiled.split() == [plain[0].split()[0], "True"]
    assert plain[0].endswith("False")


def test_too_many_jobs_without_the_compiler_name_the_extra(plain: list[str]) -> None:
    assert "bqsim[rehearse]" in plain[1]


def test_too_many_jobs_are_refused_before_any_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "is_compiled", lambda: False)
    outcomes: list[Outcomes] = []
    with pytest.raises(NotCompiled):
        simulate(Capacity(), Given(Jobs.of(UNCOMPILED_JOBS + 1)), outcomes.append)
    assert not outcomes
    simulate(Capacity(), Given(Jobs.of(300, slot_ms=1.0)), outcomes.append)
    assert sum(map(len, outcomes)) == 300


def called(folder: Path, count: int, **environment: str) -> list[list[str]]:
    """What processes that start at once print: how often they compile each function, and where it is kept."""
    (folder / "functions.py").write_text(FUNCTIONS)
    (folder / "__pycache__").write_text("no folder")
    variables = {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    begun = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", CALL],
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(count)
    ]
    said = [process.communicate()[0] for process in begun]
    assert [process.returncode for process in begun] == [0] * count, said
    return [one.split() for one in said]


@pytest.mark.skipif(not is_compiled(), reason="numba is not installed")
def test_one_of_several_processes_compiles(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    said = called(tmp_path, 2, NUMBA_CACHE_DIR=str(kept))
    # A process that finds the outer function has no need of the inner one.
    assert [sum(int(one[at]) for one in said) for at in (0, 2)] == [1, 1]
    assert all(Path(one[at]).is_relative_to(kept) for one in said for at in (1, 3))


@pytest.mark.skipif(not is_compiled(), reason="numba is not installed")
def test_where_no_folder_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "__pycache__")
    [said] = called(tmp_path, 1, XDG_CACHE_HOME=nowhere, NUMBA_CACHE_DIR="")
    assert said == ["1", "None", "1", "None"]


def test_whether_machine_code_is_kept_is_known(tmp_path: Path) -> None:
    class Cache:
        cache_path = str(tmp_path)

    def advance() -> None: ...

    assert not is_kept(advance)
    advance._cache = Cache()  # type: ignore[attr-defined]
    assert not is_kept(advance)
    (tmp_path / "kernel.advance-293.py311.nbi").touch()
    assert is_kept(advance)
