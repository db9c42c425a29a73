"""How long each function takes over 1,000,000 rows, in process, with two threads.

``python -m tests.bench.functions [NAME …] [--rows N] [--texts]`` measures what has a NAME in its call (all
without one); ``--texts`` tries every format, path, pattern and zone of one signature of each function. The
table goes to ``bench-results/functions.md`` and ``.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from bqsim.engine.duckdb import DuckDBEngine
from bqsim.errors import BigQueryError
from bqsim.sql.plan import Route
from tests.oracle.signatures import Call, scalar_calls
from tests.servers import ROOT, environment
from tests.unit.sql.warehouse import Warehouse, new_warehouse

from .function_values import AGGREGATES, ARGUMENTS, CALLS, COLUMNS, MORE_COLUMNS, WINDOWS

GOAL_S = 2.0
ROWS = 1_000_000
THREADS = 2
# What is computed without the engine up to this many rows is not compared with the goal.
FEW = 1000
GROUPS = 1000
_HOLE = re.compile(r"\{(\d)\}")
_COLUMN = re.compile(r"[A-Za-z_]\w*")


@dataclass(slots=True)
class Timing:
    """``seconds`` and CPU seconds of the faster of two runs; ``fault`` says why there is none."""

    call: str
    arguments: str
    kind: str
    seconds: float = 0.0
    cpu: float = 0.0
    fault: str = ""

    @property
    def state(self) -> str:
        return self.fault or ("ok" if self.lasts <= GOAL_S else "slow")

    @property
    def lasts(self) -> float:
        """Seconds; where other processes take their share, the CPU time, which an idle machine undercuts."""
        return min(self.seconds, self.cpu)


@dataclass(frozen=True, slots=True)
class Case:
    """One call as SQL; ``columns`` are those that it reads, ``others`` further spellings to try."""

    kind: str
    call: str
    arguments: str
    others: tuple[str, ...] = ()

    def query(self, call: str, rows: int) -> str:
        """A query over the first ``rows`` rows that needs every value of ``call``."""
        source = f"d.data WHERE id <= {rows}" if rows != ROWS else "d.data"
        if self.kind == "scalar":
            return f"SELECT COUNT({call}) FROM {source}"
        if self.kind == "aggregate":
            return f"SELECT COUNT(v) FROM (SELECT {call} AS v FROM {source} GROUP BY g)"
        return f"SELECT COUNT(v) FROM (SELECT {call} AS v FROM {source})"


def cases(calls: list[Call], texts: bool = False) -> Iterator[Case]:
    """Every call to measure, each text once."""
    seen = set(CALLS)
    yield from (Case("scalar", call, _types_of(call)) for call in CALLS)
    last = {call.name: call for call in calls}
    for call in calls:
        if not call.template:
            continue
        first, *others = _spellings(call)
        every = [(first, tuple(others))]
        if texts and last[call.name] is call:
            every += [(spelling, ()) for spelling in _texts(call)]
        for spelling, alternatives in every:
            if spelling not in seen:
                seen.add(spelling)
                yield Case("scalar", spelling, ", ".join(_shown(a) for a in call.arguments), alternatives)
    for template, columns in AGGREGATES:
        for column in columns.split():
            call_ = template.replace("{}", column)
            yield Case("aggregate", call_, _types_of(call_))
    for template, columns, over in WINDOWS:
        for column in columns.split():
            call_ = template.replace("{}", column)
            yield Case("window", f"{call_} OVER ({over})", _types_of(call_))


def _shown(argument: Any) -> str:
    return "text" if isinstance(argument, tuple) else str(argument)


def _types_of(call: str) -> str:
    return ", ".join(dict.fromkeys(str(COLUMNS[w][0]) for w in _COLUMN.findall(call) if w in COLUMNS))


def _spellings(call: Call) -> list[str]:
    """The call with the arguments meant for it; then with the second columns, and with small numbers."""
    plain = [_argument(call, at, 0) for at in range(len(call.arguments))]
    found = [_filled(call, plain)]
    found.append(_filled(call, [_argument(call, at, 1) for at in range(len(call.arguments))]))
    for at, argument in enumerate(call.arguments):
        if isinstance(argument, tuple):
            found += [_filled(call, [*plain[:at], text, *plain[at + 1 :]]) for text in argument[:4]]
    if found[0].startswith(call.name.upper() + "("):
        found.append(f"SAFE.{found[0]}")
    return list(dict.fromkeys(found))


def _texts(call: Call) -> Iterator[str]:
    plain = [_argument(call, at, 0) for at in range(len(call.arguments))]
    for at, argument in enumerate(call.arguments):
        if isinstance(argument, tuple):
            yield from (_filled(call, [*plain[:at], text, *plain[at + 1 :]]) for text in argument)


def _filled(call: Call, arguments: list[str]) -> str:
    return _HOLE.sub(lambda m: arguments[min(int(m[1]), len(arguments) - 1)], call.template)


def _argument(call: Call, at: int, turn: int) -> str:
    """The text of argument ``at``; ``turn`` shifts the choice of the column."""
    wanted = call.arguments[at]
    chosen = ARGUMENTS.get((call.template, at)) or ARGUMENTS.get((call.name, at), ())
    if isinstance(wanted, tuple):
        return next((c[1:] for c in chosen if c.startswith("=")), None) or next(
            (c for c in chosen if not c.startswith("=")), wanted[turn % len(wanted)]
        )
    for choice in chosen:
        if choice in COLUMNS and COLUMNS[choice][0] == wanted:
            return choice
        if choice.startswith("=") and _literal_fits(choice[1:], str(wanted)):
            return choice[1:]
    columns = [name for name, (type_, _) in COLUMNS.items() if type_ == wanted]
    before = sum(1 for other in call.arguments[:at] if other == wanted)
    return columns[(before + turn) % min(len(columns), 3)]


def _literal_fits(text: str, wanted: str) -> bool:
    """Whether a literal is one of the type, by its first letter."""
    starts = {"STRING": "'", "BYTES": "b", "ARRAY<INT64>": "[", "NUMERIC": "N", "BIGNUMERIC": "B"}
    start = starts.get(wanted)
    if start is not None:
        return text.startswith(start)
    return wanted in ("INT64", "FLOAT64") and text[0].isdigit() and ("." not in text or wanted == "FLOAT64")


class Bench:
    """A table of ``rows`` rows, and the time that calls take over it."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.warehouse = _warehouse()
        self.columns: set[str] = {"id", "g"}
        self.warehouse.run(
            f"CREATE TABLE d.data AS SELECT i AS id, MOD(i, {GROUPS}) AS g FROM UNNEST(GENERATE_ARRAY(0, "
            f"{-(-rows // 1000) - 1})) AS a, UNNEST(GENERATE_ARRAY(1, 1000)) AS b, UNNEST([a * 1000 + b]) AS i "
            f"WHERE i <= {rows}"
        )
        self.need(set(COLUMNS))

    def close(self) -> None:
        self.warehouse.engine.close()
        self.warehouse.googlesql.close()

    def need(self, names: set[str]) -> None:
        """Add columns to the table."""
        wanted = [n for n in (*COLUMNS, *MORE_COLUMNS) if n in names and n not in self.columns]
        if not wanted:
            return
        made = ", ".join(self._made(at, name) for at, name in enumerate(wanted))
        self.columns |= set(wanted)
        self.warehouse.run(
            f"CREATE OR REPLACE TABLE d.data AS SELECT * FROM (SELECT *, {made} FROM (SELECT * FROM d.data))"
        )

    @staticmethod
    def _made(at: int, name: str) -> str:
        """A column; one of 20 of its values is NULL, unless it is an ARRAY."""
        text = COLUMNS[name][1] if name in COLUMNS else MORE_COLUMNS[name]
        text = re.sub(r"\bi\b", "id", text)
        if name in COLUMNS and COLUMNS[name][0].is_array:
            return f"{text} AS {name}"
        return f"IF(MOD(id, 20) = {at % 20}, NULL, {text}) AS {name}"

    def time(self, case: Case) -> Timing:
        timing = Timing(case.call, case.arguments, case.kind)
        fault = "no call"
        for call in (case.call, *case.others):
            try:
                self.need({w for w in _COLUMN.findall(call) if w in MORE_COLUMNS})
                few = self.warehouse.run(case.query(call, FEW))
                if few.route is not Route.ENGINE:
                    timing.fault = f"not by the engine: {few.route_reason}"
                    return timing
                timing.call = call
                self._run(case.query(call, ROWS), timing)
                return timing
            except BigQueryError as error:
                fault = fault if fault != "no call" else f"failed: {error.message}"
        timing.fault = fault
        return timing

    def _run(self, sql: str, timing: Timing) -> None:
        for _ in range(2):
            start, used = time.perf_counter(), time.process_time()
            self.warehouse.run(sql)
            seconds, cpu = time.perf_counter() - start, time.process_time() - used
            if not timing.seconds or seconds < timing.seconds:
                timing.seconds, timing.cpu = round(seconds, 3), round(cpu, 3)
            if timing.lasts <= GOAL_S or cpu > GOAL_S * THREADS:
                return


def _warehouse() -> Warehouse:
    warehouse = new_warehouse()
    warehouse.engine.close()
    warehouse.engine = DuckDBEngine(threads=THREADS)
    warehouse.session = warehouse.engine.session()
    return warehouse


def summary(timings: list[Timing]) -> str:
    """How many calls and functions answer, and how many within the goal."""
    answered = [t for t in timings if not t.fault]
    within = [t for t in answered if t.lasts <= GOAL_S]
    slow = {_name(t) for t in answered} - {_name(t) for t in answered if t.lasts > GOAL_S}
    return (
        f"{len({_name(t) for t in answered})} functions, {len(slow)} within {GOAL_S:g} s for {ROWS:,} rows in every "
        f"signature; {len(answered)} calls, {len(within)} within; {len(timings) - len(answered)} not measured"
    )


def _name(timing: Timing) -> str:
    call = timing.call.removeprefix("SAFE.").lstrip("(")
    return call.partition("(")[0] if re.match(r"[A-Z_.0-9]+\(", call) else re.sub(r"\b[a-z]\w*\b", "", call)


def report(timings: list[Timing]) -> str:
    """The Markdown table, the slowest first."""
    lines = [
        summary(timings),
        "",
        "| call | arguments | seconds | CPU | million rows/s | |",
        "|---|---|---|---|---|---|",
    ]
    for t in sorted(timings, key=lambda t: (bool(t.fault), -t.lasts)):
        speed = f"{ROWS / t.seconds / 1e6:.2f}" if t.seconds else ""
        call = t.call.replace("|", "\\|")
        lines.append(
            f"| `{call}` | {t.arguments} | {t.seconds or ''} | {t.cpu or ''} | {speed} | {t.state} |"
        )
    return "\n".join(lines) + "\n"


def measure(names: list[str], rows: int, texts: bool) -> list[Timing]:
    bench = Bench(rows)
    try:
        calls = scalar_calls(bench.warehouse.googlesql.pool)
        timings = []
        for case in cases(calls, texts):
            if not names or any(name.upper() in case.call.upper() for name in names):
                timings.append(bench.time(case))
                t = timings[-1]
                print(f"{t.seconds:7.3f} {t.cpu:7.3f} {t.state[:60]:6} {t.call[:150]}", flush=True)
        return timings
    finally:
        bench.close()


def functions() -> list[dict[str, Any]]:
    """The figures for ``make bench``."""
    timings = measure([], ROWS, False)
    write(timings)
    answered = [t for t in timings if not t.fault]
    within = sum(t.lasts <= GOAL_S for t in answered)
    return [
        {
            "figure": f"calls of functions within {GOAL_S:g} s for {ROWS:,} rows, of {len(answered)}, %",
            "value": round(100 * within / max(len(answered), 1), 2),
            "goal": "100",
            "slow": [t.call for t in answered if t.lasts > GOAL_S],
        }
    ]


def write(timings: list[Timing]) -> None:
    out = ROOT / "bench-results"
    out.mkdir(exist_ok=True)
    load = [round(x, 1) for x in os.getloadavg()]
    (out / "functions.json").write_text(
        json.dumps(
            {**environment(), "load": load, "calls": [asdict(t) | {"state": t.state} for t in timings]},
            indent=1,
        )
        + "\n"
    )
    (out / "functions.md").write_text(report(timings))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--texts", action="store_true")
    options = parser.parse_args()
    timings = measure(options.names, options.rows, options.texts)
    if not options.names:
        write(timings)
    slow = [t for t in timings if t.state != "ok"]
    print(report(slow), file=sys.stderr) if slow else None
    print(summary(timings))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
