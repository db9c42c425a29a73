"""The estimator of ``bqsim cost`` against bytes that the service recorded, before each query runs.

    python -m tests.conformance.estimates [--at-least 95] [--verbose] [CASES.jsonl ...]

The cases live beside the project (``BQSIM_CONFORMANCE`` or ``../shared/conformance``). Each case's setup
runs on a simulator, then its query is estimated, not run. Cases that fail, and those with no bytes recorded,
are left out.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bqsim
from bqsim.cost.bench import Bench, fingerprinted, stage_of
from bqsim.cost.model import Query
from bqsim.seeding import Api, ApiError

from .check import cases_folder

PROJECT = "estimates"
_NAMES = re.compile(r"\$\{([A-Z_]+)\}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Recorded and estimated bytes of a case; ``error`` when it could not be estimated."""

    case: str
    statement: str
    recorded: tuple[int, int]
    estimated: tuple[int, int] = (0, 0)
    accuracy: str = ""
    error: str = ""

    @property
    def exact(self) -> tuple[bool, bool]:
        """Whether bytes processed and bytes billed are exactly right."""
        good = not self.error
        right = [good and a == b for a, b in zip(self.recorded, self.estimated, strict=True)]
        return right[0], right[1]


def compared(paths: list[Path]) -> Iterator[Outcome]:
    """The outcome of every case with recorded bytes."""
    with bqsim.start(project=PROJECT) as simulator:
        core = simulator.core
        assert core is not None
        api = Api(simulator.url, PROJECT)
        bench = Bench(api, stage=stage_of(core))
        for path in paths:
            for n, line in enumerate(path.read_text().splitlines()):
                case = json.loads(line)
                expect = case.get("expect") or {}
                if expect.get("error") or expect.get("bytes_processed") is None or case.get("setup_rest"):
                    continue
                yield _outcome(case, expect, f"d{n}", api, bench)


def _outcome(case: dict[str, Any], expect: dict[str, Any], dataset: str, api: Api, bench: Bench) -> Outcome:
    recorded = (int(expect["bytes_processed"]), int(expect.get("bytes_billed") or 0))
    told = (case["id"], str(expect.get("statement_type") or ""), recorded)
    configuration = _filled((case.get("job_config") or {}).get("query") or {}, dataset)
    try:
        api.call("POST", "datasets", {"datasetReference": {"projectId": PROJECT, "datasetId": dataset}})
        for statement in case.get("setup") or ():
            default = dataset if "defaultDataset" in configuration else None
            api.query(_filled(statement, dataset), default)
    except ApiError as error:
        return Outcome(*told, error=f"setup: {error}")
    if case.get("params"):
        configuration["queryParameters"] = case["params"]
        configuration["parameterMode"] = "NAMED" if "name" in case["params"][0] else "POSITIONAL"
    query = Query(case["id"], _filled(case["query"], dataset), configuration=configuration, project=PROJECT)
    found = bench.estimates([fingerprinted(query)])[0]
    if found.error:
        return Outcome(*told, error=found.error)
    return Outcome(*told, (found.bytes_processed, found.bytes_billed), found.accuracy)


def _filled(value: Any, dataset: str) -> Any:
    names = {
        "PROJECT": PROJECT,
        "DATASET_ID": dataset,
        "DATASET": f"{PROJECT}.{dataset}",
        "GCS_BUCKET": "bucket",
    }
    if isinstance(value, str):
        return _NAMES.sub(lambda found: names.get(found[1], found[0]), value)
    if isinstance(value, list):
        return [_filled(one, dataset) for one in value]
    if isinstance(value, dict):
        return {key: _filled(one, dataset) for key, one in value.items()}
    return value


def main(arguments: list[str] | None = None) -> int:
    """Print the rates; 1 when fewer are exact than is asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("cases", nargs="*", type=Path)
    parser.add_argument("--at-least", type=float, default=0.0, metavar="PERCENT")
    parser.add_argument("--verbose", action="store_true", help="show every case that is not exact")
    given = parser.parse_args(arguments)
    folder = cases_folder()
    paths = given.cases or ([folder / "bigquery-recorded.jsonl"] if folder else [])
    if not paths:
        print("the recorded cases are not here: set BQSIM_CONFORMANCE", file=sys.stderr)
        return 2
    found = list(compared(paths))
    for name, some in (("all", found), ("that read tables", [o for o in found if o.recorded[0]])):
        right = [sum(o.exact[n] for o in some) for n in (0, 1)]
        processed, billed = (f"{n} ({n / max(1, len(some)):.2%})" for n in right)
        print(f"cases {name}: {len(some)}; exact: {processed} of bytes processed, {billed} of bytes billed")
    wrong = [o for o in found if not all(o.exact)]
    bounds, failed = sum(o.accuracy not in ("", "PRECISE") for o in wrong), sum(bool(o.error) for o in wrong)
    print(f"not exact: {len(wrong)}, of them {bounds} are called bounds or unknown and {failed} failed")
    for one in wrong if given.verbose else ():
        told = f"recorded {one.recorded}, estimated {one.estimated} {one.accuracy} {one.error[:150]}"
        print(f"  {one.case} {one.statement}: {told}")
    rate = 100 * sum(o.exact[0] for o in found) / max(1, len(found))
    return 0 if rate >= given.at_least else 1


if __name__ == "__main__":
    sys.exit(main())
