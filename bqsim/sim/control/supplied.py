"""Answers of functions that need Google's own services, as tests supply them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bqsim.sim.answers import Answer, Answers, Asked, Row
from bqsim.sim.scenario.model import Supply
from bqsim.types import Type
from bqsim.types.spelled import spelled

Columns = Mapping[str, str | Type]


class SuppliedAnswers:
    """``sim.answers``: what EXTERNAL_QUERY and functions of models answer.

    >>> sim.answers.supply("EXTERNAL_QUERY", {"id": "INT64"}, rows=[[1], [2]])          # doctest: +SKIP
    >>> sim.answers.model("d.m", {"predicted_x": "FLOAT64"}, lambda asked: [...])       # doctest: +SKIP
    """

    def __init__(self, answers: Answers, changed: Callable[[str, Mapping[str, Any]], None]) -> None:
        self._answers = answers
        self._changed = changed

    def supply(
        self,
        function: str,
        columns: Columns,
        rows: Iterable[Row] | None = None,
        compute: Callable[[Asked], Iterable[Row]] | None = None,
        *,
        subject: str = "",
        keeps_input: bool = False,
    ) -> Answer:
        """Answer calls of a table function with rows, or with what ``compute`` makes of each call.

        ``subject`` limits it to one model (``project.dataset.model``) or connection. ``ValueError`` for rows
        and ``compute`` together, for unknown types and for rows that do not fit the columns.
        """
        if (rows is None) == (compute is None):
            raise ValueError("give one of rows and compute")
        typed = tuple((name, spelled(t) if isinstance(t, str) else t) for name, t in columns.items())
        listed = tuple(rows or ())
        for row in listed:
            _check(row, [name for name, _ in typed])
        answer = Answer(function.upper(), typed, listed, compute, subject, keeps_input)
        self._answers.put(answer)
        self._changed("answers.supply", {"function": answer.function, "subject": subject})
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
    columns = tuple((name, spelled(type_)) for name, type_ in supply.columns.items())
    rows = tuple(json.loads(supply.rows))
    for row in rows:
        _check(row, [name for name, _ in columns])
    return Answer(supply.function.upper(), columns, rows, subject=supply.subject)


def _check(row: Row, names: Sequence[str]) -> None:
    if isinstance(row, Mapping):
        unknown = [name for name in row if name not in names]
        if unknown:
            raise ValueError(f"the row names a column '{unknown[0]}' that is not among {', '.join(names)}")
    elif len(row) != len(names):
        raise ValueError(f"a row has {len(row)} values for {len(names)} columns")
