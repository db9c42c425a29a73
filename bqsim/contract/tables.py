"""Schema contracts: tables as they are promised, in a file, and the SQL of a code base held to them offline.

::

    project: shop-prod
    tables:
      shop.orders:
        schema:
          - {name: day, type: DATE, mode: REQUIRED}
          - {name: lines, type: RECORD, mode: REPEATED, fields: [{name: sku, type: STRING}]}
        timePartitioning: {type: DAY, field: day}
        clustering: {fields: [sku]}
        requirePartitionFilter: true
    sql: [queries/*.sql]        # relative to the file; each is tried as a dry run

A pin file is written from any endpoint's tables, checked against any endpoint's, and its SQL is checked with
no endpoint at all: a simulator has empty tables like those of the file, in ``project`` where SQL names one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .comparing import Difference, differences
from .errors import ContractError
from .targets import Target, opened

# What of a table is promised.
PINNED = ("timePartitioning", "rangePartitioning", "clustering", "requirePartitionFilter")
_COLUMN = (
    "name",
    "type",
    "mode",
    "fields",
    "maxLength",
    "precision",
    "scale",
    "defaultValueExpression",
    "collation",
)
_TYPES = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}
_MEMBERS = frozenset(("schema", "view", *PINNED))


@dataclass(slots=True)
class Pins:
    """Tables by ``dataset.table``; ``sql`` are globs relative to ``folder``."""

    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    sql: list[str] = field(default_factory=list)
    folder: Path = Path()
    project: str = ""

    @classmethod
    def load(cls, path: str | Path) -> Pins:
        """The pins of a file. :class:`ContractError` tells what is wrong with it."""
        import yaml

        place = Path(path)
        try:
            content = yaml.safe_load(place.read_text(encoding="utf-8"))
        except OSError as error:
            raise ContractError(f"{place}: {error.strerror}") from None
        except yaml.YAMLError as error:
            raise ContractError(f"{place}: not YAML: {error}") from None
        if not isinstance(content, Mapping) or not isinstance(content.get("tables"), Mapping):
            raise ContractError(f"{place}: there are no tables")
        pins = cls({}, [str(glob) for glob in content.get("sql") or ()], place.parent)
        pins.project = str(content.get("project") or "")
        for name, told in content["tables"].items():
            if str(name).count(".") != 1:
                raise ContractError(f"{place}: {name}: a table is named dataset.table")
            if not isinstance(told, Mapping) or not isinstance(told.get("schema"), list):
                raise ContractError(f"{place}: {name}: schema is a list of columns")
            unknown = set(told) - _MEMBERS
            if unknown:
                raise ContractError(f"{place}: {name}: there is no {', '.join(sorted(map(str, unknown)))}")
            pins.tables[str(name)] = pinned({**told, "schema": {"fields": told["schema"]}})
        return pins

    def text(self) -> str:
        """The file."""
        import yaml

        content: dict[str, Any] = {"project": self.project} if self.project else {}
        content |= {"tables": self.tables} | ({"sql": self.sql} if self.sql else {})
        told: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
        return told

    def files(self) -> list[Path]:
        """The files of SQL, in order of their names. :class:`ContractError` for a glob that finds none."""
        found: list[Path] = []
        for glob in self.sql:
            here = sorted(self.folder.glob(glob))
            if not here:
                raise ContractError(f"no file is called {self.folder / glob}")
            found += here
        return found


def pinned(table: Mapping[str, Any]) -> dict[str, Any]:
    """What of a table's resource is promised, in its normal form."""
    out: dict[str, Any] = {"schema": [_column(c) for c in (table.get("schema") or {}).get("fields", ())]}
    for name in PINNED:
        value = table.get(name)
        if value not in (None, {}, [], False):
            out[name] = value
    # The same thing, told at another place.
    partitioning = out.get("timePartitioning")
    if isinstance(partitioning, Mapping) and partitioning.get("requirePartitionFilter") is not None:
        out["timePartitioning"] = {k: v for k, v in partitioning.items() if k != "requirePartitionFilter"}
        if partitioning["requirePartitionFilter"]:
            out["requirePartitionFilter"] = True
    return out


def _column(told: Mapping[str, Any]) -> dict[str, Any]:
    out = {name: told[name] for name in _COLUMN if name in told}
    out["type"] = _TYPES.get(str(out.get("type", "")).upper(), str(out.get("type", "")).upper())
    out["mode"] = str(out.get("mode") or "NULLABLE").upper()
    if "fields" in out:
        out["fields"] = [_column(one) for one in out["fields"]]
    return out


def pin(target: Target, datasets: list[str]) -> Pins:
    """The tables of datasets at an endpoint. :class:`ContractError` when they cannot be read."""
    pins = Pins(project=target.project)
    for dataset in datasets:
        base = f"/bigquery/v2/projects/{target.project}/datasets/{dataset}/tables"
        token: str | None = ""
        while token is not None:
            answer = target.call("GET", base, {"pageToken": token} if token else None)
            if not answer.ok:
                raise ContractError(f"{target.name}: {dataset}: {answer.status} {answer.body}")
            for item in answer.body.get("tables", ()):
                name = item["tableReference"]["tableId"]
                table = target.call("GET", f"{base}/{name}").body
                pins.tables[f"{dataset}.{name}"] = pinned(table)
            token = answer.body.get("nextPageToken")
    return pins


def table_differences(pins: Pins, target: Target) -> Iterator[tuple[str, Difference]]:
    """What differs at an endpoint from what is pinned, table by table. Columns are compared by name."""
    for name, expected in pins.tables.items():
        dataset, _, table = name.partition(".")
        path = f"/bigquery/v2/projects/{target.project}/datasets/{dataset}/tables/{table}"
        answer = target.call("GET", path)
        if not answer.ok:
            yield name, Difference("table", "missing", f"a table, not {answer.status}")
            continue
        found = pinned(answer.body)
        for difference in differences(_by_name(expected), _by_name(found), "", lambda a, b: bool(a == b)):
            yield name, difference


def _by_name(table: Mapping[str, Any]) -> dict[str, Any]:
    return {**table, "schema": _columns(table["schema"])}


def _columns(fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        str(one["name"]): {
            **{k: v for k, v in one.items() if k not in ("name", "fields")},
            **({"fields": _columns(one["fields"])} if "fields" in one else {}),
        }
        for one in fields
    }


@dataclass(frozen=True, slots=True)
class Refused:
    """A file of SQL that the pinned tables do not answer: where and why."""

    path: Path
    message: str
    line: int = 0


def sql_problems(pins: Pins, files: list[Path] | None = None) -> list[Refused]:
    """Dry runs of SQL files in a simulator of their own that has the pinned tables, without rows."""
    import re

    with opened(["bqsim"], pins.project) as (target,):
        _create(pins, target)
        out = []
        for path in pins.files() if files is None else files:
            try:
                sql = path.read_text(encoding="utf-8")
            except OSError as error:
                raise ContractError(f"{path}: {error.strerror}") from None
            query = {"query": sql, "useLegacySql": False}
            body = {"configuration": {"dryRun": True, "query": query}}
            answer = target.call("POST", f"/bigquery/v2/projects/{target.project}/jobs", body=body)
            if not answer.ok:
                message = str(((answer.body or {}).get("error") or {}).get("message", answer.status))
                place = re.search(r"\[(\d+):\d+\]", message)
                out.append(Refused(path, message, int(place[1]) if place else 0))
        return out


def _create(pins: Pins, target: Target) -> None:
    base = f"/bigquery/v2/projects/{target.project}/datasets"
    for dataset in sorted({name.partition(".")[0] for name in pins.tables}):
        target.call("POST", base, body={"datasetReference": {"datasetId": dataset}})
    for name, table in pins.tables.items():
        dataset, _, id = name.partition(".")
        body = {**table, "schema": {"fields": table["schema"]}, "tableReference": {"tableId": id}}
        answer = target.call("POST", f"{base}/{dataset}/tables", body=body)
        if not answer.ok:
            message = ((answer.body or {}).get("error") or {}).get("message", answer.status)
            raise ContractError(f"{name}: {message}")
