"""``bqsim calibrate``: a simulator profile from what was measured."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``calibrate``."""
    add = parser.add_argument
    add("sources", nargs="+", metavar="SOURCE", help="cassettes, and histories or folders of them")
    add("-o", "--output", type=Path, metavar="FILE", help="the profile, for `bqsim serve --scenario`")
    add("--name", default="calibrated", help="the scenario's name (default %(default)s)")
    add("--minimum", type=int, default=30, metavar="N", help="samples that a fit needs (default %(default)s)")
    add(
        "--fingerprints",
        type=int,
        default=50,
        metavar="N",
        help="queries that may have latencies of their own, the most frequent (default %(default)s)",
    )
    add("--report", choices=("text", "json"), default="text", help="how to tell what was found")


def run(given: argparse.Namespace) -> int:
    """Calibrate; 1 and the reason on standard error when samples cannot be read or are too few."""
    from bqsim.calibrate.calibration import CalibrationError, calibrate
    from bqsim.calibrate.profile import profile
    from bqsim.history import HistoryError
    from bqsim.record.cassette.errors import CassetteError

    if given.minimum < 10:
        print("bqsim calibrate: a fit needs at least 10 samples", file=sys.stderr)
        return 2
    try:
        made = calibrate(given.sources, minimum=given.minimum, most_fingerprints=given.fingerprints)
        text = profile(made, given.name)
    except (CalibrationError, HistoryError, CassetteError) as error:
        print(f"bqsim calibrate: {error}", file=sys.stderr)
        return 1
    if given.output is not None:
        given.output.write_text(text, encoding="utf-8")
    report = json.dumps(made.json(), indent=1) if given.report == "json" else made.text()
    print(report if given.output is not None or given.report == "json" else text)
    return 0
