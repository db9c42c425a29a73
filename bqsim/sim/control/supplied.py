"""Answers of functions that need Google's own services, as tests supply them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bqsim.sim.answers import Answer, Answers, Asked, Batch, Row
from bqsim.sim.scenario.model import Supply
from bqsim.types import Type
from bqsim.types.spelled import spelled

Columns = Mapping[str, str | Type]
_NOTHING: Any = object()


class SuppliedAnswers:
    """``sim.answers``: what EXTERNAL_QUERY and functions of models answer.

    >>> sim.answers.supply("EXTERNAL_QUERY", {"id": "INT64"}, rows=[[1], [2]])          # doctest: +SKIP
    >>> sim.answers.supply("AI.SCORE", values={"good": 9.5, "": 1.0})                   # doctest: +SKIP
    >>> sim.answers.model("d.m", {"predicted_x": "FLOAT64"}, lambda asked: [...])       # doctest: +SKIP
    """

    def __init__(self, answers: Answers, changed: Callable[[str, Mapping[str, Any]], None]) -> None:
        self._answers = answers
        self._changed = changed

    def supply(
        self,
        name: str,
        /,
        columns: Columns | None = None,
        rows: Iterable[Row] | None = None,
        compute: Callable[[Asked], Iterable[Row]] | None = None,
        *,
        subject: str = "",
        keeps_input: bool = False,
        function: Batch | None = None,
        values: Mapping[str, Any] | None = None,
        value: Any = _NOTHING,
    ) -> Answer:
        """Answer calls of a table function with rows, or with what ``compute`` makes of each call; calls of a
        scalar function with what ``function`` makes of a batch of them, with ``values`` by regular
        expressions that are searched in their prompts (the first that is found counts), or one ``value``.

        ``function`` gets a list of mappings, the arguments of each call by name, and gives their values.
        ``subject`` limits it to one model (``project.dataset.model``) or connection. ``ValueError`` for
        several of these together, for unknown types and for rows that do not fit the columns.
        """
        if columns is None:
            return self._supplied(_scalar(name, function, values, value, (rows, compute)))
        if function is not None or values is not None or value is not _NOTHING:
            raise ValueError("function, values and value are for scalar functions, which have no columns")
        if (rows is None) == (compute is None):
            raise ValueError("give one of rows and compute")
        typed = tuple((name, spelled(t) if isinstance(t, str) else t) for name, t in columns.items())
        listed = tuple(rows or ())
        for row in listed:
            _check(row, [name for name, _ in typed])
        return self._supplied(Answer(name.upper(), typed, listed, compute, subject, keeps_input))

    def _supplied(self, answer: Answer) -> Answer:
        self._answers.put(answer)
        self._changed("answers.supply", {"function": answer.function, "subject": answer.subject})
        return answer

    def model(
        self,
        model: str,
        columns: Columns,
        compute: Callable[[Asked], Iterable[Row]],
        *,
        function: str = "ML.PREDICT",
    ) -> Answer:
        """Answer a function of one model: its columns follow those of the input, a row for each row of it."""
        return self.supply(function, columns, compute=compute, subject=model, keeps_input=True)

    def clear(self, function: str | None = None) -> None:
        """Forget the answers of a function, or all."""
        self._answers.clear(function)
        self._changed("answers.clear", {"function": function or ""})

    def __iter__(self) -> Any:
        return iter(self._answers.all())

    def __len__(self) -> int:
        return len(self._answers.all())


def answer_of(supply: Supply) -> Answer:
    """The answer that a scenario supplies. ``ValueError`` for rows that do not fit its columns."""
    if not supply.columns:
        values = None if supply.values is None else json.loads(supply.values)
        return _scalar(supply.function, None, values, _NOTHING, (json.loads(supply.rows) or None, None))
    if supply.values is not None:
        raise ValueError("values are for scalar functions, which have no columns")
    columns = tuple((name, spelled(type_)) for name, type_ in supply.columns.items())
    rows = tuple(json.loads(supply.rows))
    for row in rows:
        _check(row, [name for name, _ in columns])
    return Answer(supply.function.upper(), columns, rows, subject=supply.subject)


def _scalar(name: str, batch: Batch | None, values: Any, value: Any, other: tuple[Any, Any]) -> Answer:
    """The answer of a scalar function."""
    given = [batch is not None, values is not None, value is not _NOTHING]
    if sum(given) != 1 or other != (None, None):
        raise ValueError("give columns with rows or compute, or else one of function, values and value")
    if batch is not None:
        return Answer(name.upper(), batch=batch)
    one = value if values is None else values
    pairs = tuple(values.items()) if isinstance(values, Mapping) else (("", one),)
    if not pairs:
        raise ValueError("values must not be empty")
    for pattern, _ in pairs:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"'{pattern}' is no regular expression: {error}") from None
    return Answer(name.upper(), values=pairs)


def _check(row: Row, names: Sequence[str]) -> None:
    if isinstance(row, Mapping):
        unknown = [name for name in row if name not in names]
        if unknown:
            raise ValueError(f"the row names a column '{unknown[0]}' that is not among {', '.join(names)}")
    elif len(row) != len(names):
        raise ValueError(f"a row has {len(row)} values for {len(names)} columns")
