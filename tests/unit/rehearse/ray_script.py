"""What a process does that has a Ray of its own: ``python -m tests.unit.rehearse.ray_script``."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from bqsim.rehearse.plan.reading import parse
from bqsim.rehearse.rayed import joined, over_ray
from bqsim.rehearse.reporting.document import document
from bqsim.rehearse.spreading import WorkFailed
from bqsim.rehearse.sweep import rehearse

from . import test_spreading as work
from .test_sweep import GRID, PLAN


def listeners() -> list[str]:
    """The addresses on which processes of this session listen, as the kernel has them."""
    sockets = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if os.getsid(int(entry.name)) == os.getsid(0):
                    sockets |= {os.readlink(fd)[8:-1] for fd in (entry / "fd").iterdir()}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in sockets:
                found.add(words[1].split(":")[0])
    return sorted(found)


def failing(function: Any, shared: Any, items: list[int]) -> tuple[int, str]:
    try:
        dict(over_ray(function, shared, items, 2, work.untold))
    except WorkFailed as failed:
        return failed.number, failed.reason
    raise AssertionError("it did not fail")


def main() -> None:
    results: dict[str, Any] = {}
    with joined(2) as ray:
        squares = dict(over_ray(work.square, work.Calls(), [3, 1, 4, 1, 5], 2, work.untold))
        results["squares"] = [squares[number][0] for number in sorted(squares)]
        results["addresses"] = listeners()
        with tempfile.TemporaryDirectory() as folder:
            told: list[tuple[int, str]] = []

            def heard(number: int, what: str) -> None:
                told.append((number, what))
                (Path(folder) / "heard").touch()

            dict(over_ray(work.until_heard, folder, [0], 1, heard))
            results["told"] = told[0]
        results["dying"] = failing(work.dying, 9, [0, 1])
        loaded = parse(PLAN + GRID)
        results["same"] = document(rehearse(loaded, workers=2, spread="ray")) == document(rehearse(loaded))
        unsure = parse(PLAN + "uncertainty: {work: 0.2, seeds: 1}\n")
        results["unsure"] = document(rehearse(unsure, workers=2, spread="ray")) == document(rehearse(unsure))
        results["stayed"] = ray.is_initialized()
    results["left"] = ray.is_initialized()
    print(json.dumps(results))


if __name__ == "__main__":
    main()
