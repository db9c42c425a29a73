"""JSON functions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlglot import expressions as exp

from bqsim.sql.lower import nodes
from bqsim.sql.lower.casts import cast_template
from bqsim.sql.lower.registry import ANY, FunctionCall, Unsupported, fn
from bqsim.types import BOOL, INT64, JSON, STRING, Type, TypeKind

K = TypeKind
Build = Callable[[FunctionCall], exp.Expression]

# Reading parts. The path defaults to the whole document.


_MODIFIERS = ("lax", "recursive")
_PLAIN_PATH = re.compile(r"\$(\.[A-Za-z_][A-Za-z0-9_]*)+", re.ASCII)


def _extraction(kernel: str) -> Build:
    def build(call: FunctionCall) -> exp.Expression:
        path = call.args[1] if len(call.args) > 1 else nodes.text("$")
        literal = str(call.literals[1]) if len(call.args) > 1 else "$"
        if call.name == "json_query" and call.types[0] == JSON and literal.lower().startswith(_MODIFIERS):
            raise Unsupported(f"function {call.name} with a lax path")
        if kernel.endswith("value") and call.types[0] == JSON and _PLAIN_PATH.fullmatch(literal):
            place = nodes.text("$" + "".join(f'."{key}"' for key in literal.split(".")[1:]))
            return nodes.call("bq_json_plain_value", call.args[0], place, path)
        source = "json" if call.types[0] == JSON else "string"
        return nodes.call(f"bq_json_{kernel}_{source}", call.args[0], path)

    return build


_EXTRACTIONS = {
    "json_query": "query",
    "json_value": "value",
    "json_query_array": "query_array",
    "json_value_array": "value_array",
    "json_extract": "legacy_query",
    "json_extract_scalar": "legacy_value",
    "json_extract_array": "legacy_query_array",
    "json_extract_string_array": "legacy_value_array",
}

# Values to JSON text, by type. ``wide`` shows what FLOAT64 cannot hold as a string (TO_JSON_STRING always
# does
# for integers; TO_JSON when asked).

_QUOTED = {
    K.DATE: "'\"' || CAST({0} AS VARCHAR) || '\"'",
    K.TIME: "'\"' || bq_cast_time_to_string({0}) || '\"'",
    K.DATETIME: "'\"' || replace(bq_cast_datetime_to_string({0}), ' ', 'T') || '\"'",
    K.TIMESTAMP: "'\"' || replace(bq_cast_datetime_to_string({0}), ' ', 'T') || 'Z\"'",
    K.BYTES: "'\"' || to_base64({0}) || '\"'",
    K.INTERVAL: "'\"' || bq_interval_iso({0}) || '\"'",
}
_BOTH = {
    **{kind: f"({text})" for kind, text in _QUOTED.items()},
    K.BOOL: "CAST({0} AS VARCHAR)",
    K.JSON: "{0}",
}
_WIDE_INT64 = (
    "CASE WHEN {0} BETWEEN -9007199254740992 AND 9007199254740992 THEN CAST({0} AS VARCHAR) "
    "ELSE '\"' || CAST({0} AS VARCHAR) || '\"' END"
)


def _scalar(kind: TypeKind, text: bool, wide: str) -> str | None:
    """The template of a scalar: for TO_JSON_STRING (``text``), or TO_JSON with ``wide`` numbers as
    strings."""
    if kind in _BOTH:
        return _BOTH[kind]
    if kind is K.STRING:
        return "bq_json_string_text({0})" if text else "bq_json_string({0})"
    if kind is K.INT64:
        narrow = "CAST({0} AS VARCHAR)"
        return (
            _WIDE_INT64
            if text or wide == "true"
            else (narrow if wide == "false" else f"CASE WHEN {wide} THEN {_WIDE_INT64} ELSE {narrow} END")
        )
    if kind is K.GEOGRAPHY:
        return "('\"' || bq_geo_text({0}) || '\"')"
    if kind is K.FLOAT64:
        if not text:
            return "bq_json_double({0})"
        return "CASE WHEN isfinite({0}) THEN bq_cast_float64_to_string({0}) ELSE bq_json_double({0}) END"
    shown = cast_template(Type(kind), STRING) if kind in (K.NUMERIC, K.BIGNUMERIC) else None
    if shown is not None:
        return f"bq_json_wide_text({shown})" if text else f"bq_json_decimal({shown}, {wide})"
    return None


def json_value(value: Any, type_: Type, text: bool, wide: str = "false", depth: int = 0) -> exp.Expression:
    """The JSON text of a value, ``null`` for NULL; keys in order for a JSON value (``text`` false)."""
    if type_.kind is K.ARRAY:
        assert type_.element is not None
        item = f"j{depth}"
        inner = json_value(nodes.raw(item), type_.element, text, wide, depth + 1)
        shown = nodes.template(
            f"('[' || array_to_string(list_transform({{0}}, lambda {item}: {{1}}), ',') || ']')", value, inner
        )
    elif type_.kind in (K.STRUCT, K.RANGE):
        shown = _object(value, type_, text, wide, depth)
    else:
        template = _scalar(type_.kind, text, wide)
        if template is None:
            raise Unsupported(f"JSON text of {type_}")
        shown = nodes.template(template, value)
    return nodes.template("CASE WHEN {0} IS NULL THEN 'null' ELSE {1} END", value, shown)


def _object(value: Any, type_: Type, text: bool, wide: str, depth: int) -> exp.Expression:
    if type_.kind is K.RANGE:
        assert type_.element is not None
        fields = [("start", "start", type_.element), ("end", "end", type_.element)]
    else:
        fields = [(f.name, f"_{i}", f.type) for i, f in enumerate(type_.fields, 1)]
    if not text:
        first = {name: (name, place, t) for name, place, t in reversed(fields)}
        fields = [first[name] for name in sorted(first, key=str.encode)]
    from bqsim.engine.kernels import json_text

    quote = json_text.quote_text if text else json_text.quote
    parts: list[Any] = ["('{' || "]
    for i, (name, place, field_type) in enumerate(fields):
        key = ("," if i else "") + quote(name) + ":"
        inner = nodes.template(f"struct_extract({{0}}, '{place}')", value)
        parts += [nodes.text(key), " || ", json_value(inner, field_type, text, wide, depth), " || "]
    parts.append("'}')")
    return exp.Block(expressions=parts)


def _to_json_string(call: FunctionCall) -> exp.Expression:
    text = json_value(call.args[0], call.types[0], text=True)
    if len(call.args) == 1 or call.literals[1] is False:
        return text
    if call.types[0] == JSON:
        text = nodes.template("coalesce({0}, 'null')", call.args[0])
    return nodes.template(
        "CASE WHEN {1} THEN bq_json_pretty({0}) WHEN {1} IS NULL THEN NULL ELSE {0} END", text, call.args[1]
    )


def _to_json(call: FunctionCall) -> exp.Expression:
    wide = call.literals[1] if len(call.args) > 1 else False
    if not isinstance(wide, bool):
        raise Unsupported("TO_JSON with a stringify_wide_numbers that is not a literal")
    return json_value(call.args[0], call.types[0], text=False, wide=str(wide).lower())


def as_json(call: FunctionCall, index: int) -> exp.Expression:
    """Argument ``index`` as a JSON value's text."""
    return json_value(call.args[index], call.types[index], text=False)


def _parse_json(call: FunctionCall) -> exp.Expression:
    mode = call.args[1] if len(call.args) > 1 else nodes.text("exact")
    # TRY is slow where many rows fail.
    return nodes.call("bq_safe_parse_json" if call.safe else "bq_parse_json", call.args[0], mode)


# Building.


def _list(items: list[Any], element: str = "VARCHAR") -> exp.Expression:
    return nodes.joined("CAST([", ", ", items, f"] AS {element}[])")


def _json_array(call: FunctionCall) -> exp.Expression:
    items = [as_json(call, i) for i in range(len(call.args))]
    return nodes.template("('[' || array_to_string({0}, ',') || ']')", _list(items))


def _json_object(call: FunctionCall) -> exp.Expression:
    if len(call.args) == 2 and call.types[0].kind is K.ARRAY:
        element = call.types[1].element
        if element is None:
            raise Unsupported("function json_object with values that are not an ARRAY")
        inner = json_value(nodes.raw("v"), element, text=False, depth=1)
        values = nodes.template("list_transform({0}, lambda v: {1})", call.args[1], inner)
        message = "'Invalid input to JSON_OBJECT: The {} array cannot be NULL'"
        keys, vals = (message.format(what) for what in ("keys", "values"))
        return nodes.template(
            f"CASE WHEN {{0}} IS NULL THEN bq_error({keys}) WHEN {{1}} IS NULL THEN bq_error({vals}) "
            "ELSE bq_json_object({0}, {1}) END",
            call.args[0],
            values,
        )
    shown = [as_json(call, i) for i in range(1, len(call.args), 2)]
    keys_given = call.literals[::2]
    if all(isinstance(key, str) for key in keys_given):
        return _members(dict(reversed([*zip(keys_given, shown, strict=True)])))
    return nodes.call("bq_json_object", _list(call.args[::2]), _list(shown))


def _members(members: dict[str, Any]) -> exp.Expression:
    """The text of an object of constant keys."""
    from bqsim.engine.kernels import json_text

    parts: list[Any] = ["('{' || "]
    for i, key in enumerate(sorted(members, key=str.encode)):
        parts += [nodes.text(f"{',' if i else ''}{json_text.quote(key)}:"), " || ", members[key], " || "]
    return exp.Block(expressions=[*parts, "'}')"])


# Changing.


def _pairs(call: FunctionCall) -> list[int]:
    """Indexes of the path arguments: the trailing BOOL is the named option."""
    return list(range(1, len(call.args) - 1, 2))


def _json_set(call: FunctionCall) -> exp.Expression:
    at = _pairs(call)
    values = [as_json(call, i + 1) for i in at]
    return nodes.call(
        "bq_json_set", call.args[0], _list([call.args[i] for i in at]), _list(values), call.args[-1]
    )


def _json_array_change(kernel: str) -> Build:
    def build(call: FunctionCall) -> exp.Expression:
        at = _pairs(call)
        values = [as_json(call, i + 1) for i in at]
        arrays = [nodes.raw("true" if call.types[i + 1].is_array else "false") for i in at]
        paths = [call.args[i] for i in at]
        return nodes.call(
            kernel, call.args[0], _list(paths), _list(values), _list(arrays, "BOOLEAN"), call.args[-1]
        )

    return build


def _json_remove(call: FunctionCall) -> exp.Expression:
    return nodes.call("bq_json_remove", call.args[0], _list(call.args[1:]))


def _float64(suffix: str) -> Build:
    def build(call: FunctionCall) -> exp.Expression:
        mode = call.literals[1] if len(call.args) > 1 else "round"
        exact = {"round": "", "exact": "_exact"}.get(mode) if isinstance(mode, str) else None
        if exact is None:
            raise Unsupported(f"function {call.name} with a wide_number_mode of its own")
        return nodes.call(f"bq_json_to_float64{exact}{suffix}", call.args[0])

    return build


_CONVERTERS = {"int64": INT64, "bool": BOOL, "string": STRING}

FUNCTIONS = [
    *(
        fn(name, (source, STRING), optional=1, build=_extraction(kernel))
        for name, kernel in _EXTRACTIONS.items()
        for source in (JSON, STRING)
    ),
    fn("$subscript", (JSON, STRING), sql="bq_json_member({0}, {1})"),
    fn("$subscript", (JSON, INT64), sql="bq_json_element({0}, {1})"),
    fn("$get_json_field", (JSON, STRING), sql="bq_json_member({0}, {1})"),
    *(
        fn(f"{lax}{name}", (JSON,), sql=f"bq_json_to_{lax}{name}({{0}})")
        for name in _CONVERTERS
        for lax in ("", "lax_")
    ),
    *(
        fn(f"{lax}{name}_array", (JSON,), sql=f"bq_json_to_{lax}{name}_array({{0}})")
        for name in _CONVERTERS
        for lax in ("", "lax_")
    ),
    *(
        fn(name, (JSON, STRING), optional=1, build=_float64(suffix))
        for name, suffix in (
            ("float64", ""),
            ("double", ""),
            ("float64_array", "_array"),
            ("double_array", "_array"),
        )
    ),
    *(
        fn(f"lax_{name}", (JSON,), sql=f"bq_json_to_lax_float64{suffix}({{0}})")
        for name, suffix in (
            ("float64", ""),
            ("double", ""),
            ("float64_array", "_array"),
            ("double_array", "_array"),
        )
    ),
    fn("json_type", (JSON,), sql="bq_json_type({0})"),
    fn("parse_json", (STRING, STRING), optional=1, build=_parse_json),
    fn("to_json", (ANY, BOOL), optional=1, build=_to_json),
    fn("to_json_string", (ANY, BOOL), optional=1, build=_to_json_string),
    fn("json_array", (), repeated=True, build=_json_array),
    fn("json_object", (), repeated=True, build=_json_object),
    fn("json_set", (JSON, STRING, ANY), repeated=True, build=_json_set),
    fn("json_remove", (JSON, STRING), repeated=STRING, build=_json_remove),
    fn(
        "json_array_append",
        (JSON, STRING, ANY),
        repeated=True,
        build=_json_array_change("bq_json_array_append"),
    ),
    fn(
        "json_array_insert",
        (JSON, STRING, ANY),
        repeated=True,
        build=_json_array_change("bq_json_array_insert"),
    ),
    fn("json_strip_nulls", (JSON, STRING, BOOL, BOOL), sql="bq_json_strip_nulls({0}, {1}, {2}, {3})"),
    fn("json_keys", (JSON, INT64, STRING), sql="bq_json_keys({0}, {1}, {2})"),
    fn("json_flatten", (JSON,), sql="bq_json_flatten({0})"),
]
