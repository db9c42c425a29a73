"""JavaScript functions over batches of rows, with BigQuery's conversions, limits and error texts."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bqsim.engine.extras import require
from bqsim.errors import BigQueryError, invalid_query
from bqsim.types import Type, array_of

from . import values
from .functions import Argument, Call, Function, cancelled_call
from .runtime import RUNTIME, UNFIT
from .workers import Died, Stopped, TimedOut, shared

OUT_OF_MEMORY = "Resources exceeded during query execution: UDF out of memory."
TIMED_OUT = "Resources exceeded during query execution: UDF timed out."


@dataclass(slots=True)
class Limits:
    """What one batch may take: seconds, and bytes of an isolate's heap."""

    timeout_s: float = 60.0
    memory: int = 512 * 1024 * 1024


LIMITS = Limits()

# ``export`` before a declaration, which scripts that are no modules do not know; its room is kept.
_EXPORT = re.compile(r"^([ \t]*)export(?=\s+(?:async\s+)?(?:function|class|const|let|var)\b)", re.MULTILINE)
_EXPORTS = re.compile(r"^[ \t]*export\s*\{([^}]*)\}\s*;?", re.MULTILINE)
_PLACE = re.compile(r"\A(?P<file>\S*?):(?P<line>\d+): ")
# V8 puts a function's code on the third line of what it makes of it.
_LINES_BEFORE = 2


def run(call: Call, columns: list[Any], rows: int) -> Any:
    """An engine column with the results of ``rows`` calls, of engine columns of the arguments."""
    require("py_mini_racer", extra="js", what="JavaScript functions")
    function = call.function
    cells = [
        values.encoded(c, _argument_type(function, a), values.JAVASCRIPT)
        for c, a in zip(columns, function.arguments, strict=True)
    ]
    batch = json.dumps([cells, rows, call.now_us // 1000], separators=(",", ":")).encode()
    results = json.loads(_answer(call, batch))
    try:
        return values.decoded(results, function.returns)
    except values.Unfit as error:
        raise _unfit(call, _shown(error.value), str(error.type)) from None


def _argument_type(function: Function, argument: Argument) -> Type:
    return array_of(argument.type) if function.aggregate and argument.aggregate else argument.type


def _answer(call: Call, batch: bytes) -> str:
    key = _key(call.function, call.libraries)
    pool = shared()
    worker = pool.take()
    try:
        limits = (LIMITS.timeout_s, call.cancelled)
        word, text = worker.call(json.dumps({"key": key}).encode(), batch, *limits)
        if word == "unknown":
            word, text = worker.call(_definition(key, call), batch, *limits)
    except BaseException as error:
        pool.drop(worker)
        if isinstance(error, Stopped):
            raise cancelled_call() from None
        if isinstance(error, TimedOut):
            raise _exceeded(TIMED_OUT) from None
        if isinstance(error, Died):
            raise _exceeded(OUT_OF_MEMORY) from None
        raise
    if word == "memory":
        pool.drop(worker)
        raise _exceeded(OUT_OF_MEMORY)
    pool.give_back(worker)
    if word == "error":
        raise _failure(call, text)
    return text


def _exceeded(text: str) -> BigQueryError:
    return BigQueryError("resourcesExceeded", text, location="query")


@lru_cache(1024)
def _key(function: Function, libraries: tuple[str, ...]) -> str:
    """What the isolate of a function is known by."""
    return hashlib.blake2b(repr((function, libraries)).encode("utf-8", "surrogatepass")).hexdigest()


def _definition(key: str, call: Call) -> bytes:
    function = call.function
    code = function.code
    if function.aggregate:
        code = _EXPORTS.sub(_aliases, _EXPORT.sub(lambda m: m[1] + " " * 6, code))
    spec = {
        "parameters": [a.name for a in function.arguments],
        "arguments": [_type(a.type) for a in function.arguments],
        "aggregated": [a.aggregate for a in function.arguments],
        "returns": _type(function.returns),
        "aggregate": function.aggregate,
        "code": code,
    }
    head = {
        "key": key,
        "spec": json.dumps(spec),
        "runtime": RUNTIME,
        "setup": call.libraries,
        "memory": LIMITS.memory,
    }
    return json.dumps(head).encode()


def _aliases(match: re.Match[str]) -> str:
    """``export { a as b };`` as declarations of what is not called so already."""
    parts = (part.split() for part in match[1].split(",") if part.strip())
    return "".join(f"var {p[2]} = {p[0]};" for p in parts if len(p) == 3 and p[0] != p[2])


def _type(type_: Type) -> list[Any]:
    if type_.is_array and type_.element is not None:
        return ["ARRAY", _type(type_.element), str(type_)]
    if type_.is_struct:
        return ["STRUCT", [[f.name, _type(f.type)] for f in type_.fields], str(type_)]
    return [str(type_.kind.value)]


# Errors


def _failure(call: Call, text: str) -> BigQueryError:
    """What BigQuery says of an exception that V8 accounts for with a place, the line of code and a caret."""
    unfit = text.find(UNFIT)
    if unfit >= 0:
        shown, type_ = json.JSONDecoder().raw_decode(text[unfit + len(UNFIT) :])[0]
        return _unfit(call, shown, type_)
    place = _PLACE.match(text)
    if place is None:
        return invalid_query(f"{text.strip()} at {_where(call)}")
    message, column = _parts(text[place.end() :])
    line = int(place["line"])
    if place["file"] == "undefined":
        line -= _LINES_BEFORE
    columns = f"column {column + 1}" if column == 0 else f"columns {column}-{column + 1}"
    return invalid_query(f"{message} at {_where(call)} line {line}, {columns}")


def _parts(text: str) -> tuple[str, int]:
    """The message of an exception and the column of its place, from 0."""
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if at >= 2 and line.strip().strip("^") == "" and "^" in line:
            return "\n".join(lines[: at - 1]), line.index("^")
    return lines[0], 0


def _unfit(call: Call, shown: str, type_: str) -> BigQueryError:
    return invalid_query(f"Failed to coerce output value {shown} to type {type_} at {_where(call)}")


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _where(call: Call) -> str:
    return f"{call.name}({call.function.signature})"
