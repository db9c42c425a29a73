"""Every call that an expression may be made of: from GoogleSQL's own list of signatures, and by hand.

A signature's arguments are types, or texts to choose from where only some texts have a meaning (formats,
paths, time zones, date parts).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bqsim.sql.googlesql import options
from bqsim.sql.googlesql.pool import Pool
from bqsim.sql.googlesql.types import type_from_proto
from bqsim.types import BOOL, DATE, FLOAT64, INT64, STRING, Type, TypeKind, array_of, range_of

from . import values

Argument = Type | tuple[str, ...]

PARTS = {
    "DATE": ("DAY", "WEEK", "WEEK(MONDAY)", "MONTH", "QUARTER", "YEAR", "ISOWEEK", "ISOYEAR"),
    "TIME": ("HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"),
}
PARTS["DATETIME"] = PARTS["TIMESTAMP"] = PARTS["DATE"] + PARTS["TIME"]
_EXTRACTED = (*PARTS["DATETIME"], "DAYOFWEEK", "DAYOFYEAR")

# Forms of operators and of functions that are not called NAME(a, b).
FORMS: dict[str, str] = {
    "$add": "({0} + {1})", "$subtract": "({0} - {1})", "$multiply": "({0} * {1})", "$divide": "({0} / {1})",
    "$unary_minus": "(- {0})", "$equal": "({0} = {1})", "$not_equal": "({0} != {1})", "$less": "({0} < {1})",
    "$less_or_equal": "({0} <= {1})", "$greater": "({0} > {1})", "$greater_or_equal": "({0} >= {1})",
    "$and": "({0} AND {1})", "$or": "({0} OR {1})", "$not": "(NOT {0})", "$is_null": "({0} IS NULL)",
    "$is_true": "({0} IS TRUE)", "$is_false": "({0} IS NOT FALSE)", "$like": "({0} LIKE {1})",
    "$between": "({0} BETWEEN {1} AND {2})", "$in": "({0} IN ({1}, {2}))", "$in_array": "({0} IN UNNEST({1}))",
    "$is_distinct_from": "({0} IS DISTINCT FROM {1})", "$is_not_distinct_from": "({0} IS NOT DISTINCT FROM {1})",
    "$bitwise_or": "({0} | {1})", "$bitwise_and": "({0} & {1})", "$bitwise_xor": "({0} ^ {1})",
    "$bitwise_not": "(~ {0})", "$bitwise_left_shift": "({0} << {1})", "$bitwise_right_shift": "({0} >> {1})",
    "$concat_op": "({0} || {1})", "$case_no_value": "CASE WHEN {0} THEN {1} ELSE {2} END",
    "$case_with_value": "CASE {0} WHEN {1} THEN {2} ELSE {3} END", "$subscript": "{0}[{1}]",
    "$array_at_offset": "{0}[OFFSET({1})]", "$array_at_ordinal": "{0}[ORDINAL({1})]",
    "$safe_array_at_offset": "{0}[SAFE_OFFSET({1})]", "$safe_array_at_ordinal": "{0}[SAFE_ORDINAL({1})]",
    "$like_any": "({0} LIKE ANY ({1}, {2}))", "$like_all": "({0} LIKE ALL ({1}, {2}))",
    "$not_like_any": "({0} NOT LIKE ANY ({1}, {2}))", "$not_like_all": "({0} NOT LIKE ALL ({1}, {2}))",
    "$like_any_array": "({0} LIKE ANY UNNEST({1}))", "$like_all_array": "({0} LIKE ALL UNNEST({1}))",
    "$extract_date": "EXTRACT(DATE FROM {0})", "$extract_time": "EXTRACT(TIME FROM {0})",
    "$extract_datetime": "EXTRACT(DATETIME FROM {0})",
    **{f"{kind}_{verb}": f"{kind.upper()}_{verb.upper()}({{0}}, INTERVAL {{1}} {{2}})"
       for kind in ("date", "datetime", "timestamp", "time") for verb in ("add", "sub")},
    "generate_date_array": "GENERATE_DATE_ARRAY({0}, {1}, INTERVAL 40000 {2})",
    "generate_timestamp_array": "GENERATE_TIMESTAMP_ARRAY({0}, {1}, INTERVAL 400000 {2})",
    "if": "IF({0}, {1}, {2})",
}  # fmt: skip

# Texts for arguments by function and position.
_JSON_PATHS = {f"json_{name}" for name in ("extract", "extract_scalar", "extract_array", "query", "value",
               "query_array", "value_array", "extract_string_array")}  # fmt: skip
TEXTS: dict[tuple[str, int], tuple[str, ...]] = {
    **{(name, 1): values.PATHS for name in (*_JSON_PATHS, "json_set", "json_remove", "json_array_append", "json_array_insert")},
    **{(name, 3): values.PATHS for name in ("json_set", "json_array_append", "json_array_insert")},
    **{(name, 1): values.PATTERNS for name in ("regexp_contains", "regexp_extract", "regexp_extract_all",
                                               "regexp_replace", "regexp_instr")},
    ("regexp_replace", 2): ("'<\\\\0>'", "'\\\\1'", "''", "'x'"),
    **{(f"{verb}_date", 0): values.DATE_FORMATS for verb in ("format", "parse")},
    **{(f"{verb}_time", 0): values.TIME_FORMATS for verb in ("format", "parse")},
    **{(f"{verb}_{kind}", 0): values.STAMP_FORMATS for verb in ("format", "parse") for kind in ("datetime", "timestamp")},
    ("format_timestamp", 2): values.ZONES, ("parse_timestamp", 2): values.ZONES,
    ("timestamp", 1): values.ZONES, ("date", 1): values.ZONES, ("datetime", 1): values.ZONES, ("time", 1): values.ZONES,
    ("string", 1): values.ZONES, ("timestamp_trunc", 2): values.ZONES,
    ("normalize", 1): ("NFC", "NFD", "NFKC", "NFKD"), ("normalize_and_casefold", 1): ("NFC", "NFKC"),
    ("format", 0): values.CODES, ("generate_date_array", 2): ("DAY", "MONTH", "YEAR", "WEEK"),
    ("generate_timestamp_array", 2): ("DAY", "HOUR"), ("last_day", 1): ("MONTH", "YEAR", "WEEK", "QUARTER", "ISOYEAR"),
    ("repeat", 1): ("0", "2", "3", "-1"), ("lpad", 1): ("0", "3", "7", "-1"), ("rpad", 1): ("0", "3", "7", "-1"),
    ("chr", 0): ("65", "233", "128512", "0", "-1", "id"), ("round", 1): ("0", "1", "2", "-1", "-2", "5"),
    ("trunc", 1): ("0", "1", "2", "-1", "-2", "5"), ("generate_array", 0): ("1", "id"), ("generate_array", 1): ("3", "id", "5"),
    ("generate_array", 2): ("1", "2", "-1"),
    ("json_keys", 1): ("1", "2"), ("net.ip_net_mask", 0): ("4", "16"), ("net.ip_net_mask", 1): ("0", "20", "33"),
    ("collate", 1): ("''",), ("json_strip_nulls", 1): values.PATHS,
    ("round", 2): ("'ROUND_HALF_EVEN'", "'ROUND_HALF_AWAY_FROM_ZERO'"),
}  # fmt: skip

# What no two runs, or not the evaluator, give alike.
EXCLUDED_PREFIXES = (
    "st_",
    "s2_",
    "keys.",
    "aead.",
    "deterministic_",
    "hll_count.",
    "kll_quantiles.",
    "net.reg",
    "net.pub",
    "$differential",
)
EXCLUDED = {
    "rand", "generate_uuid", "session_user", "error", "current_date", "current_datetime", "current_time",
    "current_timestamp", "typeof", "iferror", "nulliferror", "iserror", "$subscript_with_key", "$interval",
    "normalize_and_casefold",  # the evaluator lacks its data
    "from_base32", "to_base32", "$extract", "$make_array", "make_interval", "net.host", "json_object", "json_array",
    "prev", "next", "first", "last", "match_number", "match_row_number", "classifier",
}  # fmt: skip


def _castable(source: Type, result: Type) -> bool:
    nested = {TypeKind.ARRAY, TypeKind.RANGE}
    if source.kind in nested or result.kind in nested:
        return source == result
    if values.JSON in (source, result):
        return source == result
    return source.kind is result.kind or STRING in (source, result) or frozenset((source, result)) in _CASTS


_NUMBERS = (INT64, FLOAT64, values.NUMERIC, values.BIGNUMERIC)
_TIMES = (DATE, values.DATETIME, values.TIMESTAMP)
_CASTS = {
    *map(frozenset, itertools.combinations(_NUMBERS, 2)),
    *map(frozenset, itertools.combinations(_TIMES, 2)),
    frozenset((INT64, BOOL)),
    frozenset((values.TIME, values.DATETIME)),
    frozenset((values.TIME, values.TIMESTAMP)),
}

# Calls written by hand: result type, template of types.
BY_HAND: tuple[tuple[Type, str], ...] = (
    *((INT64, f"EXTRACT({part} FROM {{{kind}}})") for kind in ("DATE", "DATETIME", "TIMESTAMP", "TIME")
      for part in ((*PARTS["DATE"], "DAYOFWEEK", "DAYOFYEAR") if kind == "DATE" else PARTS["TIME"] if kind == "TIME" else _EXTRACTED)),
    *((INT64, f"EXTRACT({part} FROM {{INTERVAL}})") for part in ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "MICROSECOND")),
    (INT64, "EXTRACT(HOUR FROM {TIMESTAMP} AT TIME ZONE 'America/New_York')"),
    (INT64, "EXTRACT(DAYOFYEAR FROM {TIMESTAMP} AT TIME ZONE 'Asia/Kolkata')"),
    *((result, f"{cast}({{{source}}} AS {result})") for cast in ("CAST", "SAFE_CAST")
      for source, result in itertools.product(values.LITERALS, values.LITERALS) if _castable(source, result)),
    (INT64, "(SELECT SUM(x) FROM UNNEST({ARRAY<INT64>}) AS x)"),
    (INT64, "(SELECT COUNT(*) FROM UNNEST({ARRAY<STRING>}) AS x WHERE x > {STRING})"),
    (BOOL, "EXISTS(SELECT 1 FROM UNNEST({ARRAY<INT64>}) AS x WHERE x > {INT64})"),
    (array_of(INT64), "ARRAY(SELECT x + 1 FROM UNNEST({ARRAY<INT64>}) AS x WHERE x < 1000 ORDER BY x DESC)"),
    (array_of(INT64), "ARRAY_FILTER({ARRAY<INT64>}, x -> x > {INT64})"),
    (array_of(STRING), "ARRAY_TRANSFORM({ARRAY<STRING>}, x -> UPPER(x))"),
    (STRING, "(SELECT STRING_AGG(x, '-' ORDER BY x) FROM UNNEST({ARRAY<STRING>}) AS x)"),
    (STRING, "TO_JSON_STRING(STRUCT({INT64} AS a, {STRING} AS b, {ARRAY<INT64>} AS c, {FLOAT64} AS d))"),
    (STRING, "FORMAT('%s|%t|%T', {STRING}, {DATE}, {TIMESTAMP})"),
    (STRING, "FORMAT('%d %i %x', {INT64}, {INT64}, {INT64})"),
    (STRING, "FORMAT('%.3f %10.2e %g', {FLOAT64}, {FLOAT64}, {FLOAT64})"),
    (STRING, "FORMAT('%t %T', {ARRAY<INT64>}, {STRING})"),
    (STRING, "FORMAT('%\\'d %+d %05d', {INT64}, {INT64}, {INT64})"),
    (STRING, "CAST({DATE} AS STRING FORMAT 'YYYY-MON-DD DAY')"),
    (STRING, "CAST({TIMESTAMP} AS STRING FORMAT 'YYYY/MM/DD HH24:MI:SS.FF3 TZH:TZM')"),
    (STRING, "CAST({INT64} AS STRING FORMAT '999,999')"),
    (BOOL, "({INT64} IN ({INT64}, {INT64}, NULL))"),
    (BOOL, "(({INT64}, {STRING}) = ({INT64}, {STRING}))"),
    (INT64, "STRUCT({INT64} AS a, {STRING} AS b).a"),
    (INT64, "COALESCE({INT64}, {INT64}, 7)"),
    (Type(TypeKind.JSON), "TO_JSON(STRUCT({INT64} AS a, {STRING} AS b))"),
    (Type(TypeKind.JSON), "JSON_OBJECT('a', {INT64}, 'b', {STRING})"),
    (Type(TypeKind.JSON), "JSON_ARRAY({INT64}, {STRING}, {BOOL})"),
    (Type(TypeKind.JSON), "{JSON}.a"),
    (Type(TypeKind.INTERVAL), "MAKE_INTERVAL(1, {INT64}, 3, hour => 5)"),
    (Type(TypeKind.INTERVAL), "(INTERVAL {INT64} DAY)"),
    (FLOAT64, "SAFE_DIVIDE({INT64}, {INT64})"),
    (DATE, "DATE({TIMESTAMP}, 'Europe/Berlin')"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """A call: ``template`` with ``{0}`` … for the arguments, and the type of its value."""

    name: str
    template: str
    arguments: tuple[Argument, ...]
    result: Type

    @property
    def has_subquery(self) -> bool:
        """Whether it is, or is rewritten to, a subquery: the engine cannot guard those."""
        return "SELECT" in self.template or ("UNNEST(" in self.template and "LIKE" in self.template)


def builtin_functions(pool: Pool) -> Any:
    """GoogleSQL's functions of BigQuery's dialect, as ``FunctionProto`` messages."""
    from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
    from zetasql.wasi._pb2.zetasql.proto import options_pb2

    request = options_pb2.ZetaSQLBuiltinFunctionOptionsProto()
    options.set_builtins(request)
    with pool.instance() as instance:
        answer = instance.call("GetBuiltinFunctions", request.SerializeToString(), 60)
    return service.GetBuiltinFunctionsResponse.FromString(answer).function


def _parts(name: str) -> tuple[str, ...]:
    kind, _, verb = name.partition("_")
    parts = PARTS.get(kind.upper(), PARTS["DATE"])
    if verb in ("add", "sub"):
        return tuple(p for p in parts if not p.startswith("ISO") and "(" not in p)
    return parts


# What GoogleSQL has a signature for, of any type, and refuses for some types.
_NOT_JSON = frozenset(
    "$equal $not_equal $less $less_or_equal $greater $greater_or_equal $between $in $in_array nullif greatest least "
    "$is_distinct_from $is_not_distinct_from $case_with_value range_bucket array_includes".split()
)

_SCALAR = 1
_ENUM = 15
_OPTIONAL, _REPEATED = 2, 1
_ELEMENTS = tuple(t for t in values.LITERALS if t.kind not in (TypeKind.ARRAY, TypeKind.RANGE))


def scalar_calls(pool: Pool) -> list[Call]:
    """All scalar calls that can be written with the types of :mod:`values`."""
    found = []
    for function in builtin_functions(pool):
        name = ".".join(function.name_path)
        if function.mode == _SCALAR and name not in EXCLUDED and not name.startswith(EXCLUDED_PREFIXES):
            for signature in function.signature:
                found += _calls(name, signature)
    found += [_by_hand(result, template) for result, template in BY_HAND]
    return sorted(set(found), key=lambda call: (call.name, call.template, str(call.arguments)))


def _by_hand(result: Type, template: str) -> Call:
    """``{TYPE}`` holes become positional arguments."""
    arguments: list[Argument] = []
    for type_ in sorted(values.LITERALS, key=lambda t: -len(str(t))):
        while f"{{{type_}}}" in template:
            template = template.replace(f"{{{type_}}}", f"{{{len(arguments)}}}", 1)
            arguments.append(type_)
    return Call(template.partition("(")[0].lower() or "by hand", template, tuple(arguments), result)


def _calls(name: str, signature: Any) -> Iterator[Call]:
    required = [a for a in signature.argument if a.options.cardinality != _OPTIONAL]
    optional = [a for a in signature.argument if a.options.cardinality == _OPTIONAL]
    if any(a.options.argument_name for a in optional):
        optional = optional[: next(i for i, a in enumerate(optional) if a.options.argument_name)]
    for count in range(len(optional) + 1):
        given = required + optional[:count]
        templated = any(not a.HasField("type") for a in [*given, signature.return_type])
        for element in _ELEMENTS if templated else (None,):
            types = list(_bind(name, given, element))
            result = _bound(signature.return_type, element)
            if None in types or result not in values.LITERALS or (name in _NOT_JSON and values.JSON in types):
                continue
            yield Call(name, _template(name, len(types)), tuple(t for t in types if t is not None), result)


def _bind(name: str, arguments: Iterable[Any], element: Type | None) -> Iterator[Argument | None]:
    for at, argument in enumerate(arguments):
        if (name, at) in TEXTS:
            yield TEXTS[name, at]
        elif argument.HasField("type") and argument.type.type_kind == _ENUM:
            yield _parts(name)
        else:
            bound = _bound(argument, element)
            yield bound if bound in values.LITERALS else None


def _bound(argument: Any, element: Type | None) -> Type | None:
    if argument.HasField("type"):
        try:
            return type_from_proto(argument.type)
        except (KeyError, ValueError):
            return None
    kind = argument.DESCRIPTOR.fields_by_name["kind"].enum_type.values_by_number[argument.kind].name
    if element is None or any(
        word in kind for word in ("LAMBDA", "GRAPH", "MAP", "SEQUENCE", "PROTO", "STRUCT")
    ):
        return None
    if "ARRAY" in kind:
        return array_of(element)
    if "RANGE" in kind:
        return range_of(element) if element.kind in (TypeKind.DATE, TypeKind.TIMESTAMP) else None
    return element if "ANY" in kind or kind == "ARG_TYPE_ARBITRARY" else None


def _template(name: str, count: int) -> str:
    form = FORMS.get(name)
    if form is not None:
        # An operator with repeated arguments has holes for more of them.
        return form
    if name.startswith("$"):
        return ""
    return f"{name.upper()}({', '.join(f'{{{i}}}' for i in range(count))})"
