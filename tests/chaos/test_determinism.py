"""The same seed and the same requests give the same answers and the same journal, whatever threads do."""

from __future__ import annotations

import os

from .determinism import differences, run

RUNS = int(os.environ.get("BQSIM_RUNS", "3"))


def test_runs_of_many_threads_repeat() -> None:
    first = run()
    statuses = {status for answers in first.answers for status, _ in answers}
    # The faults of the scenario must have happened, else nothing is shown.
    assert {200, 403, 503} <= statuses
    for _ in range(RUNS - 1):
        again = run()
        assert differences(first, again) == []
        assert again.journal == first.journal


def test_another_seed_gives_another_run() -> None:
    one, other = run(threads=4), run(threads=4, scenario_seed=5)
    assert one.journal != other.journal
    assert one.digest != other.digest
