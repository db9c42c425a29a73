"""What a value must satisfy to be stored in a column, as engine expressions.

BigQuery checks values when they are written: NULL in a REQUIRED field, lengths and precisions of
parameterised types, NULL elements of arrays. It also stores a NULL array as an empty one.
"""

from __future__ import annotations

from bqsim.types import Field, Mode, TypeKind

NUMERIC_PRECISION, NUMERIC_SCALE = 38, 9
_LENGTH = {TypeKind.STRING: "length", TypeKind.BYTES: "octet_length"}


def stored(field: Field, value: str) -> str:
    """The engine expression that yields ``value`` (an engine expression, repeated in the result) as
    stored in ``field``.

    Evaluating it fails with BigQuery's text when the value may not be stored there.
    """
    return _stored(field, value, field.name, 0)


def missing(field: Field) -> str:
    """The engine expression of what a row without a value for ``field`` stores there."""
    if field.mode is Mode.REPEATED:
        return "[]"
    return _required(field.name) if field.mode is Mode.REQUIRED else "NULL"


def _required(path: str) -> str:
    return _fail(f"Required field {path} cannot be null")


def plain(field: Field) -> bool:
    """Whether values of ``field`` are stored as they come."""
    if field.mode is not Mode.NULLABLE:
        return False
    return _plain_value(field)


def _plain_value(field: Field) -> bool:
    if field.kind is TypeKind.STRUCT:
        return all(plain(f) for f in field.fields)
    return field.max_length is None and field.precision is None


def _stored(field: Field, value: str, path: str, depth: int) -> str:
    if field.mode is Mode.REPEATED:
        return _stored_array(field, value, path, depth)
    result = value if _plain_value(field) else _stored_value(field, value, path, depth)
    if field.mode is Mode.REQUIRED:
        return f"CASE WHEN {value} IS NULL THEN {_required(path)} ELSE {result} END"
    return result


def _stored_array(field: Field, value: str, path: str, depth: int) -> str:
    text = f"Array cannot have a null element; error in writing field {path}"
    filled = f"COALESCE({value}, [])"
    if not _plain_value(field):
        element = f"e{depth}"
        filled = (
            f"list_transform({filled}, lambda {element}: {_stored_value(field, element, path, depth + 1)})"
        )
    return f"CASE WHEN list_count({value}) < len({value}) THEN {_fail(text)} ELSE {filled} END"


def _stored_value(field: Field, value: str, path: str, depth: int) -> str:
    if field.kind is TypeKind.STRUCT:
        parts = ", ".join(
            f'"_{i}" := {_stored(f, f"""({value})."_{i}" """.strip(), f"{path}.{f.name}", depth)}'
            for i, f in enumerate(field.fields, 1)
        )
        return f"CASE WHEN {value} IS NULL THEN NULL ELSE struct_pack({parts}) END"
    if field.max_length is not None:
        length = f"{_LENGTH[field.kind]}({value})"
        text = _quoted(
            f"bq:Field {path}: {field.kind}({field.max_length}) has maximum length {field.max_length}"
            " but got a value with length "
        )
        return f"CASE WHEN {length} > {field.max_length} THEN error({text} || {length}) ELSE {value} END"
    if field.kind is TypeKind.BIGNUMERIC:
        return _stored_bignumeric(field, value, path)
    return _stored_numeric(field, value, path)


def _stored_numeric(field: Field, value: str, path: str) -> str:
    scale = field.scale or 0
    function = "round_even" if field.attributes.get("roundingMode") == "ROUND_HALF_EVEN" else "round"
    rounded = f"CAST({function}({value}, {scale}) AS DECIMAL(38, 9))"
    least = _least_refused(field.precision or NUMERIC_PRECISION, scale)
    if least is None:
        return rounded
    return f"CASE WHEN abs({value}) >= {least} THEN {_fail(out_of_range(field, path))} ELSE {rounded} END"


def _least_refused(precision: int, scale: int) -> str | None:
    """The least value that NUMERIC(P, S) cannot hold once it is rounded, by either mode; None where it holds
    every NUMERIC."""
    if scale < NUMERIC_SCALE:
        return f"{'9' * (precision - scale) or 0}.{'9' * scale}5"
    return str(10 ** (precision - scale)) if precision < NUMERIC_PRECISION else None


def _stored_bignumeric(field: Field, value: str, path: str) -> str:
    precision = 76 if field.precision is None else field.precision
    return f"bq_stored_bignumeric({value}, {precision}, {field.scale or 0}, {_quoted(path)})"


def out_of_range(field: Field, path: str) -> str:
    """What is told of a value that NUMERIC(P, S) or BIGNUMERIC(P, S) cannot hold."""
    precision, scale = field.precision or 0, field.scale or 0
    digits = "9" * (precision - scale) or "0"
    bound = f"{digits}.{'9' * scale}" if scale else digits
    shown = f"{field.kind}({precision}, {scale})" if scale else f"{field.kind}({precision})"
    return (
        f"Field {path}: {shown} has precision {precision} and scale {scale}"
        f" but got a value that is not in range of [-{bound}, {bound}]"
    )


def _fail(text: str) -> str:
    return f"error({_quoted('bq:' + text)})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
