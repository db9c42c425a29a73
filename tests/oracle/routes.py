"""Both routes of a query, and whether they agree."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from bqsim.engine.duckdb import DuckDBEngine
from bqsim.errors import BigQueryError
from bqsim.settings import Settings
from bqsim.sim.clock import RealClock
from bqsim.sql.googlesql import GoogleSql, builtins, options
from bqsim.sql.lower import nodes
from bqsim.sql.lower.functions import scalar_rows
from bqsim.sql.lower.registry import ANY, fn
from bqsim.sql.plan import Context, QueryPlan, Route
from bqsim.sql.planner import Planner
from bqsim.sql.reference import ReferenceRoute
from bqsim.sql.statements.base import registered_inputs
from tests.unit.sql.googlesql.catalogs import MemoryCatalog, context

from . import values

# Why a statement cannot be compared: the evaluator lacks a part, or the service refuses the result.
_EVALUATOR_LACKS = ("Failed to get a normalizer instance", "SAFE mode calls to")
_NO_RESULT = ("Array cannot have a null element",)
# A function that BigQuery has not: NULL where its argument fails.
GUARD = "nulliferror"
NOW_US = 1_600_000_000_000_000


@dataclass(slots=True)
class Difference:
    """What the two routes say of one statement."""

    sql: str
    engine: str
    evaluator: str

    @classmethod
    def of(cls, sql: str, found: list[Any] | Failed, expected: list[Any] | Failed) -> Difference:
        if not isinstance(found, Failed) and not isinstance(expected, Failed) and len(found) == len(expected):
            both = sorted(found, key=_key), sorted(expected, key=_key)
            pairs = [(a, b) for a, b in zip(*both, strict=True) if not same(a, b)]
            found, expected = [a for a, _ in pairs[:3]], [b for _, b in pairs[:3]]
        return cls(sql, _shown(found), _shown(expected))

    def __str__(self) -> str:
        return f"{self.sql}\n  engine     {self.engine[:300]}\n  evaluator  {self.evaluator[:300]}"


@dataclass(slots=True)
class Failed:
    text: str

    @property
    def internal(self) -> bool:
        """Whether the engine failed in a way that nobody foresaw."""
        return self.text.startswith("An internal error")


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a table that is made when it is read."""

    rows: Any

    def narrowed(self, wanted: Any, conditions: Any) -> _Rows:
        return self

    def __call__(self, session: Any) -> Any:
        return self.rows


@dataclass
class Routes:
    """A table ``data`` with the rows of :mod:`values`, and both routes over it."""

    more_rows: int = 0
    seed: int = 0
    last_outcome: str = ""
    last_refusal: str = ""

    def __post_init__(self) -> None:
        _add_guard()
        catalog: Any = MemoryCatalog()
        self.rows = values.rows(self.more_rows, self.seed)
        self.table = catalog.add("data", *values.COLUMNS, metadata={"virtual": _Rows(self.rows)})
        self.googlesql = GoogleSql(catalog, Settings(project="p", analyzers=1))
        self.engine = DuckDBEngine(None, threads=1)
        self.reference = ReferenceRoute(self.googlesql)
        self.planner = Planner(catalog, self.googlesql, RealClock(), None)
        self.session = self.engine.session()

    def close(self) -> None:
        self.engine.close()
        self.googlesql.close()

    def plan(self, sql: str) -> tuple[Any, QueryPlan, Context]:
        """The analysed statement and its plan in the engine. Raises BigQueryError when there is none."""
        ctx = context(now_us=NOW_US)
        self.last_outcome = "not analyzed"
        analyzed = self.googlesql.analyze(sql, ctx)
        self.last_outcome = "refused"
        return analyzed, self.planner.plan_query(analyzed, ctx), ctx

    def rows_of(self, sql: str) -> tuple[list[Any] | Failed, list[Any] | Failed] | None:
        """(engine's rows, evaluator's rows) of a query; None when it is no query of the engine's."""
        try:
            analyzed, plan, ctx = self.plan(sql)
        except BigQueryError as error:
            self.last_refusal = str(error)
            return None
        assert plan.route is Route.ENGINE and plan.engine_sql is not None
        sql_text, schema, inputs = plan.engine_sql, plan.schema, plan.inputs

        def engine() -> Any:
            with registered_inputs(self.session, inputs):
                return self.session.query(sql_text, schema)

        found = _rows(engine)
        expected = _rows(lambda: self.reference.run(analyzed, ctx, {self.table.ref.sql_name: self.rows}))
        if (isinstance(expected, Failed) and expected.text.startswith(_EVALUATOR_LACKS)) or (
            isinstance(found, Failed) and found.text.startswith(_NO_RESULT)
        ):
            self.last_outcome = "not comparable"
            return None
        return found, expected

    def difference(self, sql: str) -> Difference | None:
        """None when both routes agree on a statement, or both fail."""
        both = self.rows_of(sql)
        if both is None:
            return None
        found, expected = both
        if isinstance(found, Failed) and isinstance(expected, Failed):
            return None
        return None if self.agree(found, expected) else Difference.of(sql, found, expected)

    @staticmethod
    def agree(found: list[Any] | Failed, expected: list[Any] | Failed) -> bool:
        """Whether two results hold the same rows in any order."""
        if isinstance(found, Failed) or isinstance(expected, Failed):
            return False
        return same(found, expected) or same(sorted(found, key=_key), sorted(expected, key=_key))


def _key(row: dict[str, Any]) -> str:
    return repr([f"{v:.6g}" if isinstance(v, float) else v for v in row.values()])


@cache
def _add_guard() -> None:
    """Let both routes of this process know the guard."""
    text = resources.files("bqsim.sql.googlesql").joinpath("excluded_functions.json").read_text()
    numbers = {n for name, ids in json.loads(text).items() if name == GUARD for n in ids}
    assert numbers, "the guard is not among the functions that BigQuery lacks"
    kept = tuple(n for n in builtins.excluded_signatures() if n not in numbers)
    options.excluded_signatures = lambda: kept  # type: ignore[attr-defined]
    scalar_rows()[GUARD] = (
        fn(GUARD, (ANY,), build=lambda call: nodes.guarded(call.args[0], call.context.lambdas > 0)),
    )


def _shown(rows: list[Any] | Failed) -> str:
    return f"error: {rows.text}" if isinstance(rows, Failed) else str([list(r.values()) for r in rows])


def _rows(run: Any) -> list[Any] | Failed:
    try:
        rows: list[Any] = run().to_pylist()
    except (BigQueryError, OverflowError) as error:
        return Failed(str(error))
    return rows


def same(one: Any, other: Any) -> bool:
    """Equality of canonical values, where NaN equals itself and floats may differ in their last digits."""
    if isinstance(one, float) and isinstance(other, float):
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return math.isclose(one, other, rel_tol=1e-12) and math.copysign(1, one) == math.copysign(1, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if (one or other) in ([], None):
        return not one and not other and one != 0 and other != 0
    return type(one) is type(other) and bool(one == other)


__all__ = ["Context", "Difference", "Failed", "Routes", "same"]
