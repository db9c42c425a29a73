"""Preprocessing functions of BigQuery ML, but for those over a dictionary of terms (``lower.encoders``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import expressions as exp

from bqsim.errors import invalid_query
from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import NOT_LITERAL, AggregateCall, FunctionCall, Unsupported, Window, fn
from bqsim.types import BIGNUMERIC, BOOL, FLOAT64, INT64, NUMERIC, STRING, Type, array_of

_VECTORS = tuple(array_of(t) for t in (FLOAT64, INT64, NUMERIC, BIGNUMERIC))
_FORMATS = {"bucket_names": "names", "bucket_ranges": "ranges", "bucket_ranges_json": "ranges_json"}


def _doubles(value: exp.Expression, type_: Type) -> exp.Expression:
    """A vector of numbers as one of FLOAT64."""
    element = type_.element
    assert element is not None
    if element == FLOAT64:
        return value
    cast = f"bq_cast_{element.kind.lower()}_to_float64(x)"
    return nodes.template(f"list_transform({{0}}, lambda x: {cast})", value)


def _constant(value: Any, name: str, what: str, default: Any = None) -> Any:
    if value is NOT_LITERAL:
        raise Unsupported(f"{name.upper()} with {what} that is not a literal or parameter")
    return default if value is None else value


def _given(call: FunctionCall | AggregateCall, index: int, what: str, default: Any) -> Any:
    """An optional constant argument."""
    if index >= len(call.literals):
        return default
    return _constant(call.literals[index], call.name, what, default)


# Vectors and texts


def _ngrams(call: FunctionCall) -> exp.Expression:
    separator = _given(call, 2, "a separator", " ")
    return nodes.call("bq_ml_ngrams", *call.args[:2], nodes.text(separator))


def _lp_norm(call: FunctionCall) -> exp.Expression:
    return nodes.call("bq_ml_lp_norm", _doubles(call.args[0], call.types[0]), call.args[1])


def _normalizer(call: FunctionCall) -> exp.Expression:
    degree = call.args[1] if len(call.args) > 1 else nodes.raw("2")
    return nodes.call("bq_ml_normalizer", _doubles(call.args[0], call.types[0]), degree)


def _distance(call: FunctionCall) -> exp.Expression:
    kind = _given(call, 2, "a type", "EUCLIDEAN")
    if str(kind).upper() not in ("EUCLIDEAN", "MANHATTAN", "COSINE"):
        raise invalid_query(f"Invalid distance type '{kind}' in ML.DISTANCE")
    vectors = [_doubles(a, t) for a, t in zip(call.args[:2], call.types, strict=False)]
    return nodes.call(f"bq_vector_{kind.lower()}", *vectors)


# Buckets


def _format(call: FunctionCall | AggregateCall, index: int) -> str:
    word = _given(call, index, "an output format", "bucket_names")
    found = _FORMATS.get(word.lower())
    if found is None:
        raise invalid_query(
            f"Invalid output_format '{word}' in {call.name.upper()}: it must be one of {', '.join(_FORMATS)}"
        )
    return f"bq_ml_bucket_{found}"


def _bucketize(call: FunctionCall) -> exp.Expression:
    exclude = _given(call, 2, "a value of exclude_boundaries", False)
    points = nodes.call("bq_ml_split_points", _doubles(call.args[1], call.types[1]))
    if exclude:
        points = nodes.template("({0})[2:-2]", points)
    return _bucket(call, 3, points)


def _bucket(call: FunctionCall | AggregateCall, index: int, points: exp.Expression) -> exp.Expression:
    shown = _format(call, index)
    return nodes.call(shown, nodes.call("bq_ml_bucket", call.args[0], points), points)


def _quantile_bucketize(call: AggregateCall) -> exp.Expression:
    """Split at exact quantiles, where the service's are approximate."""
    number = _given(call, 1, "a number of buckets", None)
    if number is None or number < 1:
        raise invalid_query("Argument num_buckets of ML.QUANTILE_BUCKETIZE must be a positive integer")
    shares = ", ".join(_share(i, number) for i in range(1, number))
    points = _quantile(call, f"[{shares}]") if shares else nodes.raw("CAST([] AS DOUBLE[])")
    return _bucket(call, 2, points)


def _share(part: int, whole: int) -> str:
    """A share of the rows: the value at ceil(part * rows / whole) has it, so it must not be rounded up."""
    return f"{part / whole * (1 - 1e-13)!r}::DOUBLE"


def _quantile(call: AggregateCall, share: str) -> exp.Expression:
    return nodes.template(f"quantile_disc({{0}}, {share}) OVER ({{1}})", call.args[0], call.over)


# Scalers and imputers


def _scaler(sql: str) -> Callable[[AggregateCall], exp.Expression]:
    """A window function of all rows: ``{0}`` is the value, ``{1}`` the window."""

    def build(call: AggregateCall) -> exp.Expression:
        return nodes.template(sql, call.args[0], call.over)

    return build


def _robust_scaler(call: AggregateCall) -> exp.Expression:
    bounds = _given(call, 1, "a quantile range", [25, 75])
    median = _given(call, 2, "a value of with_median", True)
    scaled = _given(call, 3, "a value of with_quantile_range", True)
    if len(bounds) != 2 or None in bounds or not 0 < bounds[0] < bounds[1] < 100:
        raise invalid_query(
            "Argument quantile_range of ML.ROBUST_SCALER must be an array of two integers [lower, upper] "
            "with 0 < lower < upper < 100"
        )
    value = call.args[0]
    if median:
        value = nodes.template("({0} - {1})", value, _quantile(call, _share(50, 100)))
    if not scaled:
        return value
    low, high = (_quantile(call, _share(b, 100)) for b in bounds)
    return nodes.template("({0} / nullif({1} - {2}, 0))", value, high, low)


def _imputer(call: AggregateCall) -> exp.Expression:
    strategy = _given(call, 1, "a strategy", None)
    word = str(strategy).lower()
    if word not in ("mean", "median", "most_frequent"):
        raise invalid_query(
            f"Invalid strategy '{strategy}' in ML.IMPUTER: it must be one of mean, median, most_frequent"
        )
    if call.types[0] == STRING:
        raise invalid_query(f"Strategy '{word}' in ML.IMPUTER is only supported for numerical expressions")
    found = (
        _quantile(call, _share(50, 100))
        if word == "median"
        else nodes.template("avg({0}) OVER ({1})", call.args[0], call.over)
    )
    return nodes.template("coalesce({0}, {1})", call.args[0], found)


WINDOWS = [
    *(
        Window(f"ml.{name}_scaler", (FLOAT64,), _scaler(sql), frame=False)
        for name, sql in (
            (
                "min_max",
                "(({0} - min({0}) OVER ({1})) / nullif(max({0}) OVER ({1}) - min({0}) OVER ({1}), 0))",
            ),
            ("max_abs", "({0} / nullif(max(abs({0})) OVER ({1}), 0))"),
            ("standard", "(({0} - avg({0}) OVER ({1})) / nullif(stddev_pop({0}) OVER ({1}), 0))"),
        )
    ),
    Window(
        "ml.robust_scaler", (FLOAT64, array_of(INT64), BOOL, BOOL), _robust_scaler, optional=3, frame=False
    ),
    *(Window("ml.imputer", (t, STRING), _imputer, frame=False) for t in (FLOAT64, STRING)),
    Window("ml.quantile_bucketize", (FLOAT64, INT64, STRING), _quantile_bucketize, optional=1, frame=False),
]
FUNCTIONS = [
    fn("ml.ngrams", (array_of(STRING), array_of(INT64), STRING), build=_ngrams, optional=1),
    *(fn("ml.lp_norm", (v, FLOAT64), build=_lp_norm) for v in _VECTORS),
    *(fn("ml.normalizer", (v, FLOAT64), build=_normalizer, optional=1) for v in _VECTORS),
    *(fn("ml.distance", (v, v, STRING), build=_distance, optional=1) for v in _VECTORS),
    *(fn("ml.bucketize", (FLOAT64, v, BOOL, STRING), build=_bucketize, optional=2) for v in _VECTORS),
    fn(
        "ml.hash_bucketize",
        (STRING, INT64),
        sql="bq_ml_hash_bucketize(bq_farm_fingerprint(encode({0})), {1})",
    ),
]
