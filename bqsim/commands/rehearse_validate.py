"""``bqsim rehearse validate PLAN``: how far the model of slots is off from what was."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from .options import percentage

if TYPE_CHECKING:
    from bqsim.rehearse.plan.reading import LoadedPlan
    from bqsim.rehearse.validation import Off, SlotsOff, Validation


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``rehearse validate``."""
    parser.add_argument("plan", type=Path, metavar="PLAN", help="the plan file: the capacity as it was")
    add_files(parser)
    parser.add_argument(
        "--max-error",
        type=percentage,
        metavar="PCT",
        help="exit code 1 when slots, autoscaled slots or durations are off by more: 20%%",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="(default %(default)s)")


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add the options that name what was."""
    parser.add_argument(
        "--history",
        action="append",
        default=[],
        metavar="FILE",
        help="export of INFORMATION_SCHEMA.JOBS or audit log to validate with (default: the plan's own)",
    )
    parser.add_argument(
        "--timeline",
        action="append",
        default=[],
        metavar="FILE",
        help="export of RESERVATIONS_TIMELINE or JOBS_TIMELINE of the same time",
    )


def validation(given: argparse.Namespace, loaded: LoadedPlan) -> Validation:
    """The plan's capacity against the files named. Raises ``RehearsalError``."""
    from bqsim.rehearse.validation import validated

    return validated(loaded.plan, loaded.folder, given.history, given.timeline)


def run(given: argparse.Namespace) -> int:
    """Validate; 1 when an error is above ``--max-error``. Raises ``RehearsalError``."""
    from bqsim.rehearse.plan.reading import load

    found = validation(given, load(given.plan))
    print(json.dumps(asdict(found), indent=1) if given.format == "json" else _text(found))
    one = found.calibration
    errors = (one.slots_error, one.duration_error, one.scaled_error or 0.0)
    return 1 if given.max_error is not None and max(errors) > given.max_error else 0


def _text(found: Validation) -> str:
    from bqsim.rehearse.reporting.words import calibration

    lines = [calibration(found.calibration), ""]
    lines += map(_group, found.groups)
    lines += map(_place, found.places)
    return "\n".join([*lines, *(f"note: {note}" for note in found.notes)])


def _group(one: Off) -> str:
    from bqsim.rehearse.reporting.words import share

    bias = f"{one.bias * 100:+.1f} %"
    return f"group {one.group}: {one.jobs:,} jobs, durations off by {share(one.error)} (bias {bias})"


def _place(one: SlotsOff) -> str:
    from bqsim.rehearse.reporting.words import number, share

    told = (
        f"{one.place}: {number(one.used)} slot-hours used, {number(one.model_used)} in the model,"
        f" off by {share(one.error)} by minutes"
    )
    if one.scaled is not None and one.model_scaled is not None:
        told += f"; autoscaled {number(one.scaled)} slot-hours, {number(one.model_scaled)} in the model"
    return told
