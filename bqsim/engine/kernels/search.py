"""Texts in JSON, bags of words, series of buckets, interpolation and distances of vectors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from .kernel import Kernel
from .rows import row_kernel


def json_texts(document: str, scope: str) -> list[str]:
    """The keys, the STRING values or both of a JSON document, at any depth."""
    return list(_texts(json.loads(document), scope != "JSON_VALUES", scope != "JSON_KEYS"))


def _texts(value: Any, keys: bool, values: bool) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if keys:
                yield key
            yield from _texts(inner, keys, values)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, keys, values)
    elif values and isinstance(value, str):
        yield value


def interpolate_numeric(first: Decimal, second: Decimal, past: int, span: int) -> Decimal:
    """``first`` plus its part ``past / span`` of the way to ``second``, rounded half away from zero."""
    start, end = (int(v.scaleb(9)) for v in (first, second))
    total = start * span + (end - start) * past
    units = (2 * abs(total) + span) // (2 * span)
    return Decimal(units if total >= 0 else -units).scaleb(-9)


KERNELS: tuple[Kernel, ...] = (
    row_kernel("bq_json_texts", ("VARCHAR", "VARCHAR"), "VARCHAR[]", json_texts),
    row_kernel(
        "bq_interpolate_decimal",
        ("DECIMAL(38,9)", "DECIMAL(38,9)", "BIGINT", "BIGINT"),
        "DECIMAL(38,9)",
        interpolate_numeric,
    ),
)

_DIMENSIONS = "bq_error('Vectors that are compared must have the same number of elements')"


def _distance(name: str, function: str) -> str:
    return f"""CREATE MACRO bq_vector_{name}(a, b) AS
       CASE WHEN len(a) = len(b) THEN {function}
            WHEN a IS NOT NULL AND b IS NOT NULL THEN {_DIMENSIONS} END"""


MACROS: tuple[str, ...] = (
    """CREATE MACRO bq_bag_of_words(terms) AS list_concat(
        CASE WHEN list_count(terms) < len(terms)
             THEN [{_1: CAST(NULL AS VARCHAR), _2: CAST(len(terms) - list_count(terms) AS BIGINT)}]
             ELSE [] END,
        list_transform(map_entries(list_aggregate(terms, 'histogram')),
                       lambda e: {_1: e.key, _2: CAST(e.value AS BIGINT)}))""",
    """CREATE MACRO bq_bucket_series(t, first, last, m, step, origin) AS list_filter(
        CASE WHEN m > 0
        THEN list_transform(
            range(datediff('month', date_trunc('month', origin), date_trunc('month', first)),
                  datediff('month', date_trunc('month', origin), date_trunc('month', last)) + 1, m),
            lambda k: origin + to_months(CAST(k AS INTEGER)))
        ELSE list_transform(
            range(epoch_us(first), epoch_us(last) + 1, step), lambda u: make_timestamp(u)) END,
        lambda b: b >= t)""",
    *(
        f"""CREATE MACRO bq_{name}_buckets(f, t, i, origin) AS {opening}bq_bucket_series(
            CAST(f AS TIMESTAMP),
            CAST(bq_{name}_bucket(f, i, CAST(origin AS {engine})) AS TIMESTAMP),
            CAST(bq_{name}_bucket(t, i, CAST(origin AS {engine})) AS TIMESTAMP),
            bq_interval_months(i), bq_interval_days(i) * 86400000000 + bq_interval_micros(i),
            CAST(origin AS TIMESTAMP)){closing}"""
        for name, engine, opening, closing in (
            ("date", "DATE", "list_transform(", ", lambda d: CAST(d AS DATE))"),
            ("datetime", "TIMESTAMP", "", ""),
            ("timestamp", "TIMESTAMP", "", ""),
        )
    ),
    """CREATE MACRO bq_interpolate_float64(a, b, t0, t1, t) AS
       a + (b - a) * (CAST(t - t0 AS DOUBLE) / CAST(t1 - t0 AS DOUBLE))""",
    """CREATE MACRO bq_rounded_quotient(n, d) AS CAST(CASE WHEN n >= 0 THEN (2 * n + d) // (2 * d)
       ELSE -((-2 * n + d) // (2 * d)) END AS BIGINT)""",
    """CREATE MACRO bq_interpolate_int64(a, b, t0, t1, t) AS bq_rounded_quotient(
       CAST(a AS HUGEINT) * (t1 - t) + CAST(b AS HUGEINT) * (t - t0), CAST(t1 - t0 AS HUGEINT))""",
    "CREATE MACRO bq_interpolate_numeric(a, b, t0, t1, t) AS bq_interpolate_decimal(a, b, t - t0, t1 - t0)",
    """CREATE MACRO bq_vector(v) AS CASE WHEN len(v) = 0 THEN NULL WHEN list_count(v) < len(v)
       THEN bq_error('Vectors that are searched must not have NULL elements') ELSE v END""",
    _distance("euclidean", "list_distance(a, b)"),
    _distance("manhattan", "list_sum(list_transform(list_zip(a, b), lambda p: abs(p[1] - p[2])))"),
    _distance("cosine", "list_cosine_distance(a, b)"),
    _distance("dot_product", "-list_inner_product(a, b)"),
)
