"""Families of functions, and how their tables are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_QUERY = re.compile(r"(?:SELECT|WITH|FROM|GRAPH)\b|\(SELECT\b")


@dataclass(frozen=True, slots=True)
class Call:
    """A function of a family: the query that calls it, what differs, and the file of tests of its family."""

    name: str
    family: str
    sql: str
    note: str = ""
    shown: str = ""
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """A table of functions. ``template`` is the query around an expression, in the place of ``{}``.

    ``refusal`` begins the text that refuses what all need, where it does not name the function.
    """

    name: str
    title: str
    table: str
    template: str = "SELECT {}"
    shown: str = ""
    refusal: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)

    def calls(self) -> Iterator[Call]:
        """The functions of the table. ``ValueError`` for a line without a call and notes of none."""
        found: dict[str, str] = {}
        name = ""
        for line in self.table.strip("\n").splitlines():
            if line.startswith(" "):
                found[name] += f" {line.strip()}"
                continue
            name, _, call = line.partition("  ")
            if not call or name in found:
                raise ValueError(f"{self.name}: {line!r}")
            found[name] = call.strip()
        strangers = sorted(set(self.notes) - set(found))
        if strangers:
            raise ValueError(f"{self.name}: notes of no function: {strangers}")
        for name, call in found.items():
            sql = call if _QUERY.match(call) else self.template.replace("{}", call)
            yield Call(name, self.name, sql, self.notes.get(name, ""), self.shown, self.refusal)
