"""Builtin functions: what GoogleSQL has and BigQuery lacks, and the other way round."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

ARBITRARY = 8
REQUIRED, OPTIONAL = 0, 2
SCALAR, AGGREGATE = 1, 2
NAMED_ONLY = 3
STRING, BOOL = 8, 5

# The group of what bqsim adds; it stands where builtins have "ZetaSQL".
GROUP = "BigQuery"

# Aggregates that BigQuery defines by another: name, parameters, body.
SQL_AGGREGATES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("max_by", ("v", "k"), "ANY_VALUE(v HAVING MAX k)"),
    ("min_by", ("v", "k"), "ANY_VALUE(v HAVING MIN k)"),
)

# Scalar functions by signature: name, arguments (name or "", type number or None for any type, optional),
# result.
OPAQUE: tuple[tuple[str, tuple[tuple[str, int | None, bool], ...], int], ...] = (
    ("contains_substr", (("", None, False), ("", STRING, False), ("json_scope", STRING, True)), BOOL),
    (
        "search",
        (
            ("", None, False),
            ("", STRING, False),
            ("json_scope", STRING, True),
            ("analyzer", STRING, True),
            ("analyzer_options", STRING, True),
        ),
        BOOL,
    ),
)


@cache
def excluded_signatures() -> tuple[int, ...]:
    """The signature ids of the functions in ``excluded_functions.json``."""
    text = resources.files(__package__).joinpath("excluded_functions.json").read_text()
    return tuple(number for numbers in json.loads(text).values() for number in numbers)


def add_functions(catalog: Any) -> None:
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
    for name, arguments, result in OPAQUE:
        function = catalog.custom_function.add(name_path=[name], group=GROUP, mode=SCALAR)
        signature = function.signature.add()
        signature.return_type.type.type_kind = result
        signature.return_type.num_occurrences = 1
        for argument_name, type_number, optional in arguments:
            argument = signature.argument.add(num_occurrences=-1 if optional else 1)
            argument.options.cardinality = OPTIONAL if optional else REQUIRED
            if type_number is None:
                argument.kind = ARBITRARY
            else:
                argument.type.type_kind = type_number
            if argument_name:
                argument.options.argument_name = argument_name
                argument.options.argument_name_is_mandatory = True
                argument.options.named_argument_kind = NAMED_ONLY
