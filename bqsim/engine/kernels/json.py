"""JSON functions: reading parts of documents and converting scalars."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from bqsim.errors import BigQueryError, invalid_query

from . import json_parts, json_splices, json_text
from .json_text import MISSING, Number, Object
from .kernel import Kernel

_ARROW_TYPES = {"VARCHAR": "string", "BIGINT": "int64", "DOUBLE": "float64", "BOOLEAN": "bool_"}


def rowwise(name: str, parameters: tuple[str, ...], returns: str, function: Callable[..., Any]) -> Kernel:
    """A kernel that calls ``function`` with the Python values of each row; a NULL argument gives NULL."""

    def kernel(*columns: Any) -> Any:
        import pyarrow as pa

        element = returns.removesuffix("[]")
        arrow = getattr(pa, _ARROW_TYPES[element])()
        rows = zip(*(c.to_pylist() for c in columns), strict=True)
        values = [None if None in row else function(*row) for row in rows]
        return pa.array(values, type=pa.list_(arrow) if returns != element else arrow)

    return Kernel(name, parameters, returns, kernel, null_in_null_out=False)


# Extraction. ``_string`` reads a JSON-formatted STRING, ``_json`` a JSON value.


def _query_string(legacy: bool) -> Callable[[str, str], str | None]:
    def query(text: str, path: str) -> str | None:
        found = json_text.extract(text, json_text.path(path, legacy))
        return None if found is MISSING or found is None else json_text.write(found, json_text.quote_text)

    return query


def _query_json(legacy: bool) -> Callable[[str, str], str | None]:
    def query(text: str, path: str) -> str | None:
        tokens = json_text.path(path, legacy)
        found = json_text.at_path(json_text.read(text), tokens)
        return None if found is MISSING else json_text.write(found)

    return query


def _scalar_text(document: Any) -> str | None:
    """A scalar as text, None for null, lists and objects."""
    if document is None or isinstance(document, list) or document is MISSING:
        return None
    if isinstance(document, bool):
        return "true" if document else "false"
    return str(document)


def _value_string(legacy: bool) -> Callable[[str, str], str | None]:
    return lambda text, path: _scalar_text(json_text.extract(text, json_text.path(path, legacy)))


def _value_json(legacy: bool) -> Callable[[str, str], str | None]:
    return lambda text, path: _scalar_text(
        json_text.at_path(json_text.read(text), json_text.path(path, legacy))
    )


def _elements(found: Any, string: Callable[[str], str]) -> list[str] | None:
    if isinstance(found, Object) or not isinstance(found, list):
        return None
    return [json_text.write(item, string) for item in found]


def _scalars(found: Any) -> list[str | None] | None:
    if isinstance(found, Object) or not isinstance(found, list) or any(isinstance(v, list) for v in found):
        return None
    return [_scalar_text(item) for item in found]


def _query_array_string(legacy: bool) -> Callable[[str, str], list[str] | None]:
    return lambda text, path: _elements(
        json_text.extract(text, json_text.path(path, legacy)), json_text.quote_text
    )


def _query_array_json(legacy: bool) -> Callable[[str, str], list[str] | None]:
    return lambda text, path: _elements(
        json_text.at_path(json_text.read(text), json_text.path(path, legacy)), json_text.quote
    )


def _value_array_string(legacy: bool) -> Callable[[str, str], list[str | None] | None]:
    return lambda text, path: _scalars(json_text.extract(text, json_text.path(path, legacy)))


def _value_array_json(legacy: bool) -> Callable[[str, str], list[str | None] | None]:
    return lambda text, path: _scalars(json_text.at_path(json_text.read(text), json_text.path(path, legacy)))


_EXTRACTIONS = (
    ("query_string", "VARCHAR", _query_string),
    ("query_json", "VARCHAR", _query_json),
    ("value_string", "VARCHAR", _value_string),
    ("value_json", "VARCHAR", _value_json),
    ("query_array_string", "VARCHAR[]", _query_array_string),
    ("query_array_json", "VARCHAR[]", _query_array_json),
    ("value_array_string", "VARCHAR[]", _value_array_string),
    ("value_array_json", "VARCHAR[]", _value_array_json),
)


def _member(text: str, key: str) -> str | None:
    document = json_text.read(text)
    found = document.find(key) if isinstance(document, Object) else MISSING
    return None if found is MISSING else json_text.write(found)


def _element(text: str, index: int) -> str | None:
    document = json_text.read(text)
    if isinstance(document, Object) or not isinstance(document, list) or not 0 <= index < len(document):
        return None
    return json_text.write(document[index])


# Strict conversions of one document.


def _not(what: str) -> Exception:
    return invalid_query(f"The provided JSON input is not {what}")


def _int64(document: Any) -> int:
    if not isinstance(document, Number):
        raise _not("an integer")
    value = _whole(document)
    if value is None:
        raise invalid_query(f"The provided JSON number: {document} cannot be converted to an int64")
    if not -(1 << 63) <= value < 1 << 63:
        if document.lstrip("-").isdigit():
            raise _not("an integer")
        raise invalid_query(f"The provided JSON number: {document} cannot be converted to an int64")
    return value


def _whole(number: str) -> int | None:
    if number.lstrip("-").isdigit():
        return int(number)
    value = float(number)
    return int(value) if value.is_integer() else None


def _float64(document: Any) -> float:
    if not isinstance(document, Number):
        raise _not("a number")
    return float(document)


def _float64_exact(document: Any) -> float:
    value = _float64(document)
    if document.lstrip("-").isdigit() and int(value) != int(document):
        raise invalid_query(
            f"JSON number: {document} cannot be converted to FLOAT64 without loss of precision"
        )
    return value


def _bool(document: Any) -> bool:
    if not isinstance(document, bool):
        raise _not("a boolean")
    return document


def _string(document: Any) -> str:
    if isinstance(document, Number) or not isinstance(document, str):
        raise _not("a string")
    return str(document)


# Lax conversions: NULL when there is no value.

_DECIMAL = re.compile(r"[ \t\r\n\v\f]*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[ \t\r\n\v\f]*", re.ASCII)
_HEX = re.compile(r"[ \t\r\n\v\f]*([+-]?)0[xX]([0-9a-fA-F]+)[ \t\r\n\v\f]*", re.ASCII)
_SPECIAL = re.compile(r"[ \t\r\n\v\f]*([+-]?)(inf|infinity|nan)[ \t\r\n\v\f]*", re.IGNORECASE | re.ASCII)


def _rounded(text: str) -> int | None:
    """A decimal number rounded half away from zero, None when it is not an INT64."""
    from decimal import ROUND_HALF_UP, Decimal

    value = Decimal(text)
    if value.adjusted() > 19:
        return None
    whole = int(value.to_integral_value(ROUND_HALF_UP))
    return whole if -(1 << 63) <= whole < 1 << 63 else None


def _lax_int64(document: Any) -> int | None:
    if isinstance(document, bool):
        return int(document)
    if isinstance(document, Number):
        return _rounded(document)
    if isinstance(document, str) and _DECIMAL.fullmatch(document):
        return _rounded(document.strip())
    return None


def _lax_float64(document: Any) -> float | None:
    if isinstance(document, Number):
        return float(document)
    if isinstance(document, bool) or not isinstance(document, str):
        return None
    if _DECIMAL.fullmatch(document):
        return float(document)
    hexadecimal = _HEX.fullmatch(document)
    if hexadecimal is not None:
        value = float(int(hexadecimal[2], 16))
        return -value if hexadecimal[1] == "-" else value
    return float(document) if _SPECIAL.fullmatch(document) else None


def _lax_bool(document: Any) -> bool | None:
    if isinstance(document, bool):
        return document
    if isinstance(document, Number):
        return float(document) != 0
    if isinstance(document, str):
        return {"true": True, "false": False}.get(document.lower())
    return None


def _lax_string(document: Any) -> str | None:
    if isinstance(document, Number) and not document.lstrip("-").isdigit():
        # As many digits as a cast of FLOAT64 to STRING gives.
        value = float(document)
        short = f"{value:.15g}"
        return "0" if value == 0 else short if float(short) == value else f"{value:.17g}"
    return _scalar_text(document)


_CONVERSIONS: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("int64", "BIGINT", _int64),
    ("float64", "DOUBLE", _float64),
    ("float64_exact", "DOUBLE", _float64_exact),
    ("bool", "BOOLEAN", _bool),
    ("string", "VARCHAR", _string),
    ("lax_int64", "BIGINT", _lax_int64),
    ("lax_float64", "DOUBLE", _lax_float64),
    ("lax_bool", "BOOLEAN", _lax_bool),
    ("lax_string", "VARCHAR", _lax_string),
)


def _of_document(convert: Callable[[Any], Any]) -> Callable[[str], Any]:
    return lambda text: convert(json_text.read(text))


def _of_elements(convert: Callable[[Any], Any], lax: bool) -> Callable[[str], Any]:
    def convert_all(text: str) -> Any:
        document = json_text.read(text)
        if isinstance(document, Object) or not isinstance(document, list):
            if lax:
                return None
            raise _not("an array")
        return [convert(item) for item in document]

    return convert_all


def _parse(text: str, mode: str) -> str:
    if mode not in ("exact", "round"):
        raise invalid_query(f"Invalid `wide_number_mode` specified for PARSE_JSON: {mode}")
    return json_text.parse(text, mode == "exact")


def _parse_or_null(text: str, mode: str) -> str | None:
    try:
        return _parse(text, mode)
    except BigQueryError:
        return None


def _double(value: float) -> str:
    if math.isnan(value):
        return '"NaN"'
    if math.isinf(value):
        return '"Infinity"' if value > 0 else '"-Infinity"'
    return json_text.double_text(value)


def _number(text: str, stringify: bool) -> str:
    """The JSON number of a decimal's text; one that FLOAT64 would change is a string with ``stringify``."""
    from decimal import Decimal

    if stringify and Decimal(text) != Decimal(float(text)) and not _round_trips(text):
        return f'"{text}"'
    return json_text.number(text, exact=False)


def _round_trips(text: str) -> bool:
    from decimal import Decimal

    return Decimal(repr(float(text))) == Decimal(text)


def _pretty(text: str) -> str:
    return _indented(json_text.read(text), 0)


def _indented(document: Any, depth: int) -> str:
    if not isinstance(document, list) or not document:
        return json_text.write(document, json_text.quote_text)
    pad = "  " * (depth + 1)
    if isinstance(document, Object):
        items = [f"{json_text.quote_text(k)}: {_indented(v, depth + 1)}" for k, v in document]
        opening, closing = "{", "}"
    else:
        items = [_indented(v, depth + 1) for v in document]
        opening, closing = "[", "]"
    inner = ",\n".join(pad + item for item in items)
    return f"{opening}\n{inner}\n{'  ' * depth}{closing}"


V, B = "VARCHAR", "BOOLEAN"

KERNELS = (
    *(
        json_parts.extraction(f"bq_json_{dialect}{name}", name, returns, make(legacy), legacy)
        for name, returns, make in _EXTRACTIONS
        for dialect, legacy in (("", False), ("legacy_", True))
    ),
    json_parts.member("bq_json_member", _member),
    json_parts.element("bq_json_element", _element),
    *(rowwise(f"bq_json_any_{name}", (V,), returns, _of_document(f)) for name, returns, f in _CONVERSIONS),
    *(
        rowwise(f"bq_json_any_{name}_array", (V,), f"{returns}[]", _of_elements(f, name.startswith("lax")))
        for name, returns, f in _CONVERSIONS
    ),
    json_parts.parsing("bq_parse_json", _parse),
    json_parts.parsing("bq_safe_parse_json", _parse_or_null),
    rowwise("bq_json_shown_double", ("DOUBLE",), V, _double),
    rowwise("bq_json_shown_decimal", (V, B), V, _number),
    rowwise("bq_json_quoted", (V,), V, json_text.quote),
    rowwise("bq_json_quoted_text", (V,), V, json_text.quote_text),
    json_splices.pretty("bq_json_pretty", _pretty),
)

# What the engine reads of a document by itself; the condition, then the value.
_INTEGER = "regexp_full_match(x, '-?[0-9]{1,18}')"
_DOUBLE = r"regexp_full_match(x, '-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?')"
_PLAIN_TEXT = r"""starts_with(x, '"') AND NOT contains(x, '\')"""
_INNER = "substring(x, 2, length(x) - 2)"
_NESTED = "x[1] IN ('{', '[')"
_QUICK: dict[str, tuple[tuple[str, str], ...]] = {
    "int64": ((_INTEGER, "CAST(x AS BIGINT)"),),
    "float64": ((_DOUBLE, "CAST(x AS DOUBLE)"),),
    "float64_exact": ((f"(length(x) <= 15 OR contains(x, '.')) AND {_DOUBLE}", "CAST(x AS DOUBLE)"),),
    "bool": (("x = 'true'", "true"), ("x = 'false'", "false")),
    "string": ((_PLAIN_TEXT, _INNER),),
    "lax_int64": (
        (_INTEGER, "CAST(x AS BIGINT)"),
        ("""regexp_full_match(x, '"-?[0-9]{1,18}"')""", f"CAST({_INNER} AS BIGINT)"),
        (_NESTED, "NULL"),
    ),
    "lax_float64": (
        (_DOUBLE, "CAST(x AS DOUBLE)"),
        (r"""regexp_full_match(x, '"-?[0-9]{1,18}(\.[0-9]{1,18})?"')""", f"CAST({_INNER} AS DOUBLE)"),
        (_NESTED, "NULL"),
    ),
    "lax_bool": (
        ("x = 'true'", "true"),
        ("x = 'false'", "false"),
        (_DOUBLE, "CAST(x AS DOUBLE) <> 0"),
        (_NESTED, "NULL"),
    ),
    "lax_string": ((_PLAIN_TEXT, _INNER), (f"{_INTEGER} OR x IN ('true', 'false')", "x"), (_NESTED, "NULL")),
}


def _quick(name: str) -> tuple[str, str]:
    whens = " ".join(f"WHEN {condition} THEN {value}" for condition, value in _QUICK[name])
    return (
        f"CREATE MACRO bq_json_to_{name}(x) AS CASE {whens} ELSE bq_json_any_{name}(x) END",
        f"""CREATE MACRO bq_json_to_{name}_array(x) AS CASE WHEN starts_with(x, '[')
            THEN list_transform(bq_json_query_array_json(x, '$'), lambda e: bq_json_to_{name}(e))
            ELSE bq_json_any_{name}_array(x) END""",
    )


MACROS = (
    *(sql for name, _, _ in _CONVERSIONS for sql in _quick(name)),
    """CREATE MACRO bq_json_type(x) AS CASE x[1] WHEN '{' THEN 'object' WHEN '[' THEN 'array'
        WHEN '"' THEN 'string' WHEN 'n' THEN 'null' WHEN 't' THEN 'boolean' WHEN 'f' THEN 'boolean'
        ELSE 'number' || x[:0] END""",
    r"""CREATE MACRO bq_json_string(x) AS CASE WHEN regexp_matches(x, '[\x00-\x1f"\\]') THEN bq_json_quoted(x)
        ELSE '"' || x || '"' END""",
    r"""CREATE MACRO bq_json_string_text(x) AS CASE
        WHEN regexp_matches(x, '[\x00-\x1f"\\\x{2028}\x{2029}]') THEN bq_json_quoted_text(x)
        ELSE '"' || x || '"' END""",
    """CREATE MACRO bq_json_double(x) AS CASE WHEN x = 0 THEN '0.0' WHEN abs(x) >= 0.0001 AND abs(x) < 1e15
        THEN CAST(x AS VARCHAR) ELSE bq_json_shown_double(x) END""",
    # Numbers of up to 15 digits are FLOAT64's as well.
    """CREATE MACRO bq_json_decimal(x, stringify) AS CASE
        WHEN stringify IS NOT NULL AND regexp_full_match(x, '-?[1-9][0-9]{0,14}|0') THEN x
        WHEN stringify IS NOT NULL AND length(x) <= 16
            AND regexp_full_match(x, '-?(0[.]0{0,3}[1-9]([0-9]*[1-9])?|[1-9][0-9]*[.][0-9]*[1-9])') THEN x
        ELSE bq_json_shown_decimal(x, stringify) END""",
    # A decimal's text: as it is when FLOAT64 holds it and it is short enough to be told so, else quoted.
    """CREATE MACRO bq_json_wide_text(s) AS
       CASE WHEN regexp_full_match(s, '-?[0-9]+') AND abs(CAST(s AS DECIMAL(38,0))) <= 9007199254740992 THEN s
            ELSE '"' || s || '"' END""",
    # A scalar at ``place``, the engine's form of ``path``; the engine would change fractions and NUL.
    r"""CREATE MACRO bq_json_plain_value(x, place, path) AS
        CASE WHEN contains(x, '\u0000') THEN bq_json_value_json(x, path)
             ELSE CASE json_type(x, place)
                  WHEN 'VARCHAR' THEN json_extract_string(x, place)
                  WHEN 'BIGINT' THEN json_extract_string(x, place)
                  WHEN 'UBIGINT' THEN json_extract_string(x, place)
                  WHEN 'BOOLEAN' THEN json_extract_string(x, place)
                  WHEN 'DOUBLE' THEN bq_json_value_json(x, path) END END""",
)
