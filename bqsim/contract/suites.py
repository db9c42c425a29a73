"""Suites: steps with what is expected of them, as a YAML file.

::

    suite: orders
    names: {orders: orders_ci}           # ${name:orders} in texts below
    steps:
      - name: the table is made
        call: bigquery.tables.insert
        resource: projects/${project}/datasets/${name:orders}/tables
        body: {tableReference: {tableId: t}, schema: {fields: [{name: n, type: INTEGER}]}}
        expect: {status: 200, body: {type: TABLE}}
      - name: the sum
        query: SELECT SUM(n) AS s FROM ${name:orders}.t
        parameters: [...]                # queryParameters of the API
        configuration: {query: {...}}    # of the job
        expect:
          schema: [{name: s, type: INTEGER}]
          rows: [{s: 6}]                 # in order if the query orders them
          job: {statistics: {query: {statementType: SELECT}}}
      - name: no such table
        query: SELECT * FROM ${name:orders}.none
        expect: {error: {status: 404, reason: notFound}}
      - name: rows come in
        insert: projects/${project}/datasets/${name:orders}/tables/t
        rows: [{n: 1}, {n: 2}]

``load``, ``extract`` and ``copy`` steps take the job's configuration; ``data`` of a load is what is uploaded.
What is not told is not compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bqsim.record.keys import operation_key
from bqsim.record.model import Operation

from .errors import ContractError
from .observed import Memory

_WAYS = ("query", "call", "insert", "load", "extract", "copy", "read")
_DETAILS = (
    "resource",
    "body",
    "params",
    "parameters",
    "configuration",
    "location",
    "rows",
    "options",
    "data",
)
_STEP = frozenset(("name", *_WAYS, *_DETAILS, "fields", "restriction", "expect"))
_EXPECT = frozenset(
    ("status", "body", "schema", "rows", "totalRows", "job", "answer", "error", "insertErrors")
)


def is_suite(path: Path) -> bool:
    """Whether a path is a suite's, by its name."""
    return path.suffix in (".yaml", ".yml")


class Suite:
    """Steps as operations. ``titles`` are the names of the steps."""

    def __init__(self, name: str, names: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.names: Mapping[str, str] = names or {}
        self.operations: list[Operation] = []
        self.titles: list[str] = []
        self._memory = Memory()
        self._seen: dict[str, int] = {}

    def blob(self, reference: dict[str, Any]) -> bytes:
        """The bytes of what steps hold."""
        return self._memory.blob(reference)

    @classmethod
    def load(cls, path: str | Path) -> Suite:
        """The suite of a file. :class:`ContractError` tells what is wrong with it, and in which step."""
        import yaml

        place = Path(path)
        try:
            content = yaml.safe_load(place.read_text(encoding="utf-8"))
        except OSError as error:
            raise ContractError(f"{place}: {error.strerror}") from None
        except yaml.YAMLError as error:
            raise ContractError(f"{place}: not YAML: {error}") from None
        if not isinstance(content, Mapping) or not isinstance(content.get("steps"), list):
            raise ContractError(f"{place}: there is no list of steps")
        unknown = set(content) - {"suite", "steps", "names"}
        if unknown:
            raise ContractError(f"{place}: there is no {', '.join(sorted(map(str, unknown)))} in suites")
        suite = cls(str(content.get("suite") or place.stem), content.get("names"))
        for number, step in enumerate(content["steps"], 1):
            suite.add(step, f"{place}: step {number}")
        return suite

    def add(self, step: Any, where: str = "the step") -> None:
        """Add a step. :class:`ContractError` when it is none."""
        if not isinstance(step, Mapping):
            raise ContractError(f"{where}: a mapping is expected")
        unknown = set(step) - _STEP
        if unknown:
            raise ContractError(f"{where}: there is no {', '.join(sorted(map(str, unknown)))} in steps")
        ways = [way for way in _WAYS if way in step]
        if len(ways) != 1:
            raise ContractError(
                f"{where}: one of {', '.join(_WAYS)} is expected, not {' and '.join(ways) or 'none'}"
            )
        kind, request = self._request(ways[0], step, where)
        result = self._result(step.get("expect") or {}, kind, where)
        key = operation_key(kind, request)
        self._seen[key] = self._seen.get(key, 0) + 1
        self.operations.append(Operation(kind, key, self._seen[key], request, result))
        self.titles.append(str(step.get("name") or f"step {len(self.operations)}"))

    def _request(self, way: str, step: Mapping[str, Any], where: str) -> tuple[str, dict[str, Any]]:
        value = step[way]
        if way == "query":
            given = step.get("configuration") or {}
            work = {"useLegacySql": False, **(given.get("query") or {})}
            request: dict[str, Any] = {"sql": str(value), "configuration": {**given, "query": work}}
            if step.get("parameters"):
                request["parameters"] = step["parameters"]
                named = all(isinstance(p, Mapping) and "name" in p for p in step["parameters"])
                request["parameterMode"] = "NAMED" if named else "POSITIONAL"
            if step.get("location"):
                request["location"] = step["location"]
            return way, request
        if way == "call":
            if not isinstance(step.get("resource"), str):
                raise ContractError(f"{where}: resource is missing")
            request = {"method": value, "resource": step["resource"]}
            request |= {"query": step["params"]} if "params" in step else {}
            return "metadata", request | ({"body": step["body"]} if "body" in step else {})
        if way == "insert":
            rows = step.get("rows")
            if not isinstance(rows, list):
                raise ContractError(f"{where}: rows are missing")
            return way, {
                "table": value,
                "options": step.get("options") or {},
                "count": len(rows),
                "rows": [self._ndjson(rows)],
                "ids": True,
            }
        if way == "read":
            request = {"table": value}
            return "rows", request | {k: step[k] for k in ("fields", "restriction") if k in step}
        if not isinstance(value, Mapping):
            raise ContractError(f"{where}: the configuration of the job is expected")
        request = {"configuration": {way: dict(value)}}
        if "data" in step:
            request["upload"] = self._memory.put(str(step["data"]).encode(), "application/octet-stream")
        return way, request

    def _result(self, expect: Any, kind: str, where: str) -> dict[str, Any]:
        if not isinstance(expect, Mapping):
            raise ContractError(f"{where}: expect is a mapping")
        unknown = set(expect) - _EXPECT
        if unknown:
            raise ContractError(f"{where}: nothing is expected as {', '.join(sorted(map(str, unknown)))}")
        result = dict(expect)
        schema = result.get("schema")
        if isinstance(schema, list):
            result["schema"] = {"fields": schema}
        if "rows" in result:
            rows = result.pop("rows")
            if not isinstance(rows, list):
                raise ContractError(f"{where}: rows are a list")
            result["totalRows"] = result.get("totalRows", len(rows))
            if rows and "schema" in result:
                names = [field["name"] for field in result["schema"]["fields"]]
                told = [dict(zip(names, r, strict=False)) if isinstance(r, list) else r for r in rows]
                result["rows"] = [self._ndjson(told)]
            elif rows:
                raise ContractError(f"{where}: expected rows need a schema, which tells their types")
        return result

    def _ndjson(self, rows: list[Any]) -> dict[str, Any]:
        data = "".join(json.dumps(row, default=str) + "\n" for row in rows).encode()
        reference = self._memory.put(data, "application/x-ndjson")
        return {"start": 0, "count": len(rows), "format": "ndjson", "data": reference}
