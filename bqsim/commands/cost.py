"""``bqsim cost``: what queries cost, and a gate that keeps changes from making the bill grow.

    bqsim cost import-query --project P --region eu > export.sh    schemas and statistics, no rows
    bqsim cost baseline sql/ --tables export/                      what is approved, into cost-baseline.yaml
    bqsim cost check sql/ --tables export/                         now against that: exit code 1 for
    regressions
    bqsim cost approve sql/ --tables export/ --by ME --why "…"     take changes in
    bqsim cost report | explain | backtest | prices                what it costs now, and why; how right that
    is

Queries are SQL files and folders, YAML lists, dbt's target folder, cassettes, exports of
INFORMATION_SCHEMA.JOBS or audit logs, and addresses of running simulators. They are measured offline, by dry
runs on shadow tables. Exit codes: 0 all is well, 1 a regression or a budget that is exceeded, 2 wrong usage
or input.
"""

from __future__ import annotations

import argparse
import datetime as dt
import getpass
import os
import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from .options import acts_of

if TYPE_CHECKING:
    from bqsim.cost.baseline import Baseline
    from bqsim.cost.bench import Bench
    from bqsim.cost.capacity import Capacity
    from bqsim.cost.gate import Checked
    from bqsim.cost.model import Measured, Workload
    from bqsim.cost.money import Till
    from bqsim.cost.policy import Policy

BASELINE, POLICY = "cost-baseline.yaml", "cost-policy.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``cost``."""
    act = acts_of(parser, __doc__)
    one = act("baseline", _baseline, "Measure queries and write the baseline file.")
    _sources(one)
    one.add_argument("--force", action="store_true", help="write over a baseline that is there")
    one = act("check", _check, "Compare queries with the baseline; 1 when they cost more.")
    _sources(one)
    _reports(one)
    one = act("approve", _approve, "Take what queries cost now into the baseline.")
    _sources(one)
    one.add_argument("--query", action="append", default=[], metavar="PATTERN", help="only these queries")
    one.add_argument("--by", default="", help="who approves (default: this user)")
    one.add_argument("--why", required=True, help="why it may cost more; kept in the baseline")
    one = act("report", _report, "Tell what queries cost now; budgets of the policy count.")
    _sources(one)
    _reports(one)
    one = act(
        "explain", _explain, "Tell how the cost of queries comes about: tables, partitions, filters, cache."
    )
    _sources(one)
    one.add_argument("--query", action="append", default=[], metavar="PATTERN", help="only these queries")
    one = act("backtest", _backtest, "Compare estimates with the bytes that a history recorded.")
    _sources(one)
    one.add_argument("--within", default="5 %", metavar="SHARE", help="error that is tolerated (%(default)s)")
    one.add_argument(
        "--at-least", default="95 %", metavar="SHARE", help="share of runs that must be within (%(default)s)"
    )
    one.add_argument("--exact-at-least", default="0 %", metavar="SHARE", help="share that must be exact")
    one.add_argument("--json", action="store_true", help="as JSON")
    one = act(
        "import-query", _import_query, "Print the queries that export schemas and statistics, without rows."
    )
    one.add_argument(
        "datasets", nargs="*", metavar="DATASET", help="only these datasets (default: the region)"
    )
    one.add_argument("--project", default="", help="the real project")
    one.add_argument("--region", default="us", help="its region (default %(default)s)")
    one = act("prices", _prices, "Show prices of a region on a day, with where they come from.")
    one.add_argument("--region", default="us", help="region (default %(default)s)")
    one.add_argument("--on", default="", metavar="DAY", help="day, as 2026-01-31 (default: today)")
    one.add_argument("--prices", action="append", default=[], metavar="FILE", help="prices of your own")
    one.add_argument("--currency", default="", help="currency to show them in")


def _sources(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "sources", nargs="+", metavar="QUERIES", help="SQL files or folders, lists, dbt, cassettes, histories"
    )
    add("--tables", action="append", default=[], metavar="PATH", help="exports of the real project, or seeds")
    add("--url", default="", help="a running simulator that has the tables, instead")
    add("--project", default=os.environ.get("GOOGLE_CLOUD_PROJECT", ""), help="project of names without one")
    add("--dataset", default="", help="dataset of names without one")
    add("--baseline", type=Path, default=Path(BASELINE), metavar="FILE", help="(default %(default)s)")
    add(
        "--policy", type=Path, metavar="FILE", help=f"tolerances, owners, budgets (default {POLICY} if there)"
    )
    add("--prices", action="append", default=[], metavar="FILE", help="prices of your own, before the list's")
    add(
        "--capacity",
        default="",
        metavar="FILE",
        help="reservations, as YAML: by slots, money is what these are allocated, by simulation",
    )
    add(
        "--at", default="", metavar="TIME", help="what CURRENT_DATE is (default: day of the newest partition)"
    )
    add("--name", default="", help="name of the workload")
    add("--quiet", action="store_true", help="tell nothing but errors")


def _reports(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="[FORMAT=]FILE",
        help="write a report: text, markdown, json, junit, sarif or html, else by the file's name; - is the"
        " standard output",
    )


def run(given: argparse.Namespace) -> int:
    """Run; 2 and the reason on standard error for wrong input."""
    from bqsim.cost.errors import CostError
    from bqsim.seeding import ApiError

    try:
        code: int = given.act_run(given)
    except (CostError, ApiError) as error:
        print(f"bqsim cost: {error}", file=sys.stderr)
        return 2
    return code


class _Work:
    """What most acts need: the policy, the workload as it was measured, and the till."""

    def __init__(self, given: argparse.Namespace, baseline: Baseline | None = None) -> None:
        from bqsim.cost.policy import load_policy

        self.given = given
        path = given.policy or (Path(POLICY) if Path(POLICY).exists() else None)
        self.policy: Policy = load_policy(path)
        self.base = path.parent if path is not None else Path()
        self.baseline = baseline
        self.workload = self._workload()

    def _workload(self) -> Workload:
        from dataclasses import replace

        from bqsim.cost.errors import CostError
        from bqsim.cost.sources import read_workload

        given = self.given
        found = self.policy.applied(read_workload(given.sources, given.name, given.project))
        if not found.queries:
            raise CostError("the policy skips every query")
        queries = (
            replace(q, project=q.project or given.project, dataset=q.dataset or given.dataset)
            for q in found.queries
        )
        return replace(found, queries=tuple(queries))

    def _project(self) -> str:
        """The project of the queries when they are all of one: seeds name none."""
        named = {q.project for q in self.workload.queries}
        return named.pop() if len(named) == 1 else ""

    @property
    def time(self) -> dt.datetime | None:
        from bqsim.cost.errors import CostError

        if not self.given.at:
            return None
        try:
            found = dt.datetime.fromisoformat(self.given.at)
        except ValueError:
            raise CostError(f"--at: {self.given.at!r} is no time such as 2026-01-31T12:00:00Z") from None
        return found if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)

    def measured(self, then: Callable[[Bench, list[Measured]], int]) -> int:
        """What ``then`` makes of the bench and of all queries as they were measured on it."""
        from bqsim.cost.bench import bench
        from bqsim.cost.errors import CostError

        given = self.given
        if not given.tables and not given.url:
            raise CostError(
                "name the tables: --tables with exports (bqsim cost import-query) or seeds, or --url"
            )
        with bench(
            given.tables,
            project=given.project or self._project(),
            url=given.url,
            at=self.time,
            streamed=self.policy.streamed,
            say=_silent if given.quiet else _notice,
        ) as one:
            return then(one, one.measure(self.workload))

    def till(self, bench: Bench) -> Till:
        """The till, with the prices of the day that the policy names, else of the bench's."""
        from bqsim.cost.money import Till
        from bqsim.cost.pricing import load_prices

        pricing = self.policy.pricing
        files = [*self.given.prices, *(self.base / name for name in pricing.files)]
        on = pricing.on or (bench.at.date() if bench.at is not None else _today())
        return Till(pricing, load_prices(files, pricing.currency), on, self._capacity())

    def _capacity(self) -> Capacity:
        """What slots are paid: by reservations that are described, else those that queries use."""
        from bqsim.cost.capacity import UsedSlots

        named = self.policy.pricing.capacity
        if not self.given.capacity and not named:
            return UsedSlots()
        from bqsim.rehearse.allocated import SimulatedSlots, load_capacity

        path = Path(self.given.capacity) if self.given.capacity else self.base / named
        runs = {q.name: tuple(r.started_us for r in q.runs if r.started_us) for q in self.workload.queries}
        return SimulatedSlots(load_capacity(path), path.name, runs)


def _silent(text: str) -> None:
    return None


def _notice(text: str) -> None:
    """Tell what an import leaves out, not what it does."""
    if text.startswith(("note:", "left out")):
        print(text, file=sys.stderr)


def _today() -> dt.date:
    from bqsim.sim.clock import SimulationClock

    clock = SimulationClock()
    try:
        return dt.datetime.fromtimestamp(clock.now_us() / 1e6, dt.UTC).date()
    finally:
        clock.close()


def _at(bench: Bench) -> str:
    return bench.at.isoformat().replace("+00:00", "Z") if bench.at is not None else ""


def _failed(measured: list[Measured]) -> int:
    """Tell the queries that could not be measured; how many they are."""
    wrong = [m for m in measured if m.estimate.error]
    for one in wrong:
        print(f"{one.query.file or one.query.name}: {one.estimate.error}", file=sys.stderr)
    return len(wrong)


def _baseline(given: argparse.Namespace) -> int:
    from bqsim.cost.baseline import baseline_of, save
    from bqsim.cost.errors import CostError

    if given.baseline.exists() and not given.force:
        raise CostError(
            f"{given.baseline} is there: change it with `bqsim cost approve`, or write over it with --force"
        )
    work = _Work(given)

    def write(bench: Bench, measured: list[Measured]) -> int:
        wrong = _failed(measured)
        found = baseline_of(work.workload, measured, _at(bench))
        save(found, given.baseline)
        if not given.quiet:
            left = f", {wrong} could not be measured and are left out" if wrong else ""
            print(f"{given.baseline}: {len(found.entries)} queries{left}")
        return 1 if wrong else 0

    return work.measured(write)


def _check(given: argparse.Namespace) -> int:
    from bqsim.cost.baseline import load
    from bqsim.cost.gate import check

    baseline = load(given.baseline)
    formats = _formats(given)
    work = _Work(given, baseline)

    def compare(bench: Bench, measured: list[Measured]) -> int:
        found = check(baseline, work.workload, measured, bench, work.policy, work.till(bench))
        _write(found, formats, given.quiet)
        return 1 if found.failed else 0

    return work.measured(compare)


def _approve(given: argparse.Namespace) -> int:
    from bqsim.cost.baseline import approved, baseline_of, load, save
    from bqsim.cost.errors import CostError
    from bqsim.cost.gate import SAME, check

    baseline = load(given.baseline)
    work = _Work(given, baseline)

    def approve(bench: Bench, measured: list[Measured]) -> int:
        found = check(baseline, work.workload, measured, bench, work.policy, work.till(bench))
        wanted = [f for f in found.findings if _matches(f.name, given.query)]
        if given.query and not wanted:
            raise CostError(f"no query matches {', '.join(given.query)}")
        wrong = [f.name for f in wanted if f.verdict == "error"]
        names = [f.name for f in wanted if f.verdict not in (SAME, "error") or f.name not in baseline.entries]
        names += [f.before.name for f in wanted if f.before is not None and f.before.name != f.name]
        now = baseline_of(work.workload, measured, _at(bench))
        names += [n for n in _edited(baseline, now) if _matches(n, given.query)]
        for name in wrong:
            print(f"{name} could not be measured: it stays as it was", file=sys.stderr)
        if not names:
            print("nothing has changed")
            return 1 if wrong else 0
        by = given.by or getpass.getuser()
        save(approved(baseline, now, names, by, given.why, _today()), given.baseline)
        if not given.quiet:
            print(f"{given.baseline}: approved {', '.join(sorted(set(names)))}")
        return 1 if wrong else 0

    return work.measured(approve)


def _edited(baseline: Baseline, now: Baseline) -> list[str]:
    """The queries whose text or runs are other ones, though they cost the same."""
    return [
        name
        for name, entry in now.entries.items()
        if name in baseline.entries
        and (
            entry.measured.query.sql != baseline.entries[name].measured.query.sql
            or (entry.slot_ms and entry.slot_ms != baseline.entries[name].slot_ms)
        )
    ]


def _matches(name: str, patterns: list[str]) -> bool:
    return not patterns or any(fnmatchcase(name, one) for one in patterns)


def _report(given: argparse.Namespace) -> int:
    from bqsim.cost.baseline import Baseline, load
    from bqsim.cost.gate import check

    formats = _formats(given)
    # Without a baseline everything is new.
    baseline = load(given.baseline) if given.baseline.exists() else Baseline("", {})
    work = _Work(given, baseline)

    def tell(bench: Bench, measured: list[Measured]) -> int:
        found = check(baseline, work.workload, measured, bench, work.policy, work.till(bench))
        _write(found, formats, given.quiet)
        return 1 if any(b.over for b in found.budgets) else 0

    return work.measured(tell)


def _formats(given: argparse.Namespace) -> list[tuple[str, str]]:
    """The reports asked for: formats and files. CostError for formats that are none."""
    from bqsim.cost.errors import CostError
    from bqsim.cost.reporting import FORMATS, SUFFIXES

    found = []
    for one in given.report:
        format_, equals, file = one.partition("=")
        if not equals:
            file = one
            format_ = SUFFIXES.get(Path(one).suffix, "") if one not in FORMATS else one
            file = "-" if one in FORMATS else one
        if format_ not in FORMATS:
            raise CostError(
                f"--report {one}: the formats are {', '.join(FORMATS)}, as in --report html=cost.html"
            )
        found.append((format_, file))
    return found


def _write(checked: Checked, formats: list[tuple[str, str]], quiet: bool) -> None:
    from bqsim.cost.errors import CostError
    from bqsim.cost.reporting import FORMATS

    if not quiet and not any(file == "-" for _, file in formats):
        print(FORMATS["text"](checked), end="")
    for format_, file in formats:
        made = FORMATS[format_](checked)
        if file == "-":
            print(made, end="")
            continue
        try:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text(made, encoding="utf-8")
        except OSError as error:
            raise CostError(f"--report {file}: {error}") from None


def _explain(given: argparse.Namespace) -> int:
    from bqsim.cost.errors import CostError
    from bqsim.cost.explaining import explained

    work = _Work(given)
    if given.query and not any(_matches(q.name, given.query) for q in work.workload.queries):
        raise CostError(f"no query matches {', '.join(given.query)}: there is {_some(work.workload)}")

    def tell(bench: Bench, measured: list[Measured]) -> int:
        till = work.till(bench)
        shown = [m for m in measured if _matches(m.query.name, given.query)]
        print("\n".join(explained(m, till) for m in shown), end="")
        return 1 if any(m.estimate.error for m in shown) else 0

    return work.measured(tell)


def _some(workload: Workload) -> str:
    names = [q.name for q in workload.queries]
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _backtest(given: argparse.Namespace) -> int:
    from bqsim.cost.backtest import backtest
    from bqsim.cost.documents import share_of
    from bqsim.cost.errors import CostError
    from bqsim.cost.explaining import backtest_json, backtest_text

    try:
        within, least, exact = (
            share_of(text.replace(" ", "")) for text in (given.within, given.at_least, given.exact_at_least)
        )
    except ValueError as error:
        raise CostError(f"a share is written 5 % or 0.05 ({error})") from None
    work = _Work(given)

    def tell(bench: Bench, measured: list[Measured]) -> int:
        found = backtest(work.workload, bench)
        if not found.compared:
            left = ", ".join(f"{n} {why}" for why, n in found.left_out.items()) or "there is none"
            _failed(measured)
            raise CostError(
                f"no recorded run can be compared ({left}): is this a history, with texts and bytes?"
            )
        if given.json:
            print(backtest_json(found, within))
        elif not given.quiet:
            print(backtest_text(found, within), end="")
        good = found.within(within) >= least and found.exact >= exact
        if not good:
            print(
                f"{found.within(within):.2%} of runs are within {within:.2%}, {least:.2%} are needed; "
                f"{found.exact:.2%} are exact, {exact:.2%} are needed",
                file=sys.stderr,
            )
        return 0 if good else 1

    return work.measured(tell)


def _import_query(given: argparse.Namespace) -> int:
    from bqsim.seeding.queries import export_script

    print(export_script(given.project, given.region, given.datasets), end="")
    print("# Or measure on it: bqsim cost check QUERIES --tables export/")
    return 0


def _prices(given: argparse.Namespace) -> int:
    from bqsim.cost.errors import CostError
    from bqsim.cost.explaining import price_list
    from bqsim.cost.pricing import load_prices

    try:
        on = dt.date.fromisoformat(given.on) if given.on else _today()
    except ValueError:
        raise CostError(f"--on: {given.on!r} is no day such as 2026-01-31") from None
    print(price_list(load_prices(given.prices, given.currency), given.region, on), end="")
    return 0
