"""Run the recorded cases against a fresh simulator and compare the pass counts with the ratchet.

    python -m tests.conformance.check [--update] [--json FILE] [SUITE ...]

The cases live beside the project (``BQSIM_CONFORMANCE`` or ``../shared/conformance``). Counts may only grow:
``--update`` writes higher ones to ratchet.json, with the ids of what fails, and a lower one fails.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RATCHET = HERE / "ratchet.json"
SUITES = ("bigquery-recorded", "bigquery-recorded-http", "googlesql-compliance", "go-zetasqlite")


def cases_folder() -> Path | None:
    """Where the recorded cases are, or None."""
    folder = Path(os.environ.get("BQSIM_CONFORMANCE", ROOT.parent / "shared" / "conformance"))
    return folder if (folder / "run.py").exists() else None


def routes(url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{url}/bqsim/v1/routes") as answer:
        counts: dict[str, int] = json.load(answer)["routes"]
    return counts


def run_suite(folder: Path, suite: str, output: Path, cases: Path | None = None) -> dict[str, Any]:
    """One suite, or some ``cases`` of it, on a server of its own: the runner's summary, with the routes that
    its statements took."""
    from tests.servers import bqsim_server

    with bqsim_server() as server:
        url = f"http://127.0.0.1:{server.port}"
        command = [sys.executable, str(folder / "run.py"), "--endpoint", url, "--json", str(output)]
        subprocess.run(
            [*command, "--cases", str(cases or folder / f"{suite}.jsonl")],
            stdout=subprocess.DEVNULL,
            check=False,
        )
        counts = routes(url)
    report: dict[str, Any] = json.loads(output.read_text())
    summary = report["summary"]
    return {
        "passed": summary["passed"],
        "total": summary["passed"] + summary["failed"],
        "messages": summary.get("messages"),
        "routes": counts,
        "failures": [r for r in report["results"] if r["category"]],
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("suites", nargs="*", default=[])
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    folder = cases_folder()
    if folder is None:
        print("no recorded cases here: set BQSIM_CONFORMANCE to their folder", file=sys.stderr)
        return 0
    ratchet: dict[str, dict[str, Any]] = json.loads(RATCHET.read_text()) if RATCHET.exists() else {}
    worse, results = [], {}
    for suite in options.suites or SUITES:
        with tempfile.TemporaryDirectory() as scratch:
            results[suite] = found = run_suite(folder, suite, Path(scratch) / "out.json")
        kept = ratchet.get(suite, {}).get("passed", 0)
        share = 100 * found["passed"] / found["total"]
        print(
            f"{suite}: {found['passed']}/{found['total']} ({share:.1f} %), kept {kept}, "
            f"routes {found['routes']}, messages equal {found['messages']}"
        )
        if options.verbose:
            for failure in found["failures"]:
                print(f"  {failure['id']}: {failure['category']}: {failure['detail'][:300]}")
        if found["passed"] < kept:
            worse.append(suite)
        elif options.update:
            failing = sorted(f["id"] for f in found["failures"])
            ratchet[suite] = {"passed": found["passed"], "total": found["total"], "failing": failing}
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    if options.update:
        RATCHET.write_text(json.dumps(ratchet, indent=2) + "\n")
    if worse:
        print("fewer cases pass than the ratchet keeps: " + ", ".join(worse), file=sys.stderr)
    return 1 if worse else 0


if __name__ == "__main__":
    raise SystemExit(main())
