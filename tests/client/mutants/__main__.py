"""``python -m tests.client.mutants [text]``: the mutants with that text in their names, else all."""

from __future__ import annotations

import os
import sys

from .run import check, judge_all
from .table import MUTANTS


def main(wanted: str) -> int:
    """Judge mutants, and print what became of each; 0 when all were noticed."""
    mutants = [mutant for mutant in MUTANTS if wanted in mutant.name]
    workers = int(os.environ.get("WORKERS", "2"))
    tests = sorted({name for mutant in mutants for name in mutant.tests})
    verdict, by = check(tests)
    if verdict != "survived":
        print(f"The tests fail without a fault: {verdict} {by}")
        return 2
    print(f"{len(tests)} tests or files of them pass without a fault.")
    found = []
    for outcome in judge_all(mutants, workers):
        found.append(outcome)
        print(
            f"{outcome.verdict:9}{outcome.seconds:6.1f} s  {outcome.mutant.name:58}{outcome.by}", flush=True
        )
    noticed = sum(outcome.noticed for outcome in found)
    print(f"{noticed} of {len(found)} mutants were noticed.")
    return 0 if noticed == len(found) else 1


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
