"""The builtin table functions that are GoogleSQL over their arguments, and those of change histories."""

from __future__ import annotations

import json
import re
from typing import Any

from bqsim.errors import invalid_query
from bqsim.types import BOOL, INT64, INTERVAL, STRING, TIMESTAMP, Type, array_of, struct_of

from .prepass import Path
from .table_function_text import quoted
from .table_functions import Call, Made, Parameter, TableFunction

_ANY: Type | None = None
_PAIRS = array_of(struct_of(("", STRING), ("", STRING)))
_STRINGS = array_of(STRING)


def _partition(columns: list[str]) -> str:
    return f"PARTITION BY {', '.join(map(quoted, columns))} " if columns else ""


def _names(call: Call, parameter: str) -> list[str]:
    """An array of column names, none of them NULL."""
    names: list[Any] = call.value(parameter, [])
    if None in names:
        call.refuse(f"Argument {parameter} of {call.name} must not have NULL elements", parameter)
    return names


# RANGE_SESSIONIZE


def _range_sessionize(call: Call) -> Made:
    """Ranges by their start: one that begins after all before it have ended begins a session.

    A range without an end, and NULL, never end.
    """
    mode = call.value("sessionize_option", "MEETS")
    if mode.upper() not in _BREAKS:
        call.refuse(f'Could not cast literal "{mode}" to type RANGE_SESSIONIZE_MODE', "sessionize_option")
    column = call.value("range_column")
    if column is None:
        call.refuse(f"Argument range_column of {call.name} must not be NULL", "range_column")
    columns = _names(call, "partitioning_columns")
    part, of = _partition(columns), quoted(column)
    sessions = _partition([*columns, "_bq_session"])
    return Made(
        f"""WITH _bq_input AS (SELECT * FROM input)
        SELECT * EXCEPT (_bq_ended, _bq_open, _bq_session),
          IF({of} IS NULL, NULL, RANGE(
            IF(LOGICAL_OR({of} IS NOT NULL AND RANGE_START({of}) IS NULL) OVER ({sessions}), NULL,
               MIN(RANGE_START({of})) OVER ({sessions})),
            IF(LOGICAL_OR({of} IS NOT NULL AND RANGE_END({of}) IS NULL) OVER ({sessions}), NULL,
               MAX(RANGE_END({of})) OVER ({sessions})))) AS session_range
        FROM (
          SELECT *,
            COUNTIF(NOT IFNULL(_bq_open, FALSE) AND _bq_ended {_BREAKS[mode.upper()]} RANGE_START({of}))
            OVER ({part}ORDER BY RANGE_START({of}) RANGE UNBOUNDED PRECEDING) AS _bq_session
          FROM (
            SELECT *, MAX(RANGE_END({of})) OVER before AS _bq_ended,
              LOGICAL_OR(RANGE_END({of}) IS NULL) OVER before AS _bq_open
            FROM _bq_input
            WINDOW before AS ({part}ORDER BY RANGE_START({of})
                              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)))"""
    )


_BREAKS = {"MEETS": "<", "OVERLAPS": "<="}


# GAP_FILL


def _gap_fill(call: Call) -> Made:
    """One row for each bucket between a series' first and last point, with values of the points around."""
    ts = call.value("ts_column")
    if ts is None:
        call.refuse(f"Argument ts_column of {call.name} must not be NULL", "ts_column")
    columns = _names(call, "partitioning_columns")
    pairs: list[list[Any]] | None = call.value("value_columns")
    methods = [(name, (method or "null").casefold()) for name, method in pairs or ()]
    seen: set[str] = set()
    for name, method in methods:
        if method not in _METHODS:
            call.refuse(
                f"Invalid gap filling method '{method}' for column '{name}' in {call.name}; it must be one "
                "of 'null', 'linear' and 'locf'",
                "value_columns",
            )
        if name is None or name.casefold() in seen:
            call.refuse(f"Duplicate column '{name}' in value_columns of {call.name}", "value_columns")
        seen.add(name.casefold())
    ignores = call.value("ignore_null_values", True)
    keys = "".join(f", {quoted(c)}" for c in columns)
    part = _partition(columns)
    if pairs is None:
        kept = ", ".join(map(quoted, [ts, *columns]))
        values = f", (SELECT AS STRUCT i.* EXCEPT ({kept})) AS _bq_1"
        methods, shown = [("_bq_1", "null")], ", _bq_v1.*"
    else:
        values = "".join(f", i.{quoted(name)} AS _bq_{n}" for n, (name, _) in enumerate(methods, 1))
        shown = "".join(f", _bq_v{n} AS {quoted(name)}" for n, (name, _) in enumerate(methods, 1))
    lasts, filled = [], []
    for n, (_, method) in enumerate(methods, 1):
        observed = "_bq_point" + (f" AND _bq_{n} IS NOT NULL" if ignores and method != "null" else "")
        point = f"IF({observed}, STRUCT(_bq_ts AS t, _bq_{n} AS v), NULL)"
        lasts.append(f", LAST_VALUE({point} IGNORE NULLS) OVER before AS _bq_l{n}")
        if method == "linear":
            lasts.append(f", FIRST_VALUE({point} IGNORE NULLS) OVER after AS _bq_n{n}")
        filled.append(", " + _METHODS[method].format(l=f"_bq_l{n}", n=f"_bq_n{n}") + f" AS _bq_v{n}")
    nulls = "".join(f", NULL AS _bq_{n}" for n in range(1, len(methods) + 1))
    given = "bucket_width AS _bq_width" + (", origin AS _bq_origin" if "origin" in call.arguments else "")
    origin = ", a._bq_origin" if "origin" in call.arguments else ""
    group = f" GROUP BY {', '.join(map(quoted, columns))}" if columns else ""
    i_keys = "".join(f", i.{quoted(c)}" for c in columns)
    return Made(
        f"""WITH _bq_input AS (SELECT * FROM input)
        SELECT _bq_ts AS {quoted(ts)}{keys}{shown} FROM (
          SELECT _bq_ts{keys}{"".join(filled)} FROM (
            SELECT _bq_ts, _bq_point{keys}{"".join(lasts)} FROM (
              SELECT i.{quoted(ts)} AS _bq_ts, TRUE AS _bq_point{i_keys}{values}
              FROM _bq_input AS i WHERE i.{quoted(ts)} IS NOT NULL
              UNION ALL
              SELECT _bq_ts, FALSE AS _bq_point{keys}{nulls}
              FROM (SELECT {given}) AS a
                CROSS JOIN (SELECT MIN(i.{quoted(ts)}) AS _bq_from, MAX(i.{quoted(ts)}) AS _bq_to{i_keys}
                    FROM _bq_input AS i WHERE i.{quoted(ts)} IS NOT NULL{group})
                CROSS JOIN UNNEST(`$buckets`(_bq_from, _bq_to, a._bq_width{origin})) AS _bq_ts)
            WINDOW before AS ({part}ORDER BY _bq_ts RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
              after AS ({part}ORDER BY _bq_ts RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING))
          WHERE NOT _bq_point)"""
    )


_METHODS = {
    "null": "IF({l}.t = _bq_ts, {l}.v, NULL)",
    "locf": "{l}.v",
    "linear": "IF({l}.t = _bq_ts, {l}.v, `$interpolate`({l}.v, {n}.v, {l}.t, {n}.t, _bq_ts))",
}


# VECTOR_SEARCH

_DISTANCES = {"EUCLIDEAN": "$euclidean", "COSINE": "$cosine", "DOT_PRODUCT": "$dot_product"}
_OPTIONS: dict[str, Any] = {"fraction_lists_to_search": (int, float), "use_brute_force": bool}


def _vector_search(call: Call) -> Made:
    """The exact nearest vectors: an index changes how they are found, not which are the nearest."""
    kind = call.value("distance_type", "EUCLIDEAN")
    function = _DISTANCES.get(kind.upper())
    if function is None:
        call.refuse(f"Unsupported distance type '{kind}' for VECTOR_SEARCH", "distance_type")
    _check_options(call)
    top_k = call.value("top_k", 10)
    if top_k < 1:
        call.refuse("top_k for VECTOR_SEARCH must be a positive integer", "top_k")
    column = call.value("column_to_search")
    base = f"SELECT ROW_NUMBER() OVER () AS n, t, `$vector`(t.{quoted(column)}) AS v FROM base_table AS t"
    if "query_value" in call.arguments:
        return Made(
            f"""WITH _bq_b AS ({base})
            SELECT b.t AS base, m.distance
            FROM (SELECT `$nearest`(b.n, `{function}`(a.v, b.v), {top_k}) AS found
                  FROM (SELECT `$vector`(query_value) AS v) AS a CROSS JOIN _bq_b AS b
                  WHERE a.v IS NOT NULL AND b.v IS NOT NULL) AS f
              CROSS JOIN UNNEST(f.found) AS m JOIN _bq_b AS b ON b.n = m.id"""
        )
    if "query_table" not in call.arguments:
        call.refuse("VECTOR_SEARCH needs a query table or the argument query_value")
    asked = quoted(call.value("query_column_to_search", column))
    queries = f"SELECT ROW_NUMBER() OVER () AS n, t, `$vector`(t.{asked}) AS v FROM query_table AS t"
    return Made(
        f"""WITH _bq_b AS ({base}), _bq_q AS ({queries})
        SELECT q.t AS query, b.t AS base, m.distance
        FROM (SELECT q.n, `$nearest`(b.n, `{function}`(q.v, b.v), {top_k}) AS found
              FROM _bq_q AS q CROSS JOIN _bq_b AS b
              WHERE q.v IS NOT NULL AND b.v IS NOT NULL GROUP BY q.n) AS f
          CROSS JOIN UNNEST(f.found) AS m
          JOIN _bq_b AS b ON b.n = m.id JOIN _bq_q AS q ON q.n = f.n"""
    )


def _check_options(call: Call) -> None:
    text = call.value("options")
    if text is None:
        return
    try:
        options = json.loads(text)
    except ValueError:
        options = None
    if not isinstance(options, dict):
        call.refuse("Invalid JSON in argument options of VECTOR_SEARCH", "options")
    for name, value in options.items():
        kinds = _OPTIONS.get(name)
        if kinds is None or not isinstance(value, kinds) or (kinds is not bool and isinstance(value, bool)):
            call.refuse(f"Invalid option '{name}' in argument options of VECTOR_SEARCH", "options")
    if len(options) > 1 and options.get("use_brute_force"):
        call.refuse(
            "fraction_lists_to_search cannot be specified when use_brute_force is true in VECTOR_SEARCH",
            "options",
        )


# APPENDS and CHANGES

_CHANGE_COLUMNS = (("_CHANGE_TYPE", STRING), ("_CHANGE_TIMESTAMP", TIMESTAMP))


def _changes(call: Call) -> Made:
    text = call.arguments["table"].text
    if re.match(r"\(|TABLE\s+\S", text, re.IGNORECASE) is None:
        call.refuse(
            f"Table-valued function {call.name} argument 1 must be a relation (i.e. table subquery)", "table"
        )
    return Made(columns=(*call.around.columns(text), *_CHANGE_COLUMNS))


TABLE_FUNCTIONS: tuple[TableFunction, ...] = (
    TableFunction(
        "RANGE_SESSIONIZE",
        (
            Parameter("input", kind="RELATION"),
            Parameter("range_column", STRING, constant=True),
            Parameter("partitioning_columns", _STRINGS, constant=True),
            Parameter("sessionize_option", STRING, optional=True, constant=True),
        ),
        _range_sessionize,
    ),
    TableFunction(
        "GAP_FILL",
        (
            Parameter("input", kind="RELATION"),
            Parameter("ts_column", STRING, constant=True),
            Parameter("bucket_width", INTERVAL),
            Parameter("partitioning_columns", _STRINGS, optional=True, constant=True),
            Parameter("value_columns", _PAIRS, optional=True, constant=True),
            Parameter("origin", _ANY, optional=True),
            Parameter("ignore_null_values", BOOL, optional=True, constant=True),
        ),
        _gap_fill,
    ),
    TableFunction(
        "VECTOR_SEARCH",
        (
            Parameter("base_table", kind="RELATION"),
            Parameter("column_to_search", STRING, constant=True),
            Parameter("query_table", kind="RELATION", optional=True),
            Parameter("query_value", _ANY, optional=True, named_only=True),
            Parameter("query_column_to_search", STRING, optional=True, constant=True),
            Parameter("top_k", INT64, optional=True, constant=True),
            Parameter("distance_type", STRING, optional=True, constant=True),
            Parameter("options", STRING, optional=True, constant=True),
        ),
        _vector_search,
    ),
    *(
        TableFunction(
            name,
            (
                Parameter("table", kind="RELATION"),
                Parameter("start_timestamp", TIMESTAMP, optional=True),
                Parameter("end_timestamp", TIMESTAMP, optional=True),
            ),
            _changes,
        )
        for name in ("APPENDS", "CHANGES")
    ),
)

# Functions that need models or other services: refused by name, or answered by what a user supplies.
SUPPLIED = (
    "EXTERNAL_QUERY",
    "EXTERNAL_OBJECT_TRANSFORM",
    *(
        f"ML.{name}"
        for name in """ADVANCED_WEIGHTS ANNOTATE_IMAGE ARIMA_COEFFICIENTS ARIMA_EVALUATE CENTROIDS
        CONFUSION_MATRIX DESCRIBE_DATA DETECT_ANOMALIES ENTITY_FEATURES_AT_TIME EVALUATE EXPLAIN_FORECAST
        EXPLAIN_PREDICT FEATURES_AT_TIME FEATURE_IMPORTANCE FEATURE_INFO FORECAST GENERATE_EMBEDDING
        GENERATE_TEXT GENERATE_TEXT_EMBEDDING GET_INSIGHTS GLOBAL_EXPLAIN HOLIDAY_INFO PREDICT
        PRINCIPAL_COMPONENTS PRINCIPAL_COMPONENT_INFO PROCESS_DOCUMENT RECOMMEND RECONSTRUCTION_LOSS
        ROC_CURVE TFDV_DESCRIBE TFDV_VALIDATE TRAINING_INFO TRANSCRIBE TRANSFORM TRANSLATE TRIAL_INFO
        UNDERSTAND_TEXT VALIDATE_DATA_DRIFT VALIDATE_DATA_SKEW WEIGHTS""".split()  # noqa: SIM905
    ),
    *(
        f"AI.{name}"
        for name in """CAUSAL_IMPACT DETECT_ANOMALIES EVALUATE FORECAST GENERATE_EMBEDDING GENERATE_TABLE
        GENERATE_TEXT SEARCH""".split()  # noqa: SIM905
    ),
)


def _supplied(call: Call) -> Made:
    first = next(iter(call.arguments.values()), None)
    subject = ""
    if first is not None and first.is_model:
        subject = first.value
    elif call.name == "EXTERNAL_QUERY" and first is not None:
        subject = str(call.around.constant(first.text) or "")
    answer = call.around.answer(call.name, subject)
    if answer is None:
        raise invalid_query(
            f"{call.name} is not supported by bqsim unless its answers are supplied "
            f"(sim.answers.supply('{call.name}', ...))"
        )
    columns = answer.columns
    if answer.keeps_input:
        inputs = [a.text for a in call.arguments.values() if a.parameter.kind == "RELATION"]
        if not inputs:
            call.refuse(f"The supplied answer of {call.name} needs an input table")
        columns += call.around.columns(inputs[0])
    return Made(columns=columns, answer=answer, subject=subject)


TABLE_FUNCTIONS += tuple(TableFunction(name, (), _supplied, free=True) for name in SUPPLIED)

BY_PATH: dict[Path, TableFunction] = {function.path: function for function in TABLE_FUNCTIONS}
