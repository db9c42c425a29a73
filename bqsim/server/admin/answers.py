"""Supplied answers of functions over HTTP."""

from __future__ import annotations

from typing import Any

from bqsim.errors import invalid
from bqsim.sim.answers import Answer

from .asking import Ask
from .routes import Route


def _shown(answer: Answer) -> dict[str, Any]:
    if answer.is_scalar:
        values = None if answer.batch is not None else len(answer.values)
        return {"function": answer.function, "subject": answer.subject, "values": values}
    return {
        "function": answer.function,
        "subject": answer.subject,
        "columns": {name: str(type_) for name, type_ in answer.columns},
        "rows": len(answer.rows) if answer.compute is None else None,
    }


def _list(ask: Ask) -> dict[str, Any]:
    return {"answers": [_shown(answer) for answer in ask.control.answers]}


def _supply(ask: Ask) -> dict[str, Any]:
    kinds: dict[str, Any] = {
        "function": str, "columns": dict, "rows": list, "subject": str, "values": dict, "value": Any
    }  # fmt: skip
    function = ask.needed("function", **kinds)
    given = ask.fields(**kinds)
    more: dict[str, Any] = {name: given[name] for name in ("values", "value") if name in given}
    if "columns" in given:
        more |= {"columns": given["columns"], "rows": given.get("rows", [])}
        more["subject"] = given.get("subject", "")
    try:
        answer = ask.control.answers.supply(function, **more)
    except (ValueError, TypeError, AttributeError) as error:
        raise invalid(f"The answer cannot be supplied: {error}") from None
    ask.later("answers", ask.control.answers.clear)
    return _shown(answer)


def _clear(ask: Ask) -> dict[str, Any]:
    ask.lasting("answers")
    ask.control.answers.clear(ask.parameter("function"))
    return {}


ROUTES = (
    Route("GET", "answers", _list, "What functions of models and other services answer."),
    Route("POST", "answers", _supply, "Supply an answer: {function, columns: {name: type}, rows, subject}, "
          "of a scalar function: {function, values: {pattern: value}} or {function, value}; "
          "?ttl=5m ends all."),
    Route("DELETE", "answers", _clear, "Forget the answers; ?function= those of one."),
)  # fmt: skip
