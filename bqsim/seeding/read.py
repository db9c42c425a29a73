"""Seed files, texts and objects → the model, or all that is wrong with file, line and what to write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bqsim.catalog.shadow import WHOLE, ShadowBlock
from bqsim.datagen import SpecError, read_columns
from bqsim.errors import BigQueryError
from bqsim.sim.scenario.load import text_of
from bqsim.sim.scenario.read import WRONG, Reader
from bqsim.sim.scenario.shapes import record_of
from bqsim.sim.scenario.spelling import unknown
from bqsim.sim.scenario.tree import (
    Leaf,
    Listing,
    Mapped,
    Node,
    Place,
    Problem,
    ScenarioError,
    from_object,
    from_yaml,
)
from bqsim.types import Field
from bqsim.types.api_schema import fields_from_api

from . import model as m
from .columns import api_field
from .statistics import Told

# A seed that cannot be followed: all its problems, a line of text for each.
SeedError = ScenarioError

_COLUMN_KEYS = ("type", "mode", "description", "default", "fields", "collation", "policy_tags")


@dataclass(slots=True)
class TableParts:
    """What the free parts of a table say: API fields, rows, how many to generate and how, statistics."""

    schema: list[dict[str, Any]] | None = None
    rows: list[dict[str, Any]] | None = None
    generate: dict[str, Any] | None = None
    statistics: Told | None = None


@dataclass(slots=True)
class Loaded:
    """A seed, the folder that its paths are relative to, and the free parts of its tables by name."""

    seed: m.Seed
    base: Path
    reader: Reader
    parts: dict[tuple[str, str], TableParts] = field(default_factory=dict)

    def place(self, record: object) -> Place:
        """Where a record of the seed stands."""
        return self.reader.place(record)


def read_seed(given: str | Path | Mapping[str, Any], base: Path | None = None) -> Loaded:
    """The seed of a file, a YAML text (of several lines) or an object. Raises :class:`SeedError`."""
    if isinstance(given, Mapping):
        return _loaded(from_object(given, "seed"), base or Path())
    if isinstance(given, str) and ("\n" in given or given.lstrip().startswith("{")):
        return _loaded(from_yaml(given, "seed"), base or Path())
    path = Path(given)
    return _loaded(from_yaml(text_of(path), str(path)), path.parent)


def _loaded(tree: Node, base: Path) -> Loaded:
    reader = Reader()
    seed: Any = reader.read(record_of(m.Seed), tree)
    problems = [Problem(p.place, p.message.replace("in scenarios", "in seeds")) for p in reader.problems]
    found = Loaded(m.Seed() if seed is WRONG else seed, base, reader)
    if seed is not WRONG:
        for dataset_id, dataset in seed.datasets.items():
            _check_names(reader, dataset, problems)
            for table_id, table in dataset.tables.items():
                parts = _Parts(problems).of(table)
                _check_table(reader, table, parts, problems)
                found.parts[dataset_id, table_id] = parts
        for script in seed.sql:
            if (script.text is None) == (script.file is None):
                problems.append(Problem(reader.place(script, "file"), "a script is a text or a 'file'"))
    if problems:
        raise SeedError(sorted(dict.fromkeys(problems), key=lambda p: (p.place.line, p.place.column)))
    return found


def _check_names(reader: Reader, dataset: m.Dataset, problems: list[Problem]) -> None:
    for name in dataset.tables.keys() & dataset.views.keys():
        place = reader.place(dataset.views[name], "query")
        problems.append(Problem(place, f"'{name}' is a table of this dataset; give the view another name"))


def _check_table(reader: Reader, table: m.Table, parts: TableParts, problems: list[Problem]) -> None:
    sources = [n for n in ("rows", "files", "generate") if getattr(table, n) not in (None, ())]
    if len(sources) > 1 and "generate" in sources:
        place = reader.place(table, "generate")
        problems.append(Problem(place, f"'generate' and '{sources[0]}' exclude each other; use one"))
    if table.statistics is not None and table.generate is not None:
        place = reader.place(table, "statistics")
        text = "'statistics' and 'generate' exclude each other; write 'generate_rows' inside 'statistics'"
        problems.append(Problem(place, text))
    needed = [n for n in ("generate", "statistics") if getattr(table, n) is not None]
    if table.schema is None and (needed or not sources):
        why = f"'{needed[0]}' needs it" if needed else "there are neither 'rows' nor 'files'"
        text = f"the table has no 'schema', and {why}: write 'schema: {{id: INT64, name: STRING}}'"
        problems.append(Problem(reader.place(table, *needed), text))
    ranged = table.partition_by
    if ranged is not None:
        bounds = [n for n in ("start", "end", "interval") if getattr(ranged, n) is not None]
        if bounds and (len(bounds) < 3 or ranged.field is None):
            text = "a partitioning by ranges needs 'field', 'start', 'end' and 'interval'"
            problems.append(Problem(reader.place(ranged, *bounds), text))
    known = {str(f["name"]).casefold() for f in parts.schema or ()}
    named = [("cluster_by", c) for c in table.cluster_by] + [("primary_key", c) for c in table.primary_key]
    if ranged is not None and ranged.field is not None:
        named.append(("partition_by", ranged.field))
    for key, column in named if known else ():
        if column.partition(".")[0].casefold() not in known:
            names = [str(f["name"]) for f in parts.schema or ()]
            problems.append(Problem(reader.place(table, key), unknown("column", column, names)))


class _Parts:
    """Reads the free parts of a table; what is wrong is added to ``problems``."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems

    def of(self, table: m.Table) -> TableParts:
        found = TableParts()
        if table.schema is not None:
            found.schema = self._schema(table.schema)
        if table.rows is not None:
            found.rows = self._rows(table.rows)
        if table.generate is not None:
            found.generate = self._generate(table.generate)
        if table.statistics is not None:
            found.statistics = self._statistics(table.statistics)
        for files in table.files:
            if files.options is not None and not isinstance(files.options, Mapped):
                self._wrong(files.options.place, "a mapping of load options is wanted: {skipLeadingRows: 1}")
        return found

    def _wrong(self, place: Place, message: str) -> None:
        self._problems.append(Problem(place, message))

    def _schema(self, node: Node) -> list[dict[str, Any]] | None:
        if isinstance(node, Mapped):
            found = [self._column(key, value) for key, value in node.entries]
        elif isinstance(node, Listing):
            found = [self._field(item) for item in node.items]
        else:
            hint = "write 'schema: {id: INT64, name: STRING}'"
            self._wrong(node.place, f"a mapping of columns or a list of fields is wanted: {hint}")
            return None
        columns = [one for one in found if one is not None]
        if len(columns) < len(found) or not columns:
            if not found:
                self._wrong(node.place, "a schema has at least one column: write 'id: INT64'")
            return None
        try:
            fields_from_api(columns)
        except BigQueryError as error:
            self._wrong(node.place, error.message)
            return None
        return columns

    def _column(self, key: Leaf, node: Node) -> dict[str, Any] | None:
        name = str(key.value)
        if isinstance(node, Leaf):
            return self._typed(name, node.value, node.place)
        if not isinstance(node, Mapped):
            self._wrong(node.place, f"a type is wanted, {m.LANGUAGE_TYPES}, or a mapping with 'type'")
            return None
        given = {str(k.value): v for k, v in node.entries}
        for k, _ in node.entries:
            if str(k.value) not in _COLUMN_KEYS:
                self._wrong(k.place, unknown("key", str(k.value), list(_COLUMN_KEYS), "a column"))
        if "type" not in given and "fields" not in given:
            self._wrong(node.place, f"the column '{name}' needs a 'type'")
            return None
        type_ = plain(given["type"]) if "type" in given else "RECORD"
        nested = given.get("fields")
        if nested is not None:
            fields = self._schema(nested)
            body: dict[str, Any] | None = {"name": name, "type": "RECORD", "fields": fields or []}
            if fields is None:
                return None
        else:
            body = self._typed(name, type_, given["type"].place)
        if body is None:
            return None
        names = (("description", "description"), ("default", "defaultValueExpression"), ("mode", "mode"))
        body |= {api: plain(given[k]) for k, api in (*names, ("collation", "collation")) if k in given}
        if "policy_tags" in given:
            tags = plain(given["policy_tags"])
            body["policyTags"] = {"names": tags if isinstance(tags, list) else [tags]}
        return body

    def _typed(self, name: str, text: object, place: Place) -> dict[str, Any] | None:
        try:
            return api_field(name, str(text))
        except ValueError as error:
            self._wrong(place, f"{error}; write {m.LANGUAGE_TYPES}")
            return None

    def _field(self, node: Node) -> dict[str, Any] | None:
        value = plain(node)
        if isinstance(value, dict) and isinstance(value.get("name"), str):
            if isinstance(value.get("type"), str) and "<" in value["type"]:
                return self._typed(value["name"], value["type"], node.place)
            return value
        self._wrong(node.place, "a field is a mapping: {name: id, type: INT64, mode: REQUIRED}")
        return None

    def _rows(self, node: Node) -> list[dict[str, Any]] | None:
        if not isinstance(node, Listing):
            self._wrong(node.place, "a list of rows is wanted: '- {id: 1, name: Ada}'")
            return None
        for item in node.items:
            if not isinstance(item, Mapped):
                self._wrong(item.place, "a row is a mapping of values by column: '{id: 1, name: Ada}'")
        return [plain(item) for item in node.items]

    def _generate(self, node: Node) -> dict[str, Any] | None:
        value = plain(node)
        if isinstance(value, int) and not isinstance(value, bool):
            value = {"rows": value}
        if not isinstance(value, dict) or not isinstance(value.get("rows"), int):
            self._wrong(node.place, "a number of rows, or {rows: 1000, columns: {…}}, is wanted")
            return None
        for key in value:
            if key not in ("rows", "columns", "null_share"):
                self._wrong(node.place, unknown("key", key, ["rows", "columns", "null_share"]))
        try:
            read_columns(value.get("columns", {}))
        except SpecError as error:
            self._wrong(node.place, str(error))
        return value

    def _statistics(self, node: Node) -> Told | None:
        value = plain(node)
        if not isinstance(value, dict):
            self._wrong(node.place, "a mapping is wanted: {rows: 1000000, bytes: 64000000}")
            return None
        known: Mapping[str, Callable[[Any], bool]] = {
            "rows": _is_count,
            "bytes": _is_count,
            "columns": lambda v: isinstance(v, dict) and all(map(_is_count, v.values())),
            "partitions": lambda v: isinstance(v, dict) and all(map(_is_partition, v.values())),
            "generate_rows": _is_count,
            "blocks": _are_blocks,
        }
        for key, given in value.items():
            if key not in known:
                self._wrong(node.place, unknown("key", key, list(known), "statistics"))
            elif not known[key](given):
                wanted = {
                    "columns": "bytes by column",
                    "partitions": "{id: {rows: 10, bytes: 80}}",
                    "blocks": "[{bytes: 80, columns: {name: [least, greatest]}}], or such lists by partition",
                }
                self._wrong(node.place, f"'{key}' takes {wanted.get(key, 'a whole number')}")
        if self._problems:
            return None
        if "rows" not in value and "bytes" not in value and "partitions" not in value:
            self._wrong(node.place, "statistics need 'rows', 'bytes' or 'partitions'")
            return None
        partitions = value.get("partitions")
        return Told(
            rows=value.get("rows"),
            bytes=value.get("bytes"),
            columns=value.get("columns", {}),
            partitions=None
            if partitions is None
            else {str(k): (v.get("rows", 0), v.get("bytes"), 0) for k, v in partitions.items()},
            generate=value.get("generate_rows"),
            blocks=_blocks(value.get("blocks", {})),
        )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_partition(value: Any) -> bool:
    return (
        isinstance(value, dict) and value.keys() <= {"rows", "bytes"} and all(map(_is_count, value.values()))
    )


def _are_blocks(value: Any) -> bool:
    lists = value.values() if isinstance(value, dict) else [value]
    return all(isinstance(some, list) and all(map(_is_block, some)) for some in lists)


def _is_block(value: Any) -> bool:
    """Whether it is ``{bytes: 80, columns: {name: [least, greatest, how many NULLs]}}``; the latter 0 unless
    told."""
    if not isinstance(value, dict) or value.keys() != {"bytes", "columns"} or not _is_count(value["bytes"]):
        return False
    columns = value["columns"]
    return isinstance(columns, dict) and all(
        isinstance(ends, list) and len(ends) in (2, 3) and all(map(_is_count, ends[2:]))
        for ends in columns.values()
    )


def _blocks(value: Any) -> dict[str, tuple[ShadowBlock, ...]]:
    by_id = value if isinstance(value, dict) else {WHOLE: value}
    return {str(id_): tuple(map(_block, blocks)) for id_, blocks in by_id.items()}


def _block(value: Any) -> ShadowBlock:
    ends = {
        str(column): (_end(low), _end(high), nulls[0] if nulls else 0)
        for column, (low, high, *nulls) in value["columns"].items()
    }
    return ShadowBlock(value["bytes"], ends)


def _end(value: Any) -> Any:
    """A value as JSON has it: files may have dates and times of their own."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def plain(node: Node) -> Any:
    """The values of a tree as Python's objects."""
    if isinstance(node, Leaf):
        return node.value
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    return {str(key.value): plain(value) for key, value in node.entries}


def fields_of(parts: TableParts) -> tuple[Field, ...]:
    """The columns of a table, none when its schema is to be detected."""
    return fields_from_api(parts.schema) if parts.schema else ()
