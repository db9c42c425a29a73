"""``bqsim rehearse``: what a workload would do under other capacity: how long people wait, what it costs.

    bqsim rehearse PLAN.yaml                        simulate every setting of the plan, and judge them
    bqsim rehearse PLAN.yaml --html report.html     the same as a page with charts
    bqsim rehearse PLAN.yaml --validate             and tell how far the model is off from the plan's history
    bqsim rehearse validate PLAN.yaml               the same alone, by groups and reservations
    bqsim rehearse check PLAN.yaml                  tell what is wrong in a plan
    bqsim rehearse live PLAN.yaml URL               send the plan's jobs to a running simulator
    bqsim rehearse schema                           the JSON Schema of plan files, for editors

Exit codes: 0 all is well, 1 a threshold of the plan is broken, 2 a plan, a workload or an option is wrong,
130 interrupted. Progress is told on standard error.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from bqsim.reports.status_line import StatusLine

from .interrupts import interrupts
from .options import INTERRUPTED, acts_of, seed
from .rehearse_outputs import check_writable, tell

if TYPE_CHECKING:
    from bqsim.rehearse.plan.reading import LoadedPlan
    from bqsim.rehearse.results import Calibration, Report
    from bqsim.rehearse.sweep import Progress

SLOW = "note: without numba this is a hundred times as slow: pip install 'bqsim[rehearse]'"
FIRST = "note: numba compiles the model of slots, once for an installation; that takes up to a minute"
FORMATS = ("text", "json", "markdown")
SUFFIXES = {".json": "json", ".md": "markdown", ".markdown": "markdown"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the acts of ``rehearse``."""
    act = acts_of(parser, __doc__)
    _run_options(
        act("run", _run, "Simulate every setting of a plan and judge them (what a plan alone means).")
    )
    check = act("check", _check, "Tell what is wrong in plan files, and what they would simulate.")
    check.add_argument("plans", nargs="+", type=Path, metavar="PLAN")
    from . import rehearse_live, rehearse_validate

    rehearse_validate.add_arguments(
        act("validate", rehearse_validate.run, "Tell how far the model is off from a history.")
    )
    rehearse_live.add_arguments(
        act(
            "live",
            rehearse_live.run,
            "Send a plan's jobs to an endpoint, at their times whatever it answers.",
        )
    )
    act("schema", _schema, "Print the JSON Schema of plan files, for editors.")


def _run_options(parser: argparse.ArgumentParser) -> None:
    from .rehearse_validate import add_files

    add = parser.add_argument
    add("plan", type=Path, metavar="PLAN", help="the plan file")
    add("--validate", action="store_true", help="say how far the model is off from the plan's own history")
    add_files(parser)
    add(
        "--workers",
        type=_workers,
        default=1,
        metavar="N",
        help="processes that simulate settings, or auto: one for each core (default %(default)s)",
    )
    add("--spread", choices=("processes", "ray"), default="processes", help="where (default %(default)s)")
    add(
        "--ray-address",
        default="",
        metavar="ADDRESS",
        help="a Ray that runs already (default: one of our own)",
    )
    add("--seed", type=seed, metavar="N", help="instead of the plan's")
    add("--format", choices=FORMATS, help="of what is printed (default: as --out is called, else text)")
    add("--out", type=Path, metavar="FILE", help="write that to a file instead")
    add("--html", type=Path, metavar="FILE", help="write a page with charts")
    add("--charts", type=Path, metavar="FOLDER", help="write the charts as SVG files")
    add("--png", action="store_true", help="and as PNG files")
    add("--quiet", action="store_true", help="tell no progress")


def run(given: argparse.Namespace) -> int:
    """Run; 2 and the reason on standard error for wrong input, 130 when interrupted."""
    code = INTERRUPTED
    with interrupts() as interrupted:
        try:
            code = _ended(given)
        except KeyboardInterrupt:
            interrupted.asked = True
        except Exception:
            # What an interrupt may turn into.
            if not interrupted.asked:
                raise
    if interrupted.asked:
        print("bqsim rehearse: interrupted", file=sys.stderr)
        return INTERRUPTED
    return code


def _ended(given: argparse.Namespace) -> int:
    from bqsim.rehearse.errors import RehearsalError
    from bqsim.sim.scenario.tree import ScenarioError
    from bqsim.sim.slots.growth import NotCompiled

    try:
        code: int = given.act_run(given)
    except ScenarioError as error:
        print(error, file=sys.stderr)
        return 2
    except (RehearsalError, NotCompiled) as error:
        print(f"bqsim rehearse: {error}", file=sys.stderr)
        for note in getattr(error, "__notes__", ()):
            print(note, file=sys.stderr)
        return 2
    return code


def _run(given: argparse.Namespace) -> int:
    from bqsim.rehearse.errors import RehearsalError
    from bqsim.rehearse.plan.reading import load
    from bqsim.rehearse.spreading import cores
    from bqsim.rehearse.sweep import rehearse

    if given.png:
        from bqsim.rehearse.reporting.pictures import renderer

        if not given.charts:
            raise RehearsalError("--png says how --charts FOLDER are written, too: give that")
        # What is not installed is told before the work.
        renderer()
    loaded = load(given.plan)
    if given.seed is not None:
        loaded = loaded.with_seed(given.seed)
    check_writable("--out", given.out)
    check_writable("--html", given.html)
    check_writable("--charts", given.charts, folder=True)
    if not given.quiet:
        _tell_of_compiler()
    shown = Shown(sys.stderr) if not given.quiet else None
    try:
        report = rehearse(
            loaded,
            workers=given.workers or cores(),
            spread=given.spread,
            address=given.ray_address,
            progress=shown,
            calibration=_calibrated(given, loaded),
        )
    finally:
        if shown is not None:
            shown.end()
    _tell(given, report)
    return 1 if report.broken else 0


def _tell_of_compiler() -> None:
    from bqsim.sim.slots import kernel
    from bqsim.sim.slots.compiled import is_compiled, is_kept

    if not is_compiled():
        print(SLOW, file=sys.stderr)
    elif not is_kept(kernel.advance):
        print(FIRST, file=sys.stderr, flush=True)


def _calibrated(given: argparse.Namespace, loaded: LoadedPlan) -> Calibration | None:
    if not (given.validate or given.history or given.timeline):
        return None
    from .rehearse_validate import validation

    found = validation(given, loaded)
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
    return found.calibration


def _tell(given: argparse.Namespace, report: Report) -> None:
    from bqsim.rehearse.reporting import charts, document, page, text

    written = {"text": text.shown, "json": document.document, "markdown": text.markdown}
    format_ = given.format or SUFFIXES.get(given.out.suffix if given.out else "", "text")
    tell(written[format_](report), given.out)
    if given.html is not None:
        given.html.write_text(page.page(report), encoding="utf-8")
    if given.charts is not None:
        charts.write(report, given.charts, png=given.png)


class Shown:
    """Progress on a stream: one line that changes on a terminal, else a line for each setting done."""

    def __init__(self, stream: TextIO) -> None:
        self._line = StatusLine(stream)
        self._jobs: dict[str, int] = {}
        self._done = 0

    def __call__(self, now: Progress) -> None:
        self._jobs[now.setting] = now.jobs
        what = "simulations" if now.uncertain else "settings"
        total = f"{now.done} of {now.settings} {what}, {sum(self._jobs.values()):,} jobs"
        if self._line.changing:
            running = "" if now.share >= 1 else f" ({now.setting}: {now.share:.0%})"
            self._line.show(f"{total}{running}")
        elif now.done > self._done:
            self._line.show(f"{total} ({now.setting}: done)")
        self._done = now.done

    def end(self) -> None:
        """Leave the line."""
        self._line.end()


def _check(given: argparse.Namespace) -> int:
    from bqsim.rehearse.plan.reading import load
    from bqsim.rehearse.uncertainty import assumed, trials
    from bqsim.sim.scenario.tree import ScenarioError

    wrong = 0
    for path in given.plans:
        try:
            loaded = load(path)
        except ScenarioError as error:
            wrong += 1
            print(error, file=sys.stderr)
            continue
        plan = loaded.plan
        found = [
            _many(len(loaded.settings), "setting"),
            _many(len(plan.capacity.reservations), "reservation"),
            _many(len(plan.workload), "part") + " of a workload",
            _many(len(plan.thresholds), "threshold"),
        ]
        if plan.streams:
            found.insert(3, _many(len(plan.streams), "stream"))
        if plan.uncertainty is not None:
            found.append(_many(len(tuple(trials(loaded.settings, assumed(plan, None)))), "simulation"))
        print(f"{path}: ok: plan '{plan.name}', {', '.join(found)}")
        for note in loaded.notes:
            print(f"{path}: note: {note}")
    return 2 if wrong else 0


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _schema(_given: argparse.Namespace) -> int:
    from bqsim.rehearse.plan.reading import json_schema

    print(json.dumps(json_schema(), indent=2))
    return 0


def _workers(word: str) -> int:
    """A number of processes; 0 for auto."""
    if word == "auto":
        return 0
    if not word.isdecimal() or not 1 <= int(word) <= 1024:
        raise argparse.ArgumentTypeError(f"{word} is no number of 1 to 1024, nor auto")
    return int(word)
