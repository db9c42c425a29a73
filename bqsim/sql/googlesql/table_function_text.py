"""A statement's text with other names for the table functions that it calls."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .prepass import COMMENT


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the new text that begins at ``at``; ``source`` is where it stood, or what is there now.

    Text that was not there before has no ``length`` in the old text.
    """

    at: int
    source: int
    length: int


@dataclass(frozen=True, slots=True)
class Renamed:
    """A call: where its name stands, where its closing bracket ends, and which arguments are replaced: by a
    text, or without one by the name of the subquery.
    """

    start: int
    name_end: int
    end: int
    name: str
    replaced: list[tuple[int, int, str]]


_BRACKET = re.compile(rf"(?:\s|{COMMENT})*+\(?(?:\s|{COMMENT})*+\)", re.DOTALL)


def closing(sql: str, last: int) -> int:
    """Where the closing bracket after the last argument ends."""
    match = _BRACKET.match(sql, last)
    return match.end() if match else last


def quoted(name: str) -> str:
    """A column's name as GoogleSQL text."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


class Writer:
    """Writes the new text. Subqueries that are arguments become names of a WITH clause around the call:
    GoogleSQL does not put functions in place of calls whose subqueries read arrays.
    """

    def __init__(self, sql: str, calls: list[Renamed]) -> None:
        self._sql = sql
        self._calls = sorted(calls, key=lambda c: c.start)
        self.texts: list[str] = []
        self.pieces: list[Piece] = []
        self._at = 0

    def copy(self, start: int, end: int) -> None:
        for call in self._calls:
            if start <= call.start < end:
                self._plain(start, call.start)
                self._call(call)
                start = call.end
        self._plain(start, end)

    def _call(self, call: Renamed) -> None:
        aliases = {start: f"_bq_{start}" for start, _, text in call.replaced if not text}
        for start, end, text in call.replaced:
            if not text:
                self._add(f"{'(WITH ' if start == min(aliases) else ', '}{aliases[start]} AS ", call.start)
                self.copy(start, end)
        if aliases:
            self._add(" SELECT * FROM ", call.start)
        self._add(f"`{call.name}`", call.start)
        at = call.name_end
        for start, end, text in call.replaced:
            self.copy(at, start)
            self._add(text or f"TABLE {aliases[start]}", start)
            at = end
        self.copy(at, call.end)
        if aliases:
            self._add(")", call.end)

    def _plain(self, start: int, end: int) -> None:
        if end > start:
            self._write(self._sql[start:end], start, end - start)

    def _add(self, text: str, source: int) -> None:
        self._write(text, source, 0)

    def _write(self, text: str, source: int, length: int) -> None:
        self.pieces.append(Piece(self._at, source, length))
        self.texts.append(text)
        self._at += len(text)
