"""Types as GoogleSQL spells them: ``ARRAY<STRUCT<a INT64, b RANGE<DATE>>>``."""

from __future__ import annotations

import re
from dataclasses import replace

from bqclient.errors import UsageError
from bqclient.models.schema import ALIASES, TYPES, Field

_TOKEN = re.compile(r"\s*(?:(?P<word>\w+)|`(?P<quoted>[^`]+)`|(?P<sign>[<>(),]))", re.ASCII)
_DEEPEST = 15


def parameter_field(text: str) -> Field:
    """A type as a field without a name; an ARRAY is a repeated one. Raises UsageError."""
    reader = _Reader(text)
    field = reader.type(1)
    if reader.at != len(reader.tokens):
        raise reader.wrong()
    return field


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.tokens: list[tuple[str, str]] = []
        end = 0
        plain = text.rstrip()
        while end < len(plain):
            found = _TOKEN.match(plain, end)
            if found is None:
                raise self.wrong()
            kind = found.lastgroup or ""
            self.tokens.append((kind, found[kind]))
            end = found.end()

    def wrong(self) -> UsageError:
        return UsageError(f"{self.text!r} is no type of GoogleSQL.")

    def peek(self, sign: str, ahead: int = 0) -> bool:
        place = self.at + ahead
        return place < len(self.tokens) and self.tokens[place] == ("sign", sign)

    def take(self, sign: str) -> bool:
        if self.peek(sign):
            self.at += 1
            return True
        return False

    def need(self, sign: str) -> None:
        if not self.take(sign):
            raise self.wrong()

    def word(self) -> str:
        if self.at >= len(self.tokens) or self.tokens[self.at][0] == "sign":
            raise self.wrong()
        self.at += 1
        return self.tokens[self.at - 1][1]

    def type(self, level: int) -> Field:
        if level > _DEEPEST:
            raise UsageError(f"A type may be nested {_DEEPEST} levels deep at most.")
        name = self.word().upper()
        if name == "ARRAY":
            self.need("<")
            inner = self.type(level + 1)
            self.need(">")
            if inner.repeated:
                raise UsageError("BigQuery has no ARRAY of ARRAYs: put the inner one into a STRUCT.")
            return replace(inner, mode="REPEATED")
        if name in ("STRUCT", "RECORD"):
            return Field("", "STRUCT", fields=self.fields(level))
        if name == "RANGE":
            self.need("<")
            element = self.word().upper()
            self.need(">")
            if element not in ("DATE", "DATETIME", "TIMESTAMP"):
                raise UsageError(f"A RANGE has elements of DATE, DATETIME or TIMESTAMP, not {element}.")
            return Field("", "RANGE", element=element)
        if ALIASES.get(name, name) not in TYPES:
            raise self.wrong()
        return self.parameterised(Field("", name))

    def fields(self, level: int) -> tuple[Field, ...]:
        self.need("<")
        found: list[Field] = []
        while not self.take(">"):
            if found:
                self.need(",")
            named = self.at + 1 < len(self.tokens) and self.tokens[self.at + 1][0] != "sign"
            name = self.word() if named else ""
            found.append(replace(self.type(level + 1), name=name))
        return tuple(found)

    def parameterised(self, field: Field) -> Field:
        if not self.take("("):
            return field
        given = [self.number()]
        while self.take(","):
            given.append(self.number())
        self.need(")")
        if field.type in ("NUMERIC", "BIGNUMERIC") and len(given) <= 2:
            return replace(field, precision=given[0], scale=given[1] if len(given) == 2 else None)
        if field.type in ("STRING", "BYTES") and len(given) == 1:
            return replace(field, max_length=given[0])
        raise self.wrong()

    def number(self) -> int:
        word = self.word()
        if not word.isdecimal() or len(word) > 18:
            raise self.wrong()
        return int(word)
