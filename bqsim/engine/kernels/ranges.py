"""RANGE: pairs of a start and an end, NULL where unbounded."""

from __future__ import annotations

from typing import Any

from .kernel import Kernel

_FORM = "Failed to parse range: range must be formatted exactly as [START, END)"


def _texts(texts: Any) -> Any:
    """The two parts of range texts, None for an unbounded one."""
    import pyarrow as pa

    parts = [_parts(text) for text in texts.to_pylist()]
    columns = [pa.array([p[i] for p in parts], type=pa.string()) for i in range(2)]
    return pa.StructArray.from_arrays(columns, names=["start", "end"])


def _parts(text: str) -> tuple[str | None, str | None]:
    from bqsim.errors import invalid_query

    if not (text.startswith("[") and text.endswith(")")):
        raise invalid_query(f"{_FORM} (found {text})")
    parts = text[1:-1].split(", ")
    if len(parts) != 2:
        raise invalid_query(f'{_FORM} with two parts, START and END, divided with ", "')
    start, end = (None if p.upper() in ("UNBOUNDED", "NULL") else p for p in parts)
    return start, end


KERNELS = (Kernel("bq_range_parts", ("VARCHAR",), 'STRUCT("start" VARCHAR, "end" VARCHAR)', _texts),)


def _to_string(kind: str, zone: str) -> str:
    def bound(field: str) -> str:
        return f"coalesce(bq_cast_{kind}_to_string(r.\"{field}\"{zone}), 'UNBOUNDED')"

    return (
        f"CREATE MACRO bq_cast_range_{kind}_to_string(r{zone}) AS "
        f"CASE WHEN r IS NOT NULL THEN '[' || {bound('start')} || ', ' || {bound('end')} || ')' END"
    )


def _from_string(kind: str, zone: str) -> str:
    def bound(field: str) -> str:
        return f'bq_cast_string_to_{kind}(bq_range_parts(s)."{field}"{zone})'

    return (
        f"CREATE MACRO bq_cast_string_to_range_{kind}(s{zone}) AS bq_range({bound('start')}, {bound('end')})"
    )


MACROS = (
    # A range of two bounds; both NULL is the range without bounds, not NULL.
    """CREATE MACRO bq_range(s, e) AS
       CASE WHEN s >= e THEN bq_error('Range start element must be smaller than range end element')
            ELSE {'start': s, 'end': e} END""",
    *(
        make(kind, zone)
        for kind, zone in (("date", ""), ("datetime", ""), ("timestamp", ", zone"))
        for make in (_to_string, _from_string)
    ),
    """CREATE MACRO bq_range_contains_value(r, v) AS
       CASE WHEN r IS NOT NULL AND v IS NOT NULL
            THEN coalesce(r."start" <= v, true) AND coalesce(v < r."end", true) END""",
    """CREATE MACRO bq_range_contains_range(a, b) AS
       CASE WHEN a IS NOT NULL AND b IS NOT NULL
            THEN (a."start" IS NULL OR coalesce(a."start" <= b."start", false))
             AND (a."end" IS NULL OR coalesce(b."end" <= a."end", false)) END""",
    """CREATE MACRO bq_range_overlaps(a, b) AS
       CASE WHEN a IS NOT NULL AND b IS NOT NULL
            THEN coalesce(a."start" < b."end", true) AND coalesce(b."start" < a."end", true) END""",
    """CREATE MACRO bq_range_intersect(a, b) AS
       CASE WHEN a IS NULL OR b IS NULL THEN NULL
            WHEN bq_range_overlaps(a, b)
            THEN {'start': greatest(a."start", b."start"), 'end': least(a."end", b."end")}
            ELSE bq_error('Provided RANGE inputs: ' || bq_range_pair(a, b) || ' do not overlap. Please use '
                          || 'RANGE_OVERLAPS to verify that they overlap before using RANGE_INTERSECT.') END""",
)
