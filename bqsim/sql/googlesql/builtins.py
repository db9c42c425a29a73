"""Builtin functions: what GoogleSQL has and BigQuery lacks, and the other way round."""

from __future__ import annotations

import json
from collections.abc import Callable
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
    array_of,
    struct_of,
)

from .ml_signatures import AI, PREPROCESSING
from .opaque import (
    AGGREGATE,
    ANY_2,
    ARBITRARY,
    GROUP,
    REQUIRED,
    Argument,
    Opaque,
    Signature,
    add_opaque,
    opaque,
    optional,
)

__all__ = ["GROUP", "OPAQUE", "REFUSED", "SQL_AGGREGATES", "add_functions", "excluded_signatures"]

# Aggregates that BigQuery defines by another: name, parameters, body.
SQL_AGGREGATES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("max_by", ("v", "k"), "ANY_VALUE(v HAVING MAX k)"),
    ("min_by", ("v", "k"), "ANY_VALUE(v HAVING MIN k)"),
)

_VECTOR = array_of(FLOAT64)
_ANALYZER = (("analyzer", STRING), ("analyzer_options", STRING))
OPAQUE: tuple[Opaque, ...] = (
    opaque("contains_substr", ARBITRARY, STRING, ("json_scope", STRING), result=BOOL),
    opaque("search", ARBITRARY, STRING, ("json_scope", STRING), *_ANALYZER, result=BOOL),
    opaque("text_analyze", STRING, *_ANALYZER, result=array_of(STRING)),
    opaque("bag_of_words", array_of(STRING), result=array_of(struct_of(("term", STRING), ("count", INT64)))),
    *PREPROCESSING,
    *AI,
    # What the bodies of builtin table functions call.
    Opaque(
        "$buckets",
        tuple(
            Signature((Argument(t), Argument(t), Argument(INTERVAL), optional(t)), array_of(t))
            for t in (DATE, DATETIME, TIMESTAMP)
        ),
    ),
    Opaque(
        "$interpolate",
        tuple(
            Signature(tuple(Argument(t) for t in (value, value, ANY_2, ANY_2, ANY_2)), value)
            for value in (INT64, FLOAT64, NUMERIC, BIGNUMERIC)
        ),
    ),
    opaque("$vector", _VECTOR, result=_VECTOR),
    *(opaque(name, _VECTOR, _VECTOR, result=FLOAT64) for name in ("$euclidean", "$cosine", "$dot_product")),
    opaque(
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
        *("ML.CONVERT_COLOR_SPACE", "ML.CONVERT_IMAGE_TYPE", "ML.DECODE_IMAGE", "ML.RESIZE_IMAGE"),
        *("DLP_DETERMINISTIC_ENCRYPT", "DLP_DETERMINISTIC_DECRYPT", "DLP_KEY_CHAIN"),
        *("OBJ.FETCH_METADATA", "OBJ.GET_ACCESS_URL", "OBJ.GET_READ_URL", "OBJ.MAKE_REF"),
        "ST_REGIONSTATS",
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
    add_opaque(catalog, OPAQUE, nested)
