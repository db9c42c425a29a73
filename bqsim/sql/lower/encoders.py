"""Window functions over a dictionary of all terms of their partition (BigQuery ML's encoders and text
functions, TF_IDF): counted in subqueries and joined to the rows.

The dictionary has the ``top_k`` terms of the highest frequency that is at least ``frequency_threshold``; of
equally frequent ones the first by their bytes count. Its terms are numbered from 1 in the order of their
bytes; 0 is any other term, and NULL. Frequencies count rows: of arrays those that hold a term.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import expressions as exp

from bqsim.errors import invalid_query
from bqsim.sql.googlesql.opaque import GROUP
from bqsim.sql.googlesql.resolved import has, unwrap

from . import nodes
from .expressions import SAFE_ERROR_MODE, arguments
from .registry import NOT_LITERAL, Unsupported
from .relation import Relation, place_node

if TYPE_CHECKING:
    from .lowering import Lowering

TOP_K, THRESHOLD = 32_000, 5
MAX_CATEGORIES, MAX_TERMS = 999_999, 1_048_576
_PREFIX = f"{GROUP}:"
_EMPTY = "The dictionary of {0} is empty: no term appears in {1} rows"


@dataclass(frozen=True, slots=True)
class Encoder:
    """How a function encodes. Templates of engine SQL: ``value`` of a row over ``r`` and the dictionary ``i``
    (of arrays: over the terms ``m`` of a row, put together as ``items`` in the order of ``order``).
    """

    value: str
    items: str = ""
    order: str = ""
    most: int = MAX_CATEGORIES
    drops: bool = False
    weighs: bool = False


_TERMS = "list({{_1: m.i, _2: {0}}} ORDER BY {1})"
_WEIGHT = "m.c / m.size * m.idf"
ENCODERS: dict[str, Encoder] = {
    "ml.label_encoder": Encoder("coalesce(i.i, 0)"),
    "ml.one_hot_encoder": Encoder(
        "[{_1: coalesce(i.i, 0), _2: CASE WHEN {drop} AND i.f = 1 THEN 0.0::DOUBLE ELSE 1.0::DOUBLE END}]",
        drops=True,
    ),
    "ml.multi_hot_encoder": Encoder("", _TERMS.format("1.0::DOUBLE", "m.o")),
    "ml.bag_of_words": Encoder("", _TERMS.format("m.c", "m.i"), most=MAX_TERMS),
    "ml.tf_idf": Encoder("", _TERMS.format(_WEIGHT, "m.i"), most=MAX_TERMS, weighs=True),
    "tf_idf": Encoder("", f"list({{_1: m.x, _2: {_WEIGHT}}} ORDER BY m.i)", most=MAX_TERMS, weighs=True),
}
MODE = "ml.imputer"


def encoded(low: Lowering, relation: Relation, node: Any, keys: Callable[[Any], list[Any]]) -> Relation:
    """The relation with the columns of the analytic functions that need a dictionary.

    ``keys`` gives the keys of a PARTITION BY. The functions' columns are in the relation's.
    """
    for group in node.function_group_list:
        for item in map(unwrap, group.analytic_function_list):
            call = unwrap(item.expr)
            base = call.parent.parent
            if not base.function.name.startswith(_PREFIX):
                continue
            name = base.function.name.removeprefix(_PREFIX)
            if name in ENCODERS or (name == MODE and _strategy(low, base) == "most_frequent"):
                if base.error_mode == SAFE_ERROR_MODE or has(call.parent, "where_expr"):
                    raise Unsupported(f"SAFE or WHERE in window function {name.upper()}")
                partition = keys(group.partition_by) if group.HasField("partition_by") else []
                relation = _joined(low, relation, item.column.column_id, name, base, partition)
    return relation


def _strategy(low: Lowering, base: Any) -> Any:
    literals = arguments(low, base)[2]
    return literals[1].lower() if isinstance(literals[1], str) else literals[1]


def _joined(
    low: Lowering, relation: Relation, column: int, name: str, base: Any, partition: list[Any]
) -> Relation:
    """The rows ``r`` joined with the encoded value of each."""
    args, _, literals = arguments(low, base)
    encoder = ENCODERS.get(name)
    own = [nodes.alias(place_node(place), f"k{i}") for i, place in relation.columns.items()]
    rows = relation.finish(
        [
            *own,
            nodes.alias(nodes.raw("row_number() OVER ()"), "r"),
            nodes.alias(args[0], "x"),
            *(nodes.alias(key, f"p{n}") for n, key in enumerate(partition, 1)),
        ]
    )
    parts = [f"p{n}" for n in range(1, len(partition) + 1)]
    if encoder is None:
        top, threshold, drop = 1, 0, False
    else:
        top, threshold, drop = _options(name, encoder, literals[1:])
    of_arrays = encoder is not None and bool(encoder.items)
    ctes: list[str] = []
    if encoder is None:
        value, join = "coalesce(r.x, i.x)", f"LEFT JOIN i ON i.f = 1{_same(parts, 'i', 'r')}"
    elif of_arrays:
        ctes = _of_arrays(name, encoder, parts, threshold)
        value, join = "coalesce(a.v, [])", "LEFT JOIN a ON a.r = r.r"
    else:
        value, join = (
            encoder.value.replace("{drop}", str(drop)),
            f"LEFT JOIN i ON i.x = r.x{_same(parts, 'i', 'r')}",
        )
    by = "".join(f"{p}, " for p in parts)
    over = f"PARTITION BY {', '.join(parts)} " if parts else ""
    counted = f"(SELECT {by}unnest(list_distinct(x)) AS x FROM r)" if of_arrays else "r"
    ctes = [
        f"v AS (SELECT {by}x, count(*) AS n FROM {counted} WHERE x IS NOT NULL GROUP BY {by}x)",
        f"f AS (SELECT *, row_number() OVER ({over}ORDER BY n DESC, x) AS f FROM v WHERE n >= {threshold})",
        f"i AS (SELECT *, row_number() OVER ({over}ORDER BY x) AS i FROM f WHERE f <= {top})",
        *ctes,
    ]
    kept = "".join(f"r.k{i}, " for i in relation.columns)
    sql = f"), {', '.join(ctes)} SELECT {kept}{value} AS k{column} FROM r {join}"
    label = low.label()
    source = nodes.derived(exp.Block(expressions=["WITH r AS MATERIALIZED (", rows, sql]), label)
    return low.source(source, label, [*relation.columns, column])


def _same(parts: list[str], left: str, right: str) -> str:
    return "".join(f" AND {left}.{p} IS NOT DISTINCT FROM {right}.{p}" for p in parts)


def _of_arrays(name: str, encoder: Encoder, parts: list[str], threshold: int) -> list[str]:
    """The terms ``m`` of each row, those outside of the dictionary as one, and the row's array ``a``."""
    by = "".join(f", {p}" for p in parts)
    own = "".join(f", t.{p}" for p in parts)
    ctes = [
        f"t AS (SELECT r, len(x) AS size, unnest(x) AS x, generate_subscripts(x, 1) AS o{by} FROM r)",
        "m AS (SELECT t.r, coalesce(i.i, 0) AS i, CAST(count(*) AS DOUBLE) AS c, min(t.o) AS o, "
        f"any_value(t.size) AS size{own} FROM t LEFT JOIN i ON i.x = t.x{_same(parts, 'i', 't')} "
        f"GROUP BY t.r, coalesce(i.i, 0){own})",
    ]
    weights = ""
    if encoder.weighs:
        group = f" GROUP BY {', '.join(parts)}" if parts else ""
        empty = nodes.quote(_EMPTY.format(name.upper(), threshold))
        ctes += [
            f"s AS (SELECT count(*) AS n{by} FROM r{group})",
            f"k AS (SELECT i.x, i.i, ln(1 + s.n / (1 + i.n)) AS idf{''.join(f', i.{p}' for p in parts)} "
            f"FROM i JOIN s ON true{_same(parts, 'i', 's')})",
            f"u AS (SELECT avg(idf ORDER BY i) AS idf{by} FROM k{group})",
            f"w AS (SELECT m.*, k.x, coalesce(k.idf, u.idf, CAST(bq_error({empty}) AS DOUBLE)) AS idf FROM m "
            f"LEFT JOIN k ON k.i = m.i{_same(parts, 'k', 'm')} LEFT JOIN u ON true{_same(parts, 'u', 'm')})",
        ]
        weights = "w AS "
    ctes.append(f"a AS (SELECT m.r, {encoder.items} AS v FROM {weights}m GROUP BY m.r)")
    return ctes


def _options(name: str, encoder: Encoder, given: tuple[Any, ...]) -> tuple[int, int, bool]:
    """The size of the dictionary, the least frequency in it, whether its most frequent term is dropped."""
    if NOT_LITERAL in given:
        raise invalid_query(f"The optional arguments of {name.upper()} must be constants")
    drop = False
    if encoder.drops:
        word = "none" if not given or given[0] is None else given[0]
        if word.lower() not in ("none", "most_frequent"):
            raise invalid_query(
                f"Invalid value '{word}' of argument drop of {name.upper()}: "
                "it must be 'none' or 'most_frequent'"
            )
        drop, given = word.lower() == "most_frequent", given[1:]
    top = TOP_K if not given or given[0] is None else given[0]
    threshold = THRESHOLD if len(given) < 2 or given[1] is None else given[1]
    if not 0 <= top <= encoder.most:
        what = "max_distinct_tokens" if name == "tf_idf" else "top_k"
        raise invalid_query(
            f"Argument {what} of {name.upper()} must be between 0 and {encoder.most}, but was {top}"
        )
    if encoder.most == MAX_TERMS and threshold < 0:
        raise invalid_query(
            f"Argument frequency_threshold of {name.upper()} must not be negative, but was {threshold}"
        )
    return int(top), int(threshold), drop
