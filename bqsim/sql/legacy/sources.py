"""What stands in FROM: tables, unions of tables, ranges of daily tables, subqueries."""

from __future__ import annotations

import datetime
import difflib
import re
from calendar import monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bqsim.errors import invalid_query, not_found
from bqsim.types import Field, Mode, TypeKind

from .functions import Value
from .tokens import refused
from .tree import Call, Column, DateRange, Expression, Literal, Query, Source, Subquery

Path = tuple[str, str, str]

_TYPES = {
    TypeKind.INT64: "INTEGER",
    TypeKind.FLOAT64: "FLOAT",
    TypeKind.STRING: "STRING",
    TypeKind.BOOL: "BOOLEAN",
    TypeKind.TIMESTAMP: "TIMESTAMP",
    TypeKind.BYTES: "BYTES",
    TypeKind.DATE: "DATE",
    TypeKind.TIME: "TIME",
    TypeKind.DATETIME: "DATETIME",
}
_TABLE = re.compile(r"(?:((?:[\w.-]+:)?[\w-]+)[:.])?([\w]+)\.([^.:$@]+)\Z")
_PSEUDO = frozenset({"_partitiontime", "_partitiondate", "_table_suffix"})
_MAX_DAYS = 1000
# The lists of the tables of a dataset.
META_TABLES = ("__TABLES__", "__TABLES_SUMMARY__")
_US = 1_000_000
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_UNITS_US = {"SECOND": _US, "MINUTE": 60 * _US, "HOUR": 3600 * _US, "DAY": 86_400 * _US}


class Tables(Protocol):
    """What a query may read."""

    @property
    def project(self) -> str:
        """The project of names without one."""

    @property
    def dataset(self) -> tuple[str, str] | None:
        """The project and dataset of names without either."""

    def columns(self, path: Path) -> Sequence[Field]:
        """The columns of a table; raises the error of one that legacy SQL cannot read."""

    @property
    def now_us(self) -> int:
        """The time of the query: microseconds since the epoch."""

    def exists(self, path: Path) -> bool:
        """Whether there is such a table."""

    def pseudo(self, path: Path) -> Sequence[Field]:
        """The columns of a table that only queries which name them read."""

    def decorated(self, path: Path, decorators: str) -> tuple[Sequence[Field], str]:
        """The columns and the GoogleSQL query of the rows that decorators of a table name (``$…``, ``@…``);
        raises the error of bad ones."""


@dataclass(slots=True)
class Relation:
    """A source with an alias. ``columns`` are types by folded name, ``names`` the names as they are shown,
    ``problems`` the columns that cannot be read, with what they are; ``pseudo`` are name and type by folded
    name of columns that ``*`` does not stand for.
    """

    alias: str
    columns: dict[str, str]
    names: tuple[str, ...]
    problems: dict[str, str] = field(default_factory=dict)
    table: str = ""
    pseudo: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Scope:
    """The sources that columns are looked for in."""

    relations: list[Relation]

    def add(self, relation: Relation) -> None:
        if any(r.alias.casefold() == relation.alias.casefold() for r in self.relations):
            raise refused(f"The repeated table alias {relation.alias}")
        self.relations.append(relation)

    def has(self, column: Column) -> bool:
        folded = column.path[-1].casefold()
        return any(folded in r.columns or folded in r.pseudo for r in self.relations)

    def relation_of(self, column: Column) -> str:
        """The alias of the source of a column."""
        return self._found(column)[0].alias

    def resolve(self, column: Column) -> tuple[bool, str]:
        """Whether a column is written with its source, and its name in the source."""
        relation, qualified = self._found(column)
        folded = column.path[-1].casefold()
        if folded in relation.pseudo:
            return qualified, relation.pseudo[folded][0]
        return qualified, next(n for n in relation.names if n.casefold() == folded)

    def column(self, column: Column) -> Value:
        relation, _ = self._found(column)
        name = self.resolve(column)[1]
        folded = name.casefold()
        type_ = relation.pseudo[folded][1] if folded in relation.pseudo else relation.columns[folded]
        return Value(f"{quoted(relation.alias)}.{quoted(name)}", type_)

    def _found(self, column: Column) -> tuple[Relation, bool]:
        *qualifier, name = column.path
        folded = name.casefold()
        within = [r for r in self.relations if [r.alias.casefold()] == [q.casefold() for q in qualifier]]
        candidates = within if within else self.relations if not qualifier else []
        found = [r for r in candidates if folded in r.columns or folded in r.pseudo]
        if len(found) == 1:
            return found[0], bool(within)
        if len(found) > 1:
            raise refused(f"The ambiguous field name '{name}'")
        shown = ".".join(column.path)
        first = column.path[0].casefold()
        for relation in self.relations:
            for problem in (folded, first):
                if problem in relation.problems:
                    raise refused(f"{relation.problems[problem]} {shown}")
        if folded in _PSEUDO:
            raise refused(f"The pseudo column {name}")
        raise invalid_query(self._missing(shown))

    def _missing(self, name: str) -> str:
        if len(self.relations) != 1 or not self.relations[0].table:
            return f"Field '{name}' not found."
        [relation] = self.relations
        near = difflib.get_close_matches(name, relation.names, 1, 0.7)
        if not near:
            return f"Field '{name}' not found in table '{relation.table}'."
        return f"Field '{name}' not found in table '{relation.table}'; did you mean '{near[0]}'?"


class SourceReader:
    """Reads sources; ``subquery`` translates a query to its text and columns."""

    def __init__(
        self, tables: Tables, subquery: Callable[[Query], tuple[str, tuple[tuple[str, str], ...]]]
    ) -> None:
        self._tables = tables
        self._subquery = subquery

    def read(self, sources: Sequence[Source]) -> tuple[Scope, str]:
        """The scope and the GoogleSQL of sources with commas between them: their union."""
        if len(sources) > 1:
            return self._union([self._one(s, f"_{i}") for i, s in enumerate(sources)])
        relation, text = self._one(sources[0], "_0")
        return Scope([relation]), text

    def _one(self, source: Source, alias: str) -> tuple[Relation, str]:
        if isinstance(source, Subquery):
            text, columns = self._subquery(source.query)
            alias = source.alias or alias
            names = tuple(name for name, _ in columns)
            relation = Relation(alias, {n.casefold(): t for n, t in columns}, names)
            return relation, f"({text}) AS {quoted(alias)}"
        if isinstance(source, DateRange):
            scope, text = self._union([self._table(p, source.alias or "_0") for p in self._days(source)])
            return scope.relations[0], text
        mark = re.search(r"[$@]", source.text)
        if mark is None:
            path = self.path(source.text)
            return self._table(path, source.alias or path[2])
        path = self.path(source.text[: mark.start()])
        alias = source.alias or path[2]
        fields, query = self._tables.decorated(path, source.text[mark.start() :])
        return self._relation(path, alias, fields), f"({query}) AS {quoted(alias)}"

    def _table(self, path: Path, alias: str) -> tuple[Relation, str]:
        relation = self._relation(path, alias, self._tables.columns(path))
        for column in self._tables.pseudo(path):
            relation.pseudo[column.name.casefold()] = (column.name, _TYPES[column.kind])
        return relation, f"{quoted('.'.join(path))} AS {quoted(alias)}"

    def _relation(self, path: Path, alias: str, fields: Sequence[Field]) -> Relation:
        relation = Relation(alias, {}, (), table=f"{path[0]}:{path[1]}.{path[2]}")
        names: list[str] = []
        for column in fields:
            type_ = _TYPES.get(column.kind)
            if column.mode is Mode.REPEATED:
                relation.problems[column.name.casefold()] = "The repeated field"
            elif type_ is None:
                kind = "RECORD" if column.fields else column.kind.value
                relation.problems[column.name.casefold()] = f"The {kind} field"
            else:
                relation.columns[column.name.casefold()] = type_
                names.append(column.name)
        relation.names = tuple(names)
        return relation

    def _union(self, parts: Sequence[tuple[Relation, str]]) -> tuple[Scope, str]:
        """The rows of all parts; a column that a part lacks is NULL in its rows."""
        columns: dict[str, str] = {}
        names: list[str] = []
        problems: dict[str, str] = {}
        for relation, _ in parts:
            problems |= relation.problems
            for name in relation.names:
                known = columns.setdefault(name.casefold(), relation.columns[name.casefold()])
                if known != relation.columns[name.casefold()]:
                    raise refused(f"A union of tables with the field {name} of other types")
                if name.casefold() not in (n.casefold() for n in names):
                    names.append(name)
        selects = [
            "SELECT "
            + ", ".join(
                f"{quoted(r.alias)}.{quoted(n)}" if n.casefold() in r.columns else f"NULL AS {quoted(n)}"
                for n in names
            )
            + f" FROM {text}"
            for r, text in parts
        ]
        if not names:
            raise refused("A union of tables without plain fields")
        alias = parts[0][0].alias if len({r.alias for r, _ in parts}) == 1 else "_union"
        relation = Relation(alias, columns, tuple(names), problems)
        return Scope([relation]), f"({' UNION ALL '.join(selects)}) AS {quoted(alias)}"

    def path(self, text: str) -> Path:
        """The table that a name means."""
        if "$" in text or "@" in text:
            raise refused(f"The table decorator in {text}")
        match = _TABLE.match(text)
        if match is not None:
            path = (match[1] or self._tables.project, match[2], match[3])
        elif re.fullmatch(r"[\w -]+", text):
            if self._tables.dataset is None:
                raise invalid_query(f'Table name "{text}" cannot be resolved: dataset name is missing.')
            path = (*self._tables.dataset, text)
        else:
            raise invalid_query(f"Invalid table name: {text}")
        if (path[2].startswith("__") and path[2].upper() not in META_TABLES) or path[
            1
        ].upper() == "INFORMATION_SCHEMA":
            raise refused(f"The meta-table {text}")
        return path

    def _days(self, source: DateRange) -> list[Path]:
        """The daily tables of TABLE_DATE_RANGE that exist; of TABLE_DATE_RANGE_STRICT all of them."""
        first, last = (self._moment(e, source.function).date() for e in (source.first, source.last))
        if (last - first).days > _MAX_DAYS:
            raise refused(f"{source.function} of more than {_MAX_DAYS} days")
        found: list[Path] = []
        day = first
        while day <= last:
            path = self.path(source.prefix + day.strftime("%Y%m%d"))
            if self._tables.exists(path):
                found.append(path)
            elif source.strict:
                raise not_found("Table", f"{path[0]}:{path[1]}.{path[2]}")
            day += datetime.timedelta(days=1)
        if not found:
            raise not_found("Table", f"any table matching {source.prefix}YYYYMMDD in the date range")
        return found

    def _moment(self, node: Expression, function: str) -> datetime.datetime:
        """A bound of TABLE_DATE_RANGE: ``TIMESTAMP('YYYY-MM-DD …')``, ``CURRENT_TIMESTAMP()``, or DATE_ADD of
        one of them."""
        if isinstance(node, Call):
            if node.name in ("CURRENT_TIMESTAMP", "NOW") and not node.arguments:
                return _EPOCH + datetime.timedelta(microseconds=self._tables.now_us)
            if node.name == "TIMESTAMP" and len(node.arguments) == 1:
                return self._literal(node.arguments[0], function)
            if node.name == "DATE_ADD" and len(node.arguments) == 3:
                begin, count, unit = node.arguments
                if isinstance(count, Literal) and isinstance(unit, Literal) and count.type == "INTEGER":
                    return _added(self._moment(begin, function), int(count.text), unit.text.upper(), function)
        raise refused(f"{function} with bounds other than TIMESTAMP('YYYY-MM-DD')")

    def _literal(self, node: Expression, function: str) -> datetime.datetime:
        if isinstance(node, Literal) and node.type == "STRING":
            try:
                day = datetime.date.fromisoformat(node.text[:10])
            except ValueError:
                raise refused(f"{function} from or to {node.text}") from None
            return datetime.datetime.combine(day, datetime.time(), datetime.UTC)
        raise refused(f"{function} with bounds other than TIMESTAMP('YYYY-MM-DD')")


def _added(start: datetime.datetime, count: int, unit: str, function: str) -> datetime.datetime:
    """DATE_ADD of a bound; months and years end on the last day that there is."""
    try:
        if unit in _UNITS_US:
            return start + datetime.timedelta(microseconds=count * _UNITS_US[unit])
        if unit in ("MONTH", "YEAR"):
            months = start.year * 12 + start.month - 1 + count * (12 if unit == "YEAR" else 1)
            year, month = months // 12, months % 12 + 1
            return start.replace(year=year, month=month, day=min(start.day, monthrange(year, month)[1]))
    except (OverflowError, ValueError):
        pass
    raise refused(f"{function} with DATE_ADD of {count} {unit}")


def quoted(name: str) -> str:
    """A name in backticks."""
    if "`" in name or "\\" in name:
        raise refused(f"The name {name}")
    return f"`{name}`"
