"""Builtin functions: what GoogleSQL has and BigQuery lacks, and the other way round."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from bqsim.types import (
    BIGNUMERIC,
    BOOL,
    DATE,
    DATETIME,
    FLOAT64,
    INT64,
    INTERVAL,
    NUMERIC,
    STRING,
    TIMESTAMP,
    Type,
    array_of,
    struct_of,
)

from .types import type_to_proto

ARBITRARY = 8
REQUIRED, OPTIONAL = 0, 2
SCALAR, AGGREGATE, ANALYTIC = 1, 2, 3
_NO_ORDER = 0
NAMED_ONLY = 3

# The group of what bqsim adds; it stands where builtins have "ZetaSQL".
GROUP = "BigQuery"

# Aggregates that BigQuery defines by another: name, parameters, body.
SQL_AGGREGATES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("max_by", ("v", "k"), "ANY_VALUE(v HAVING MAX k)"),
    ("min_by", ("v", "k"), "ANY_VALUE(v HAVING MIN k)"),
)

# A type in a signature: a type, one that recurs (ANY_1, ANY_2, ARRAY_OF_1) or any (ARBITRARY).
ANY_1, ANY_2, ARRAY_OF_1 = 1, 2, 3
Pattern = Type | int


@dataclass(frozen=True, slots=True)
class Opaque:
    """A function of which GoogleSQL knows the signatures only; each is (arguments, result).

    An argument is (its name when it must be named or "", its type, whether it is optional).
    """

    name: str
    signatures: tuple[tuple[tuple[tuple[str, Pattern, bool], ...], Pattern], ...]
    mode: int = SCALAR


def _opaque(name: str, *args: Pattern | tuple[str, Pattern], result: Pattern, mode: int = SCALAR) -> Opaque:
    """One signature: types are required, (name, type) pairs are optional and named."""
    listed = tuple((*a, True) if isinstance(a, tuple) else ("", a, False) for a in args)
    return Opaque(name, ((listed, result),), mode)


_VECTOR = array_of(FLOAT64)
_ANALYZER = (("analyzer", STRING), ("analyzer_options", STRING))
OPAQUE: tuple[Opaque, ...] = (
    _opaque("contains_substr", ARBITRARY, STRING, ("json_scope", STRING), result=BOOL),
    _opaque("search", ARBITRARY, STRING, ("json_scope", STRING), *_ANALYZER, result=BOOL),
    _opaque("text_analyze", STRING, *_ANALYZER, result=array_of(STRING)),
    _opaque("bag_of_words", array_of(STRING), result=array_of(struct_of(("term", STRING), ("count", INT64)))),
    # Preprocessing functions of BigQuery ML.
    Opaque(
        "ml.ngrams",
        (
            (
                (("", array_of(STRING), False), ("", array_of(INT64), False), ("", STRING, True)),
                array_of(STRING),
            ),
        ),
    ),
    _opaque("ml.lp_norm", _VECTOR, FLOAT64, result=FLOAT64),
    Opaque("ml.normalizer", (((("", _VECTOR, False), ("", FLOAT64, True)), _VECTOR),)),
    Opaque("ml.distance", (((("", _VECTOR, False), ("", _VECTOR, False), ("", STRING, True)), FLOAT64),)),
    *(
        _opaque(f"ml.{name}_scaler", FLOAT64, result=FLOAT64, mode=ANALYTIC)
        for name in ("min_max", "max_abs", "standard")
    ),
    # What the bodies of builtin table functions call.
    Opaque(
        "$buckets",
        tuple(
            ((("", t, False), ("", t, False), ("", INTERVAL, False), ("", t, True)), array_of(t))
            for t in (DATE, DATETIME, TIMESTAMP)
        ),
    ),
    Opaque(
        "$interpolate",
        tuple(
            (tuple(("", t, False) for t in (value, value, ANY_2, ANY_2, ANY_2)), value)
            for value in (INT64, FLOAT64, NUMERIC, BIGNUMERIC)
        ),
    ),
    _opaque("$vector", _VECTOR, result=_VECTOR),
    *(_opaque(name, _VECTOR, _VECTOR, result=FLOAT64) for name in ("$euclidean", "$cosine", "$dot_product")),
    _opaque(
        "$nearest",
        INT64,
        FLOAT64,
        INT64,
        result=array_of(struct_of(("id", INT64), ("distance", FLOAT64))),
        mode=AGGREGATE,
    ),
)


# What BigQuery has and bqsim refuses by name.
REFUSED = frozenset(
    [
        *(
            f"ML.{name}"
            for name in """BAG_OF_WORDS BUCKETIZE CONVERT_COLOR_SPACE CONVERT_IMAGE_TYPE DECODE_IMAGE
            FEATURE_CROSS HASH_BUCKETIZE IMPUTER LABEL_ENCODER MULTI_HOT_ENCODER ONE_HOT_ENCODER
            POLYNOMIAL_EXPAND QUANTILE_BUCKETIZE RESIZE_IMAGE ROBUST_SCALER TF_IDF""".split()  # noqa: SIM905
        ),
        *(
            f"AI.{name}"
            for name in """AGG CLASSIFY EMBED GENERATE GENERATE_BOOL GENERATE_DOUBLE GENERATE_INT IF SCORE
            SIMILARITY""".split()  # noqa: SIM905
        ),
        *("DLP_DETERMINISTIC_ENCRYPT", "DLP_DETERMINISTIC_DECRYPT", "DLP_KEY_CHAIN"),
        *("OBJ.FETCH_METADATA", "OBJ.GET_ACCESS_URL", "OBJ.MAKE_REF", "ST_REGIONSTATS", "TF_IDF"),
    ]
)


@cache
def excluded_signatures() -> tuple[int, ...]:
    """The signature ids of the functions in ``excluded_functions.json``."""
    text = resources.files(__package__).joinpath("excluded_functions.json").read_text()
    return tuple(number for numbers in json.loads(text).values() for number in numbers)


def add_functions(catalog: Any, nested: Callable[[tuple[str, ...]], Any]) -> None:
    """Add what BigQuery has and GoogleSQL lacks to a ``SimpleCatalogProto``."""
    for name, parameters, body in SQL_AGGREGATES:
        function = catalog.custom_function.add(
            name_path=[name],
            group="Templated_SQL_Function",
            mode=AGGREGATE,
            templated_sql_function_argument_name=parameters,
        )
        function.parse_resume_location.input = body
        function.parse_resume_location.byte_position = 0
        signature = function.signature.add()
        signature.return_type.kind = ARBITRARY
        signature.return_type.num_occurrences = 1
        for _ in parameters:
            signature.argument.add(kind=ARBITRARY, num_occurrences=1).options.cardinality = REQUIRED
    for row in OPAQUE:
        path = row.name.split(".")
        parent = nested(tuple(path[:-1])) if len(path) > 1 else catalog
        function = parent.custom_function.add(name_path=path, group=GROUP, mode=row.mode)
        if row.mode == ANALYTIC:
            function.options.supports_over_clause = True
            function.options.window_ordering_support = _NO_ORDER
        for arguments, result in row.signatures:
            signature = function.signature.add()
            signature.return_type.num_occurrences = 1
            _set_type(signature.return_type, result)
            for argument_name, type_, optional in arguments:
                argument = signature.argument.add(num_occurrences=-1 if optional else 1)
                argument.options.cardinality = OPTIONAL if optional else REQUIRED
                _set_type(argument, type_)
                if argument_name:
                    argument.options.argument_name = argument_name
                    argument.options.argument_name_is_mandatory = True
                    argument.options.named_argument_kind = NAMED_ONLY


def _set_type(argument: Any, pattern: Pattern) -> None:
    if isinstance(pattern, int):
        argument.kind = pattern
    else:
        type_to_proto(pattern, argument.type)
