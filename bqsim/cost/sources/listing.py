"""Queries of a YAML list: with owners, labels, schedules, parameters and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from bqsim.cost.bench import fingerprinted
from bqsim.cost.documents import SIZE, read_document, refuse
from bqsim.cost.errors import CostError
from bqsim.cost.model import Query, Rate, Workload
from bqsim.cost.schedule import scheduled
from bqsim.sim.scenario import kinds as k
from bqsim.sim.scenario.shapes import Free
from bqsim.sim.scenario.tree import Leaf, Listing, Mapped, Node, Problem

from .sql import query_of, text_of

Text = Annotated[str, k.TEXT]
Name = Annotated[str, k.NAME]
FREE = Free({"type": "object", "description": "Members of configuration.query, as the API has them."})
PARAMETERS = Free({"type": "object", "description": "Values by name, or {type, value}."})


@dataclass(frozen=True, slots=True)
class ListedQuery:
    """A query: ``sql`` or a ``file`` beside the list, and what is known of it."""

    principal: ClassVar[str] = "file"
    file: Name | None = None
    sql: Text | None = None
    name: Name | None = None
    owner: Text = ""
    labels: Mapping[Name, Text] = field(default_factory=dict)
    schedule: Text | None = None
    runs_per_month: Annotated[float, k.AMOUNT] | None = None
    project: Text = ""
    dataset: Text = ""
    destination: Name | None = None
    max_bytes_billed: Annotated[int, SIZE] | None = None
    use_cache: Annotated[bool, k.FLAG] = True
    legacy: Annotated[bool, k.FLAG] = False
    parameters: Annotated[Any, PARAMETERS] = None
    configuration: Annotated[Any, FREE] = None


@dataclass(frozen=True, slots=True)
class QueryList:
    """A workload: its name, what holds for all of its queries, and these."""

    queries: tuple[ListedQuery, ...]
    name: Text = ""
    owner: Text = ""
    project: Text = ""
    dataset: Text = ""


def read_listing(path: Path) -> Workload:
    """The workload of a list. Raises :class:`CostError` with a line for each problem."""
    given, reader = read_document(path, QueryList, "list of queries")
    problems: list[Problem] = []
    queries: list[Query] = []
    for one in given.queries:
        place = reader.place(one, "sql", "file", "name")
        if (one.sql is None) == (one.file is None):
            problems.append(Problem(place, "a query is a text ('sql') or a 'file'"))
            continue
        try:
            queries.append(_query(one, given, path, place.line))
        except (ValueError, CostError) as error:
            problems.append(Problem(place, str(error)))
    names = [query.name for query in queries]
    problems += [
        Problem(reader.place(one, "name"), f"the name {one.name!r} is given twice")
        for one in given.queries
        if one.name is not None and names.count(one.name) > 1
    ]
    refuse(problems, "list of queries")
    return Workload(given.name or path.stem, tuple(queries))


def _query(one: ListedQuery, given: QueryList, path: Path, line: int) -> Query:
    if one.file is not None:
        file = path.parent / one.file
        query = query_of(file, text_of(file), one.name or one.file)
    else:
        assert one.sql is not None
        query = Query(one.name or "", one.sql.strip("\n"), file=path.as_posix(), line=line)
    query = fingerprinted(query)
    configuration = {str(n): v for n, v in (_plain(one.configuration) or {}).items()}
    if one.destination is not None:
        configuration["destinationTable"] = _table(one.destination, one.project or given.project)
    if one.max_bytes_billed is not None:
        configuration["maximumBytesBilled"] = str(one.max_bytes_billed)
    if not one.use_cache:
        configuration["useQueryCache"] = False
    if one.legacy:
        configuration["useLegacySql"] = True
    if one.parameters is not None:
        configuration["parameterMode"] = "NAMED"
        configuration["queryParameters"] = [
            _parameter(name, value) for name, value in _plain(one.parameters).items()
        ]
    return replace(
        query,
        name=query.name or query.fingerprint,
        owner=one.owner or given.owner,
        labels=dict(one.labels),
        project=one.project or given.project,
        dataset=one.dataset or given.dataset,
        configuration=configuration,
        rate=_rate(one),
    )


def _rate(one: ListedQuery) -> Rate:
    if one.runs_per_month is not None:
        return Rate(one.runs_per_month, one.runs_per_month, one.runs_per_month, "schedule")
    return scheduled(one.schedule) if one.schedule is not None else Rate()


def _table(text: str, project: str) -> dict[str, str]:
    parts = text.split(".")
    if len(parts) == 2:
        parts.insert(0, project)
    if len(parts) != 3:
        raise ValueError(f"{text!r} is no table: write it as dataset.table or project.dataset.table")
    found = dict(zip(("projectId", "datasetId", "tableId"), parts, strict=True))
    return {name: value for name, value in found.items() if value}


def _parameter(name: str, value: Any) -> dict[str, Any]:
    """A query parameter of a plain value, or of ``{type, value}``."""
    type_ = ""
    if isinstance(value, Mapping):
        type_, value = str(value.get("type", "")), value.get("value")
    if isinstance(value, list):
        element = type_.removeprefix("ARRAY<").removesuffix(">") or _type(value[0] if value else "")
        return {
            "name": name,
            "parameterType": {"type": "ARRAY", "arrayType": {"type": element}},
            "parameterValue": {"arrayValues": [{"value": _shown(v)} for v in value]},
        }
    told = {"type": type_ or _type(value)}
    return {"name": name, "parameterType": told, "parameterValue": {"value": _shown(value)}}


def _type(value: Any) -> str:
    kinds = {bool: "BOOL", int: "INT64", float: "FLOAT64"}
    return kinds.get(type(value), "STRING")


def _shown(value: Any) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _plain(node: Node | None) -> Any:
    """A tree as plain objects."""
    if isinstance(node, Leaf):
        return node.value
    if isinstance(node, Listing):
        return [_plain(one) for one in node.items]
    if isinstance(node, Mapped):
        return {key.value: _plain(value) for key, value in node.entries}
    return None
