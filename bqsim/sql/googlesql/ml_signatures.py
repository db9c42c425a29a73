"""Signatures of BigQuery's ML, AI and text analysis functions (their pages in the SQL reference)."""

from __future__ import annotations

from bqsim.types import (
    BIGNUMERIC,
    BOOL,
    FLOAT64,
    INT64,
    JSON,
    NUMERIC,
    STRING,
    Type,
    array_of,
    struct_of,
)

from .opaque import AGGREGATE, ANALYTIC, ARBITRARY, Argument, Opaque, opaque, optional

_STRINGS = array_of(STRING)
_VECTOR = array_of(FLOAT64)
# Arrays are not coerced to arrays of another type.
_VECTORS = tuple(array_of(t) for t in (FLOAT64, INT64, NUMERIC, BIGNUMERIC))
_SPARSE = array_of(struct_of(("index", INT64), ("value", FLOAT64)))


def _any_of(*rows: Opaque) -> Opaque:
    """One function with the signatures of all."""
    whole = rows[0]
    for row in rows[1:]:
        whole = whole.overloaded(row)
    return whole


_DICTIONARY = (optional(INT64, "top_k"), optional(INT64, "frequency_threshold"))
_ROBUST = (
    optional(array_of(INT64), "quantile_range"),
    optional(BOOL, "with_median"),
    optional(BOOL, "with_quantile_range"),
)

PREPROCESSING: tuple[Opaque, ...] = (
    opaque("ml.ngrams", _STRINGS, array_of(INT64), optional(STRING), result=_STRINGS),
    _any_of(*(opaque("ml.lp_norm", v, FLOAT64, result=FLOAT64) for v in _VECTORS)),
    _any_of(*(opaque("ml.normalizer", v, optional(FLOAT64), result=_VECTOR) for v in _VECTORS)),
    _any_of(*(opaque("ml.distance", v, v, optional(STRING), result=FLOAT64) for v in _VECTORS)),
    *(
        opaque(f"ml.{name}_scaler", FLOAT64, result=FLOAT64, mode=ANALYTIC)
        for name in ("min_max", "max_abs", "standard")
    ),
    opaque("ml.robust_scaler", FLOAT64, *_ROBUST, result=FLOAT64, mode=ANALYTIC),
    _any_of(
        *(
            opaque("ml.imputer", t, Argument(STRING, "strategy"), result=t, mode=ANALYTIC)
            for t in (STRING, FLOAT64)
        )
    ),
    _any_of(
        *(
            opaque(
                "ml.bucketize",
                FLOAT64,
                points,
                optional(BOOL, "exclude_boundaries"),
                optional(STRING, "output_format"),
                result=STRING,
            )
            for points in _VECTORS
        )
    ),
    opaque(
        "ml.quantile_bucketize",
        FLOAT64,
        INT64,
        optional(STRING, "output_format"),
        result=STRING,
        mode=ANALYTIC,
    ),
    opaque("ml.hash_bucketize", STRING, INT64, result=INT64),
    opaque("ml.label_encoder", STRING, *_DICTIONARY, result=INT64, mode=ANALYTIC),
    opaque(
        "ml.one_hot_encoder", STRING, optional(STRING, "drop"), *_DICTIONARY, result=_SPARSE, mode=ANALYTIC
    ),
    *(
        opaque(f"ml.{name}", _STRINGS, *_DICTIONARY, result=_SPARSE, mode=ANALYTIC)
        for name in ("multi_hot_encoder", "bag_of_words", "tf_idf")
    ),
    opaque(
        "tf_idf",
        _STRINGS,
        optional(INT64, "max_distinct_tokens"),
        optional(INT64, "frequency_threshold"),
        result=array_of(struct_of(("term", STRING), ("tf_idf", FLOAT64))),
        mode=ANALYTIC,
    ),
)

# AI functions. A prompt is a STRING, or a STRUCT whose fields are put together.

_CONNECTION = ("connection_id", STRING)
_ENDPOINT = ("endpoint", STRING)
_MODEL = (("model_params", JSON), _CONNECTION, ("request_type", STRING))
_RATIO = ("max_error_ratio", FLOAT64)
_OPTIMIZED = (("embeddings", ARBITRARY), ("optimization_mode", STRING), _RATIO)
_PROMPT = Argument(ARBITRARY, "prompt")


def generated(*fields: tuple[str, Type]) -> Type:
    """The STRUCT that a function gives that generates ``fields``."""
    return struct_of(*fields, ("full_response", JSON), ("status", STRING))


GENERATE_ARGUMENTS = (_ENDPOINT, *_MODEL, ("output_schema", STRING))
_CLASSIFIED = (Argument(ARBITRARY, "input"), Argument(ARBITRARY, "categories"))
_CLASSIFY = (
    ("examples", ARBITRARY),
    _CONNECTION,
    _ENDPOINT,
    *_OPTIMIZED,
)
_EMBEDDED = (_ENDPOINT, ("model", STRING), ("model_params", JSON), _CONNECTION)

AI: tuple[Opaque, ...] = (
    opaque("ai.generate", _PROMPT, *GENERATE_ARGUMENTS, result=generated(("result", STRING))),
    *(
        opaque(f"ai.generate_{name}", _PROMPT, _ENDPOINT, *_MODEL, result=generated(("result", type_)))
        for name, type_ in (("bool", BOOL), ("int", INT64), ("double", FLOAT64))
    ),
    opaque("ai.if", _PROMPT, ("examples", ARBITRARY), _CONNECTION, _ENDPOINT, *_OPTIMIZED, result=BOOL),
    opaque("ai.score", _PROMPT, _CONNECTION, _ENDPOINT, _RATIO, result=FLOAT64),
    # With an output mode the categories are an array.
    opaque("ai.classify", *_CLASSIFIED, *_CLASSIFY, result=STRING).overloaded(
        opaque(
            "ai.classify",
            *_CLASSIFIED,
            Argument(STRING, "output_mode", named=True),
            *_CLASSIFY,
            result=_STRINGS,
        )
    ),
    opaque(
        "ai.embed",
        Argument(ARBITRARY, "content"),
        *_EMBEDDED,
        ("task_type", STRING),
        ("title", STRING),
        result=struct_of(("result", _VECTOR), ("status", STRING)),
    ),
    opaque(
        "ai.similarity",
        Argument(ARBITRARY, "content1"),
        Argument(ARBITRARY, "content2"),
        *_EMBEDDED,
        result=FLOAT64,
    ),
    opaque(
        "ai.agg",
        Argument(ARBITRARY, "input"),
        Argument(STRING, "instruction"),
        _ENDPOINT,
        _CONNECTION,
        _RATIO,
        result=STRING,
        mode=AGGREGATE,
    ),
)
