"""SUM, AVG and statistics of BIGNUMERIC, and statistics of NUMERIC: exact sums, in words.

Sums of words need no memory for a group's values and work over any window.
"""

from __future__ import annotations

from typing import Any

from sqlglot import expressions as exp

from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import AggregateCall, Unsupported, aggregate
from bqsim.types import Type, TypeKind

K = TypeKind
BIGNUMERIC = Type(K.BIGNUMERIC)
NUMERIC = Type(K.NUMERIC)
_WORDS = 4
_PRODUCT_WORDS = 8


def _word_sums(call: AggregateCall, words: exp.Expression, count: int, where: Any = None) -> list[Any]:
    return [
        nodes.template(
            "CAST({0} AS DECIMAL(38,0))",
            call.apply(
                "sum", nodes.template(f"struct_extract({{0}}, 'w{i}')", words), where=where, plain=True
            ),
        )
        for i in range(count)
    ]


def _added(function: str) -> Any:
    def build(call: AggregateCall) -> exp.Expression:
        value = call.args[0]
        if call.distinct:
            return nodes.call(f"bq_bignumeric_list_{function}", call.apply("list", value))
        sums = _word_sums(call, nodes.call("bq_bignumeric_words", value), _WORDS)
        count = call.apply("count", value, plain=True)
        listed = nodes.joined("[", ", ", sums, "]")
        return nodes.template(
            f"(CASE WHEN {{0}} > 0 THEN bq_bignumeric_{function}({{0}}, {{1}}) END)", count, listed
        )

    return build


def _statistic(kind: str) -> Any:
    def build(call: AggregateCall) -> exp.Expression:
        numeric = call.types[0] == NUMERIC
        args = [
            nodes.template("bq_cast_numeric_to_bignumeric({0})", a) if t == NUMERIC else a
            for a, t in zip(call.args, call.types, strict=True)
        ]
        head = [nodes.text(kind), nodes.raw("true" if numeric else "false")]
        if call.distinct:
            if len(args) > 1:
                raise Unsupported(f"{call.name.upper()}(DISTINCT {call.types[0]}, {call.types[1]})")
            return nodes.call("bq_statistic_of_list", *head, call.apply("list", args[0]))
        x, y = args[0], args[-1]
        both = nodes.template("({0} IS NOT NULL AND {1} IS NOT NULL)", x, y) if len(args) > 1 else None
        pairs = [(x, y), (x, x), (y, y)] if kind == "corr" else [(x, y)]
        sums: list[Any] = []
        for value in (x, y):
            sums += _word_sums(call, nodes.call("bq_bignumeric_words", value), _WORDS, both)
        for pair in pairs:
            product = nodes.call("bq_bignumeric_product_words", *pair)
            sums += _word_sums(call, product, _PRODUCT_WORDS, both)
        count = call.apply("count", x, where=both, plain=True)
        return nodes.call("bq_statistic", *head, count, nodes.joined("[", ", ", sums, "]"))

    return build


# Function and its kind: what the kernel computes.
STATISTICS = (
    ("stddev_samp", 1, "stddev_samp"),
    ("stddev_pop", 1, "stddev_pop"),
    ("stddev", 1, "stddev_samp"),
    ("var_samp", 1, "var_samp"),
    ("var_pop", 1, "var_pop"),
    ("variance", 1, "var_samp"),
    ("corr", 2, "corr"),
    ("covar_samp", 2, "covar_samp"),
    ("covar_pop", 2, "covar_pop"),
)

AGGREGATES = [
    aggregate("sum", (BIGNUMERIC,), build=_added("sum")),
    aggregate("avg", (BIGNUMERIC,), build=_added("mean")),
    *(
        aggregate(name, (type_,) * count, build=_statistic(kind))
        for name, count, kind in STATISTICS
        for type_ in (NUMERIC, BIGNUMERIC)
    ),
]
