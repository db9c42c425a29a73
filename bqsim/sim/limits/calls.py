"""What limits need to know of a call at the gate: where it goes, how large it is, and what it is about."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import unquote

from bqsim.sim.gate import Call
from bqsim.sim.methods import BATCH_COMMIT, READ

from .model import Facts, Moment

INSERT_ALL = "bigquery.tabledata.insertAll"


class World(Protocol):
    """What is known of the resources that calls name; asked on the event loop, so it must be quick."""

    def region_of(self, project: str, dataset: str | None) -> str:
        """The location of a dataset, or of a project's jobs, in lower case."""
        ...

    def traits_of(self, project: str, dataset: str, table: str) -> frozenset[str] | None:
        """Of a table: ``partitioned``, ``ingestion_time``, ``snapshot``; None when there is none."""
        ...

    def policies_of(self, project: str, dataset: str, table: str) -> int:
        """How many row access policies a table has."""
        ...


class Nowhere:
    """A world without resources, all in one region."""

    def __init__(self, region: str = "us") -> None:
        self._region = region

    def region_of(self, project: str, dataset: str | None) -> str:
        return self._region

    def traits_of(self, project: str, dataset: str, table: str) -> frozenset[str] | None:
        return None

    def policies_of(self, project: str, dataset: str, table: str) -> int:
        return 0


class Named:
    """The resources that a call names. ``table`` and ``template`` are without a partition decorator."""

    __slots__ = ("dataset", "location", "project", "resource", "routine", "table", "template")

    def __init__(self, call: Call) -> None:
        parts = [unquote(part) if "%" in part else part for part in call.resource.split("/")]
        path = dict(zip(parts[::2], parts[1::2], strict=False))
        body: Mapping[str, Any] = call.body if isinstance(call.body, Mapping) else {}
        self.project = path.get("projects", "")
        self.dataset = path.get("datasets") or _text(_inner(body, "datasetReference").get("datasetId"))
        self.table = path.get("tables") or _text(_inner(body, "tableReference").get("tableId"))
        self.table = self.table.partition("$")[0]
        self.routine = path.get("routines") or _text(_inner(body, "routineReference").get("routineId"))
        self.template = self.table
        if self.table and call.method == INSERT_ALL:
            self.template = self.table + _text(body.get("templateSuffix"))
        self.location = (
            path.get("locations")
            or _text(_inner(body, "jobReference").get("location"))
            or _text(body.get("location"))
            or call.query.get("location", "")
        ).lower()
        self.resource = call.resource
        if self.routine:
            self.resource = f"projects/{self.project}/datasets/{self.dataset}/routines/{self.routine}"


def facts_of(call: Call, moment: Moment, world: World, sizes: Mapping[str, int] | None = None) -> Facts:
    """The facts of ``call`` at ``moment``; its sizes are measured unless they are given."""
    named = Named(call)
    project, dataset, table = named.project, named.dataset, named.table
    return Facts(
        moment,
        method=call.method,
        caller=call.caller,
        project=project,
        region=named.location or world.region_of(project, dataset or None),
        dataset=f"{project}:{dataset}" if dataset else "",
        table=f"{project}:{dataset}.{named.template}" if table else "",
        resource=named.resource,
        flags=frozenset(_flags(call, named, world)),
        sizes=_sizes(call, named, world) if sizes is None else sizes,
    )


def _flags(call: Call, named: Named, world: World) -> Iterator[str]:
    if call.method == INSERT_ALL:
        if any(_text(row.get("insertId")) for row in _rows(call)):
            yield "insert_id"
    elif named.table and call.method.startswith("bigquery.tables."):
        traits = world.traits_of(named.project, named.dataset, named.table)
        if traits is None and isinstance(call.body, Mapping):
            traits = described_traits(call.body)
        yield from traits or ()


def described_traits(table: Mapping[str, Any]) -> frozenset[str]:
    """The traits of a table that an API resource describes."""
    traits = set()
    if table.get("timePartitioning") or table.get("rangePartitioning"):
        traits.add("partitioned")
        time = table.get("timePartitioning")
        if isinstance(time, Mapping) and not time.get("field"):
            traits.add("ingestion_time")
    return frozenset(traits)


# Sizes

Measure = Callable[[Call, Named, World], int | None]


def _sizes(call: Call, named: Named, world: World) -> dict[str, int]:
    measured = ((name, measure(call, named, world)) for name, measure in MEASURES.get(call.method, ()))
    sizes = {name: size for name, size in measured if size is not None}
    if call.transport == "rest":
        sizes["header_bytes"] = header_bytes(call)
        sizes["request_bytes"] = call.size
    return sizes


def header_bytes(call: Call) -> int:
    """The head of a request as the service counts it: the URL and the header lines."""
    query = sum(len(name) + len(value) + 2 for name, value in call.query.items())
    return len(call.resource) + query + sum(len(n) + len(v) + 4 for n, v in call.headers.items())


def leaf_columns(fields: Any) -> int:
    """How many columns a schema has, of records those within."""
    return sum(leaf_columns(_nested(f)) if _nested(f) else 1 for f in _objects(fields))


def record_levels(fields: Any) -> int:
    """How deep the records of a schema are nested; 0 without records."""
    return max((1 + record_levels(_nested(f)) for f in _objects(fields) if _nested(f)), default=0)


def _insert_bytes(call: Call, named: Named, world: World) -> int:
    return call.size or len(json.dumps(call.body, separators=(",", ":"), ensure_ascii=False))


def _row_bytes(call: Call, named: Named, world: World) -> int:
    return max((len(json.dumps(row.get("json"), ensure_ascii=False)) for row in _rows(call)), default=0)


def _insert_id(call: Call, named: Named, world: World) -> int:
    return max((len(_text(row.get("insertId"))) for row in _rows(call)), default=0)


def _template_tables(call: Call, named: Named, world: World) -> int:
    if named.template == named.table:
        return 0
    return 0 if world.traits_of(named.project, named.dataset, named.template) is not None else 1


def _max_results(call: Call, named: Named, world: World) -> int | None:
    given = call.query.get("maxResults", "")
    return int(given) if given.isdecimal() else None


def _columns(call: Call, named: Named, world: World) -> int:
    return leaf_columns(_inner(call.body, "schema").get("fields"))


def _levels(call: Call, named: Named, world: World) -> int:
    return record_levels(_inner(call.body, "schema").get("fields"))


def _view_characters(call: Call, named: Named, world: World) -> int:
    views = (_inner(call.body, name).get("query") for name in ("view", "materializedView"))
    return max(len(_text(query)) for query in views)


def _authorized(call: Call, named: Named, world: World) -> int:
    entries = call.body.get("access") if isinstance(call.body, Mapping) else None
    return sum(1 for e in _objects(entries) if any(e.get(k) for k in ("view", "routine", "dataset")))


def _policies(call: Call, named: Named, world: World) -> int:
    return 1 + world.policies_of(named.project, named.dataset, named.table)


def _trace_id(call: Call, named: Named, world: World) -> int:
    return len(call.body.read_session.trace_id.encode())


def _restriction(call: Call, named: Named, world: World) -> int:
    return len(call.body.read_session.read_options.row_restriction.encode())


MEASURES: Mapping[str, tuple[tuple[str, Measure], ...]] = {
    INSERT_ALL: (
        ("bytes", _insert_bytes),
        ("rows", lambda call, named, world: len(_rows(call))),
        ("row_bytes", _row_bytes),
        ("insert_id_characters", _insert_id),
        ("template_tables", _template_tables),
    ),
    "bigquery.tabledata.list": (("max_results", _max_results),),
    **{
        f"bigquery.tables.{verb}": (
            ("columns", _columns),
            ("record_levels", _levels),
            ("view_characters", _view_characters),
        )
        for verb in ("insert", "patch", "update")
    },
    **{
        f"bigquery.datasets.{verb}": (("authorized_resources", _authorized),)
        for verb in ("insert", "patch", "update")
    },
    "bigquery.rowAccessPolicies.insert": (("row_access_policies", _policies),),
    READ + "CreateReadSession": (("trace_id_bytes", _trace_id), ("row_restriction_bytes", _restriction)),
    BATCH_COMMIT: (("streams", lambda call, named, world: len(call.body.write_streams)),),
}


def _rows(call: Call) -> list[Mapping[str, Any]]:
    return _objects(call.body.get("rows") if isinstance(call.body, Mapping) else None)


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _nested(field: Mapping[str, Any]) -> Any:
    return field.get("fields")


def _inner(value: Any, name: str) -> Mapping[str, Any]:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
