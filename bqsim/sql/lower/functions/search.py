"""SEARCH, TEXT_ANALYZE and BAG_OF_WORDS, and what the bodies of builtin table functions call."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import expressions as exp

from bqsim.errors import invalid_query, unsupported
from bqsim.sql.googlesql.resolved import unwrap
from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import ANY, NOT_LITERAL, AggregateCall, FunctionCall, aggregate, fn
from bqsim.types import (
    DATE,
    DATETIME,
    FLOAT64,
    INT64,
    INTERVAL,
    NUMERIC,
    STRING,
    TIMESTAMP,
    Type,
    TypeKind,
    array_of,
)

from .search_query import (
    DEFAULT_PATTERN,
    NO_OP,
    PATTERN,
    Analyzer,
    Filter,
    Logic,
    Term,
    analyzer_of,
    parse_query,
)

_NAMES = {
    "search": ("json_scope", "analyzer", "analyzer_options"),
    "text_analyze": ("analyzer", "analyzer_options"),
}
_SCOPES = ("JSON_VALUES", "JSON_KEYS", "JSON_KEYS_AND_VALUES")
_NEWLINE = "\n"
# Stands for the text in the engine's test of one.
_TEXT = "\x02"


def _constant(call: FunctionCall, index: int, what: str) -> Any:
    """A constant argument: a literal, a parameter or texts of these put together."""
    value = call.literals[index]
    if value is NOT_LITERAL and index < len(call.node.parent.argument_list):
        value = _folded(call, call.node.parent.argument_list[index])
    if value is NOT_LITERAL:
        raise unsupported(f"{call.name.upper()} with {what} that is not a literal or parameter")
    return value


def _folded(call: FunctionCall, node: Any) -> Any:
    from bqsim.sql.lower.expressions import known_value

    node = unwrap(node)
    value = known_value(call.context, node)
    name = node.parent.function.name if node.DESCRIPTOR.name == "ResolvedFunctionCallProto" else ""
    if value is not NOT_LITERAL or name not in ("ZetaSQL:concat", "ZetaSQL:$concat_op"):
        return value
    parts = [_folded(call, a) for a in node.parent.argument_list]
    if not all(p is None or isinstance(p, str) for p in parts):
        return NOT_LITERAL
    return None if None in parts else "".join(parts)


def _options(call: FunctionCall, required: int) -> dict[str, Any]:
    """The optional arguments by name: the analyzer gives omitted ones as NULL literals of their type."""
    names = _NAMES[call.name]
    given = call.literals[required:]
    found = {}
    signature = call.node.parent.signature.argument
    shown = [a.options.argument_name for a in signature[required:]]
    for index, value in enumerate(given):
        name = shown[index] if index < len(shown) and shown[index] else names[index]
        found[name] = _constant(call, required + index, name) if value is NOT_LITERAL else value
    return found


# Tokens


def _text_analyze(call: FunctionCall) -> exp.Expression:
    options = _options(call, 1)
    analyzer = analyzer_of(options.get("analyzer"), options.get("analyzer_options"), "TEXT_ANALYZE")
    return tokens(call.args[0], analyzer)


def tokens(text: exp.Expression, analyzer: Analyzer) -> exp.Expression:
    """The tokens of a text as a list."""
    if analyzer.name == NO_OP:
        return nodes.template("CASE WHEN {0} IS NOT NULL THEN [{0}] END", text)
    filters = analyzer.filters
    if filters and _lowers_first(analyzer):
        text, filters = nodes.template(_ASCII_LOWER, text), filters[1:]
    if analyzer.name == PATTERN:
        found = nodes.template("regexp_extract_all({0}, {1})", text, nodes.text(analyzer.pattern))
    else:
        found = nodes.template(
            "string_split(regexp_replace({0}, {1}, chr(10), 'g'), chr(10))",
            nodes.template("replace({0}, chr(10), chr(1))", text)
            if "\n" not in analyzer.delimiters
            else text,
            nodes.text(_alternatives(analyzer)),
        )
        if "\n" not in analyzer.delimiters:
            found = nodes.template("list_transform({0}, lambda t: replace(t, chr(1), chr(10)))", found)
    if analyzer.name != PATTERN or analyzer.pattern != DEFAULT_PATTERN:
        found = nodes.template("list_filter({0}, lambda t: t <> '')", found)
    for one in filters:
        found = _filtered(found, one)
    return found


def _lowers_first(analyzer: Analyzer) -> bool:
    """Whether the first filter puts ASCII letters in lower case and none of them decides where tokens end, so
    that the whole text may be put so at once."""
    first = analyzer.filters[0]
    if first.stop_words or first.mode != "LOWER":
        return False
    if analyzer.name == PATTERN:
        return analyzer.pattern == DEFAULT_PATTERN
    return not any(c.isalpha() for delimiter in analyzer.delimiters for c in delimiter)


def _alternatives(analyzer: Analyzer) -> str:
    return f"(?:{'|'.join(map(re.escape, analyzer.delimiters))})+"


def _filtered(found: exp.Expression, one: Filter) -> exp.Expression:
    if one.stop_words:
        words = nodes.joined("[", ", ", [nodes.text(w) for w in one.stop_words], "]")
        return nodes.template("list_filter({0}, lambda t: NOT list_contains({1}, t))", found, words)
    form = _NORMALIZE[one.mode]
    if form is None:
        return found
    if one.mode == "ICU_NORMALIZE":
        name = "bq_normalize_and_casefold" if one.folds else "bq_normalize"
        form = f"{name}(t, '{one.form}')"
    return nodes.template(f"list_transform({{0}}, lambda t: {form})", found)


_ASCII_LOWER = "translate({0}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')"
_NORMALIZE: dict[str, str | None] = {
    "NONE": None,
    "LOWER": _ASCII_LOWER.replace("{0}", "t"),
    "UNICODE_LOWER": "bq_lower(t)",
    "ICU_NORMALIZE": "",
}


def python_tokens(text: str, analyzer: Analyzer) -> list[str]:
    """The tokens of a term of a search query."""
    if analyzer.name == PATTERN:
        try:
            found = [m[0] for m in re.finditer(analyzer.pattern, text, re.ASCII)]
        except re.error:
            raise invalid_query("Invalid analyzer_options in SEARCH: invalid regular expression") from None
    else:
        found = re.split(_alternatives(analyzer), text)
    found = [t for t in found if t]
    for one in analyzer.filters:
        found = (
            [t for t in found if t not in one.stop_words]
            if one.stop_words
            else [_normal(t, one) for t in found]
        )
    return found


def _normal(token: str, one: Filter) -> str:
    import unicodedata

    if one.mode == "LOWER":
        return "".join(c.lower() if c.isascii() else c for c in token)
    if one.mode == "UNICODE_LOWER":
        return token.lower()
    if one.mode == "ICU_NORMALIZE":
        form: Any = one.form
        normal = unicodedata.normalize(form, token)
        return unicodedata.normalize(form, normal.casefold()) if one.folds else normal
    return token


# SEARCH


def _search(call: FunctionCall) -> exp.Expression:
    query = _constant(call, 1, "a search query")
    if query is None:
        raise invalid_query("The search query of SEARCH must not be NULL")
    options = _options(call, 2)
    scope = options.get("json_scope") or _SCOPES[0]
    if scope not in _SCOPES:
        raise invalid_query(f"Invalid json_scope '{scope}' in SEARCH")
    analyzer = analyzer_of(options.get("analyzer"), options.get("analyzer_options"), "SEARCH")
    test = _test(query, analyzer)
    found = _value(call.args[0], call.types[0], scope, test, 0)
    return found if found is not None else nodes.raw("false")


def _test(query: str, analyzer: Analyzer) -> str:
    """The engine's test of one text, which :data:`_TEXT` stands for."""
    if analyzer.name == NO_OP:
        return f"({_TEXT} = ({_quote(query)}))"
    logic = parse_query(query)
    sources: dict[str, str] = {}
    test = None if logic is None else _condition(logic, analyzer, sources)
    if test is None:
        raise invalid_query("The search query of SEARCH contains no search tokens")
    fields = ", ".join(f"{name}: {sql}" for name, sql in sources.items())
    return f"list_transform([{{{fields}}}], lambda s: {test})[1]"


def _quote(text: str) -> str:
    return nodes.quote(text).replace(_TEXT, "' || chr(2) || '")


def _condition(logic: Any, analyzer: Analyzer, sources: dict[str, str]) -> str | None:
    if isinstance(logic, Logic):
        parts = [p for p in (_condition(part, analyzer, sources) for part in logic.parts) if p is not None]
        return f"({f' {logic.operator} '.join(parts)})" if parts else None
    term: Term = logic
    if term.kind == "EXACT":
        sources["x"] = _TEXT
        sides = f"(?:{'|'.join(map(re.escape, analyzer.delimiters))})"
        pattern = f"(?s)(?:\\A|{sides}){re.escape(term.text)}(?:{sides}|\\z)"
        if analyzer.name == PATTERN:
            pattern = f"(?s){re.escape(term.text)}"
        return f"regexp_matches(s.x, {_quote(pattern)})"
    found = python_tokens(term.text, analyzer)
    if not found:
        return None
    sources["t"] = _joined_tokens(analyzer)
    runs = [found] if term.kind == "PHRASE" else [[token] for token in found]
    tests = [f"contains(s.t, {_quote(_NEWLINE + _NEWLINE.join(run) + _NEWLINE)})" for run in runs]
    return f"({' AND '.join(tests)})"


def _joined_tokens(analyzer: Analyzer) -> str:
    """The tokens of the text :data:`_TEXT`, each between line feeds."""
    plain = analyzer.name != PATTERN and "\n" in analyzer.delimiters
    if plain and all(not f.stop_words and f.mode in ("NONE", "LOWER") for f in analyzer.filters):
        text = f"regexp_replace({_TEXT}, {_quote(_alternatives(analyzer))}, chr(10), 'g')"
        if any(f.mode == "LOWER" for f in analyzer.filters):
            text = _ASCII_LOWER.replace("{0}", text)
        return f"chr(10) || {text} || chr(10)"
    listed = nodes.render(tokens(nodes.raw(_TEXT), analyzer))
    return f"chr(10) || array_to_string({listed}, chr(10)) || chr(10)"


def _fill(test: str, value: exp.Expression) -> exp.Expression:
    parts: list[Any] = []
    for i, piece in enumerate(test.split(_TEXT)):
        parts += [piece] if i == 0 else [value, piece]
    return exp.Block(expressions=parts)


def _value(value: exp.Expression, type_: Type, scope: str, test: str, depth: int) -> exp.Expression | None:
    """Whether a text somewhere in a value passes: NULL when none does and one is NULL; None without texts."""
    if type_.kind is TypeKind.STRING:
        return _fill(test, value)
    if type_.kind is TypeKind.JSON:
        texts = nodes.template(f"bq_json_texts({{0}}, '{scope}')", value)
        return _any(texts, nodes.raw(f"j{depth}"), STRING, scope, test, depth, "j")
    if type_.kind is TypeKind.ARRAY and type_.element is not None:
        return _any(value, nodes.raw(f"e{depth}"), type_.element, scope, test, depth, "e")
    if type_.is_struct:
        parts = [
            _value(nodes.template(f"struct_extract({{0}}, '_{i}')", value), f.type, scope, test, depth)
            for i, f in enumerate(type_.fields, 1)
        ]
        found = [p for p in parts if p is not None]
        return nodes.joined("(", " OR ", found, ")") if found else None
    return None


def _any(
    values: exp.Expression, item: exp.Expression, type_: Type, scope: str, test: str, depth: int, letter: str
) -> exp.Expression | None:
    inner = _value(item, type_, scope, test, depth + 1)
    if inner is None:
        return None
    listed = nodes.template(f"list_transform({{0}}, lambda {letter}{depth}: {{1}})", values, inner)
    return nodes.template("coalesce(list_bool_or({0}), CASE WHEN len({0}) = 0 THEN false END)", listed)


# What the bodies of table functions call


def _buckets(call: FunctionCall) -> exp.Expression:
    type_ = call.types[0]
    origin = call.args[3] if len(call.args) > 3 else nodes.raw("TIMESTAMP '1950-01-01'")
    name = {DATE: "date", DATETIME: "datetime", TIMESTAMP: "timestamp"}[type_]
    return nodes.call(f"bq_{name}_buckets", *call.args[:3], origin)


def _interpolate(call: FunctionCall) -> exp.Expression:
    times = [nodes.template("epoch_us(CAST({0} AS TIMESTAMP))", a) for a in call.args[2:]]
    name = {INT64: "int64", FLOAT64: "float64", NUMERIC: "numeric"}[call.types[0]]
    return nodes.call(f"bq_interpolate_{name}", *call.args[:2], *times)


def _nearest(call: AggregateCall) -> exp.Expression:
    return nodes.template("arg_min({_1: {0}, _2: {1}}, {1}, {2})", *call.args)


_VECTOR = array_of(FLOAT64)
FUNCTIONS = [
    fn("search", (ANY, STRING, STRING, STRING, STRING), build=_search, optional=3),
    fn("text_analyze", (STRING, STRING, STRING), build=_text_analyze, optional=2),
    fn("bag_of_words", (array_of(STRING),), sql="bq_bag_of_words({0})"),
    *(fn("$buckets", (t, t, INTERVAL, t), build=_buckets, optional=1) for t in (DATE, DATETIME, TIMESTAMP)),
    *(fn("$interpolate", (t, t, ANY, ANY, ANY), build=_interpolate) for t in (INT64, FLOAT64, NUMERIC)),
    fn("$vector", (_VECTOR,), sql="bq_vector({0})"),
    fn("$euclidean", (_VECTOR, _VECTOR), sql="bq_vector_euclidean({0}, {1})"),
    fn("$cosine", (_VECTOR, _VECTOR), sql="bq_vector_cosine({0}, {1})"),
    fn("$dot_product", (_VECTOR, _VECTOR), sql="bq_vector_dot_product({0}, {1})"),
]
AGGREGATES = [aggregate("$nearest", (INT64, FLOAT64, INT64), build=_nearest, window=False)]
