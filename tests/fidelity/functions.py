"""Which route each function takes: found by running its call, and recorded in ``functions.json``.

``python -m tests.fidelity.collect`` records; the tests hold the record against what they find.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .calls import FAMILIES, Call

if TYPE_CHECKING:
    from tests.unit.sql.warehouse import Warehouse

RECORD = Path(__file__).with_name("functions.json")
ROOT = Path(__file__).resolve().parents[2]
# Where values of functions are shown.
_SHOWN = ("tests/unit/sql", "tests/contract", "tests/fidelity")

CALLS: dict[str, Call] = {call.name: call for family in FAMILIES for call in family.calls()}
TITLES: dict[str, str] = {family.name: family.title for family in FAMILIES}

ENGINE, REFERENCE, SUPPLIED, REFUSED = "ENGINE", "REFERENCE", "SUPPLIED", "REFUSED"
_MISSING = ("is not supported", "not found:", "does not support", "needs the extra", "Syntax error")
_WITHOUT_ANSWERS = "unless its answers are supplied"

# What the calls need.
SETUP = (
    "CREATE TABLE d.t AS SELECT 1 AS n",
    "CREATE TABLE d.changing (n INT64) OPTIONS (enable_change_history=TRUE)",
    "CREATE MODEL d.m OPTIONS (model_type='LINEAR_REG') AS SELECT 1.0 AS label, 2.0 AS x",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call gave: its ``route``; ``compared`` says that GoogleSQL's evaluator gave the same value.

    ``signatures`` is how many GoogleSQL has of the function, 0 where it has none of its own; ``elsewhere``
    are the calls of others that the engine has no form of, so that the evaluator computes them.
    """

    route: str
    compared: bool = False
    signatures: int = 0
    said: str = ""
    elsewhere: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {k: v for k, v in asdict(self).items() if v}


@cache
def outcomes() -> dict[str, Outcome]:
    """The outcomes in the record."""
    body = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    return {
        name: Outcome(**{**outcome, "elsewhere": tuple(outcome.get("elsewhere", ()))})
        for name, outcome in body.items()
    }


def status_of(call: Call, outcome: Outcome) -> tuple[str, str]:
    """(status, note) of a function in the manifest. ``ValueError`` when nothing shows its values."""
    if outcome.route == REFUSED:
        return "absent", call.note or "It is refused by name."
    if outcome.route == SUPPLIED:
        return "supplied", call.note or "Its rows are those that a user or a scenario supplies."
    if call.note:
        return "approximated", call.note
    if not outcome.compared and outcome.route != REFERENCE and not showing(call):
        raise ValueError(f"{call.name}: its value is not compared, and no tests show it")
    return "exact", ""


@cache
def showing(call: Call) -> str:
    """The file of tests that calls a function: that of its family, else another; "" when there is none."""
    name = f"{call.name.partition(' ')[0].rpartition('.')[2].casefold()}("
    own = [path for path in _texts() if path == call.shown]
    return next((path for path in (*own, *_texts()) if name in _texts()[path]), "")


@cache
def _texts() -> dict[str, str]:
    found = [path for folder in _SHOWN for path in sorted((ROOT / folder).rglob("test_*.py"))]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").casefold() for path in found}


@dataclass(frozen=True, slots=True)
class Details:
    """What the manifest says of a function beside its status; ``shown`` are files of tests."""

    title: str = ""
    group: str = ""
    routes: tuple[str, ...] = ()
    signatures: int = 0
    shown: tuple[str, ...] = ()


def details(subject: str) -> Details:
    """The details of a subject: none of one that is no function."""
    family, _, name = subject.partition(":")
    call, outcome = CALLS.get(name), outcomes().get(name)
    if family != "function" or call is None or outcome is None:
        return Details()
    there = outcome.route in (ENGINE, REFERENCE) and not outcome.compared
    shown = (showing(call),) if there and showing(call) else ()
    routes = (outcome.route, *([REFERENCE] if outcome.elsewhere else []))
    title = f"in the evaluator: {'; '.join(outcome.elsewhere)}" if outcome.elsewhere else ""
    return Details(title, TITLES[call.family], routes, outcome.signatures, shown)


class Runner:
    """Runs calls in a SQL stack, and in GoogleSQL's evaluator."""

    def __init__(self, warehouse: Warehouse) -> None:
        from bqsim.sql.googlesql.builtins import OPAQUE
        from bqsim.sql.reference import ReferenceRoute
        from tests.oracle.signatures import builtin_functions

        self._warehouse = warehouse
        self._reference = ReferenceRoute(warehouse.googlesql)
        self.signatures: Mapping[str, int] = {
            **{".".join(f.name_path): len(f.signature) for f in builtin_functions(warehouse.googlesql.pool)},
            **{row.name: len(row.signatures) for row in OPAQUE},
        }
        for statement in SETUP:
            warehouse.run(statement)

    def outcome(self, call: Call) -> Outcome:
        """Run a call. ``ValueError`` for an error that is no refusal by name."""
        from bqsim.errors import BigQueryError

        try:
            result = self._warehouse.run(call.sql)
        except BigQueryError as error:
            return self._refused(call, error.message)
        same = self._compared(call, result.rows)
        if same is False:
            raise ValueError(f"{call.name}: the evaluator gives another value than the engine: {call.sql}")
        return Outcome(str(result.route), same is True and result.route == ENGINE, self._signatures(call))

    def rows(self, sql: str) -> list[list[Any]]:
        """The rows of a query."""
        return self._warehouse.rows(sql)

    def _refused(self, call: Call, message: str) -> Outcome:
        bare = call.name.partition(" ")[0].casefold()
        if _WITHOUT_ANSWERS in message and bare in message.casefold():
            if f"FROM {call.name}(" in call.sql and self._supplied(call) != [[1]]:
                raise ValueError(f"{call.name}: it does not give the rows that are supplied")
            return Outcome(SUPPLIED)
        if bare in message.casefold() and any(text in message for text in _MISSING):
            return Outcome(REFUSED, said=re.split(r" (?:at )?\[|; Did you mean", message)[0])
        if call.refusal and message.startswith(call.refusal):
            return Outcome(REFUSED, said=call.refusal)
        raise ValueError(f"{call.name}: an error that does not name it: {message}")

    def _supplied(self, call: Call) -> list[list[Any]]:
        """The rows of a call when there is an answer for it: one row of one column."""
        from bqsim.sim.answers import Answer
        from bqsim.types import INT64

        answers = self._warehouse.googlesql.answers
        answers.put(Answer(call.name, (("n", INT64),), ((1,),)))
        try:
            return self.rows(call.sql)
        finally:
            answers.clear(call.name)

    def _compared(self, call: Call, rows: Any) -> bool | None:
        """Whether the evaluator gives the same rows in any order; None when it gives none."""
        from bqsim.errors import BigQueryError
        from tests.oracle.routes import Routes

        ctx = self._warehouse.context()
        analyzed = self._warehouse.googlesql.analyze(call.sql, ctx)
        counts = {name: table.num_rows for name, table in analyzed.tables.items()}
        if counts or self._reference.eligible(analyzed, ctx, counts) is not None:
            return None
        try:
            expected = self._reference.run(analyzed, ctx, {}).to_pylist()
        except BigQueryError:
            return None
        return Routes.agree(rows.to_pylist(), expected)

    def elsewhere(self) -> dict[str, tuple[str, ...]]:
        """What the evaluator computes of functions whose calls the engine computes: by their names."""
        from bqsim.errors import BigQueryError
        from tests.oracle.signatures import scalar_calls

        found: dict[str, set[str]] = defaultdict(set)
        ctx, googlesql = self._warehouse.context(), self._warehouse.googlesql
        planner = self._warehouse.executor.planner
        for signature in scalar_calls(googlesql.pool):
            name = signature.name.upper()
            if name not in CALLS or not signature.template:
                continue
            try:
                plan = planner.plan_query(googlesql.analyze(_of_columns(signature), ctx), ctx)
            except BigQueryError:
                # Some combinations of types have no call, or need constants.
                continue
            if plan.route == REFERENCE:
                found[name].add(plan.route_reason.removeprefix("function "))
        return {name: tuple(sorted(reasons)) for name, reasons in found.items()}

    def _signatures(self, call: Call) -> int:
        own = self.signatures.get(call.name.casefold())
        if own is not None:
            return own
        called = self._warehouse.googlesql.analyze(call.sql, self._warehouse.context()).functions()
        names = {name.partition(":")[2] for name in called}
        return self.signatures.get(names.pop(), 0) if len(names) == 1 else 0


def _of_columns(signature: Any) -> str:
    """A query that calls a signature with a column for each argument of a type."""
    given = [(f"a{at}", argument) for at, argument in enumerate(signature.arguments)]
    columns = [f"CAST(NULL AS {type_}) AS {name}" for name, type_ in given if not isinstance(type_, tuple)]
    texts = [name if not isinstance(type_, tuple) else type_[0] for name, type_ in given]

    def argument(hole: re.Match[str]) -> str:
        return str(texts[min(int(hole[1]), len(texts) - 1)])

    call = re.sub(r"\{(\d)\}", argument, signature.template)
    return f"SELECT {call} FROM (SELECT {', '.join(columns) or '1'})"


def record() -> str:
    """Run all calls: the text of the record. ``ValueError`` names the calls that have no clear outcome."""
    from tests.unit.sql.warehouse import new_warehouse

    warehouse = new_warehouse()
    runner, found, wrong = Runner(warehouse), {}, []
    for name, call in CALLS.items():
        try:
            found[name] = runner.outcome(call)
            status_of(call, found[name])
        except ValueError as error:
            wrong.append(str(error))
    for name, reasons in runner.elsewhere().items():
        if found[name].route == ENGINE:
            found[name] = replace(found[name], elsewhere=reasons)
    warehouse.session.close()
    warehouse.engine.close()
    warehouse.googlesql.close()
    if wrong:
        raise ValueError("\n".join(wrong))
    body = {name: outcome.to_json() for name, outcome in found.items()}
    return json.dumps(body, indent=0, ensure_ascii=False) + "\n"
