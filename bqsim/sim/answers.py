"""Answers that users supply for functions that need Google's own services or trained models."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from bqsim.types import Type

# A row: the values of the columns in order, or by name.
Row = Mapping[str, Any] | Sequence[Any]
# Gives the values of calls, each call a mapping of its arguments by name.
Batch = Callable[[Sequence[Mapping[str, Any]]], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a function was asked: its ``arguments`` by name (``arg1`` … where they have none), and the rows of
    its input, each a dictionary.
    """

    function: str
    subject: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What calls of ``function`` give: those for ``subject`` (a model ``project.dataset.model``, or a
    connection), or with "" all.

    ``columns`` are the names and types of the result; with ``keeps_input`` those of the input follow them,
    and there is a row for each row of it. The rows are ``rows``, or what ``compute`` makes of a call.

    Scalar functions have no columns: their values are what ``batch`` makes of the arguments of calls, or
    those of the first pattern in ``values`` that is found in the prompt.
    """

    function: str
    columns: tuple[tuple[str, Type], ...] = ()
    rows: tuple[Row, ...] = ()
    compute: Callable[[Asked], Iterable[Row]] | None = None
    subject: str = ""
    keeps_input: bool = False
    values: tuple[tuple[str, Any], ...] = ()
    batch: Batch | None = None

    @property
    def is_scalar(self) -> bool:
        """Whether it answers a function of expressions, not a table function."""
        return self.batch is not None or bool(self.values)

    def of_batch(self, calls: Sequence[Mapping[str, Any]]) -> list[Any]:
        """The values that answer calls of a scalar function, given by their arguments; the first is the
        prompt.

        ``LookupError`` names a prompt that no pattern matches.
        """
        if self.batch is not None:
            return list(self.batch(calls))
        return [self._matching(next(iter(call.values()), None)) for call in calls]

    def _matching(self, prompt: Any) -> Any:
        text = prompt if isinstance(prompt, str) else "" if prompt is None else str(prompt)
        for pattern, value in self.values:
            if re.search(pattern, text, re.DOTALL):
                return value
        raise LookupError(f"no pattern matches the prompt '{text[:100]}'")

    def of(self, asked: Asked) -> list[Row]:
        """The rows that answer a call."""
        return list(self.rows) if self.compute is None else list(self.compute(asked))


class Answers:
    """The answers in force. Thread-safe; ``version`` changes with them."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], Answer] = {}
        self._lock = Lock()
        self.version = 0

    def put(self, answer: Answer) -> None:
        """Take an answer in place of the one for the same function and subject."""
        with self._lock:
            key = (answer.function.upper(), answer.subject.casefold())
            self._answers = {**self._answers, key: answer}
            self.version += 1

    def find(self, function: str, subject: str = "") -> Answer | None:
        """The answer for a call: one for its subject, else one for all."""
        found = self._answers.get((function.upper(), subject.casefold()))
        return found or self._answers.get((function.upper(), ""))

    def all(self) -> list[Answer]:
        return list(self._answers.values())

    def clear(self, function: str | None = None) -> None:
        """Forget the answers for a function, or all."""
        with self._lock:
            kept = {
                k: a for k, a in self._answers.items() if function is not None and k[0] != function.upper()
            }
            self._answers = kept
            self.version += 1
