"""Supplied answers of functions over HTTP."""

from __future__ import annotations

from typing import Any

from bqsim.errors import invalid
from bqsim.sim.answers import Answer

from .asking import Ask
from .routes import Route


def _shown(answer: Answer) -> dict[str, Any]:
    return {
        "function": answer.function,
        "subject": answer.subject,
        "columns": {name: str(type_) for name, type_ in answer.columns},
        "rows": len(answer.rows) if answer.compute is None else None,
    }


def _list(ask: Ask) -> dict[str, Any]:
    return {"answers": [_shown(answer) for answer in ask.control.answers]}


def _supply(ask: Ask) -> dict[str, Any]:
    kinds: dict[str, Any] = {"function": str, "columns": dict, "rows": list, "subject": str}
    function, columns = ask.needed("function", **kinds), ask.needed("columns", **kinds)
    given = ask.fields(**kinds)
    try:
        answer = ask.control.answers.supply(
            function, columns, given.get("rows", []), subject=given.get("subject", "")
        )
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
    Route("POST", "answers", _supply, "Supply an answer: {function, columns: {name: type}, rows, subject}; "
          "?ttl=5m ends all."),
    Route("DELETE", "answers", _clear, "Forget the answers; ?function= those of one."),
)  # fmt: skip
