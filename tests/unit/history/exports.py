"""One small history, as all tools export it."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import fastavro
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

US = dt.timedelta(microseconds=1)
START = dt.datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=dt.UTC)
START_US = (START - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // US


def rows() -> list[dict[str, Any]]:
    """Rows of JOBS_BY_PROJECT, as Python values."""
    found = []
    for n in range(3):
        created = START + dt.timedelta(seconds=n)
        found.append(
            {
                "creation_time": created,
                "project_id": "p",
                "project_number": 12,
                "user_email": f"ann{n}@example.com",
                "job_id": f"job_{n}",
                "job_type": "QUERY",
                "statement_type": "SELECT",
                "priority": "BATCH" if n == 2 else "INTERACTIVE",
                "start_time": created + dt.timedelta(milliseconds=20),
                "end_time": created + dt.timedelta(milliseconds=520),
                "query": f'SELECT s,\n "a" FROM `p.d.t` WHERE n = {n}',
                "state": "DONE",
                "reservation_id": "admin:US.prod" if n else None,
                "total_bytes_processed": 1000 * n,
                "total_slot_ms": 7 * n,
                "error_result": {"reason": "accessDenied", "message": "no, never"} if n == 2 else None,
                "cache_hit": n == 0,
                "destination_table": {"project_id": "p", "dataset_id": "_a", "table_id": f"anon{n}"},
                "referenced_tables": [{"project_id": "p", "dataset_id": "d", "table_id": "t"}],
                "labels": [{"key": "team", "value": "shop"}] if n else [],
                "job_stages": [
                    {"name": "S00", "id": 0, "input_stages": [], "slot_ms": 4, "records_written": 9},
                    {"name": "S01", "id": 1, "input_stages": [0], "slot_ms": 3, "records_written": 2},
                ],
                "total_bytes_billed": 10485760,
                "parent_job_id": "job_0" if n == 1 else None,
                "something_new": "unknown",
            }
        )
    return found


def _json(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f") + " UTC"
    if isinstance(value, dict):
        return {name: _json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def as_text() -> list[dict[str, Any]]:
    """Rows as `bq query --format=json` prints them: texts for numbers."""
    return [
        {k: _json(v) if not isinstance(v, bool) else str(v).lower() for k, v in r.items()} for r in rows()
    ]


def _csv(of: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(of[0]))
    writer.writeheader()
    for row in of:
        writer.writerow({k: json.dumps(v) if isinstance(v, (list, dict)) else v for k, v in row.items()})
    return out.getvalue()


def _flat_csv() -> str:
    flat = []
    for row in as_text():
        error = row.pop("error_result") or {}
        row["error_result.reason"], row["error_result_message"] = error.get("reason"), error.get("message")
        table = row.pop("destination_table")
        row.update({f"destination_table_{name}": value for name, value in table.items()})
        flat.append(row)
    return _csv(flat)


_FIELDS: list[dict[str, Any]] = [
    {"name": "labels", "type": "RECORD", "mode": "REPEATED"},
    {"name": "referenced_tables", "type": "RECORD", "mode": "REPEATED"},
    {"name": "job_stages", "type": "RECORD", "mode": "REPEATED"},
    {"name": "destination_table", "type": "RECORD"},
    {"name": "error_result", "type": "RECORD"},
]


def fv() -> dict[str, Any]:
    """The answer of getQueryResults."""
    kinds = {one["name"]: one for one in _FIELDS}
    fields = []
    for name, value in rows()[2].items():
        field = dict(kinds.get(name, {"name": name, "type": "STRING"}))
        members = value[0] if isinstance(value, list) else value
        if isinstance(members, dict):
            field["fields"] = [
                {"name": m, "type": "STRING", "mode": "REPEATED" if m == "input_stages" else "NULLABLE"}
                for m in members
            ]
        fields.append(field)

    def cell(value: Any) -> dict[str, Any]:
        if isinstance(value, list):
            return {"v": [cell(item) for item in value]}
        if isinstance(value, dict):
            return {"v": {"f": [cell(item) for item in value.values()]}}
        if isinstance(value, dt.datetime):
            return {"v": repr(value.timestamp())}
        return {
            "v": value if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        }

    body = [{"f": [cell(value) for value in row.values()]} for row in rows()]
    return {"kind": "x", "schema": {"fields": fields}, "jobComplete": True, "rows": body, "totalRows": "3"}


def frame(nanoseconds: int = 0) -> pd.DataFrame:
    """A data frame; with ``nanoseconds`` its times count so many, as ``to_json`` has long written them."""
    found = pd.DataFrame(rows())
    for name in ("creation_time", "start_time", "end_time") if nanoseconds else ():
        found[name] = found[name].astype("datetime64[ns, UTC]").astype("int64") // nanoseconds
    return found


def _parquet(path: Path, wrap: bool = False) -> None:
    table = pa.Table.from_pylist(rows())
    if wrap:
        found = [{**row, "labels": {"list": [{"element": one} for one in row["labels"]]}} for row in rows()]
        table = pa.Table.from_pylist(found)
    pq.write_table(table, path)


_TIME = {"type": "long", "logicalType": "timestamp-micros"}


def _avro(path: Path) -> None:
    def record(name: str, /, **types: Any) -> dict[str, Any]:
        return {"type": "record", "name": name, "fields": [{"name": k, "type": t} for k, t in types.items()]}

    table = record("T", project_id="string", dataset_id="string", table_id="string")
    error = record("E", reason="string", message="string")
    label = record("L", key="string", value="string")
    stage = record(
        "S",
        name="string",
        id="long",
        input_stages={"type": "array", "items": "long"},
        slot_ms="long",
        records_written="long",
    )
    special = {
        "destination_table": table,
        "referenced_tables": {"type": "array", "items": "T"},
        "labels": {"type": "array", "items": label},
        "error_result": ["null", error],
        "job_stages": {"type": "array", "items": stage},
        "cache_hit": "boolean",
    }
    fields = []
    for name, value in rows()[2].items():
        if name in special:
            kind = special[name]
        elif isinstance(value, dt.datetime):
            kind = ["null", _TIME]
        else:
            kind = ["null", "long" if isinstance(value, int) else "string"]
        fields.append({"name": name, "type": kind})
    with path.open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "Root", "fields": fields}, rows(), codec="deflate")


def _text(make: Callable[[], str]) -> Callable[[Path], None]:
    return lambda path: path.write_text(make(), encoding="utf-8") and None


SHAPES: Mapping[str, Callable[[Path], None]] = {
    "bq json": _text(lambda: json.dumps(as_text(), separators=(",", ":"))),
    "bq prettyjson": _text(lambda: json.dumps(as_text(), indent=2)),
    "ndjson": _text(lambda: "".join(json.dumps(r) + "\n" for r in as_text())),
    "ndjson, byte order mark, CRLF": _text(lambda: "\ufeff" + "\r\n".join(map(json.dumps, as_text()))),
    "pretty objects in a row": _text(lambda: "\n".join(json.dumps(r, indent=1) for r in as_text())),
    "two lists": _text(lambda: "\n".join(json.dumps(part) for part in (as_text()[:1], as_text()[1:]))),
    "bq csv": _text(lambda: _csv(as_text())),
    "flattened csv": _text(_flat_csv),
    "rows in f and v": _text(lambda: json.dumps(fv())),
    "to_json": _text(lambda: frame(1_000_000).to_json()),
    "to_json records": _text(lambda: frame().to_json(orient="records", date_format="iso", date_unit="us")),
    "to_json lines": _text(lambda: frame(1).to_json(orient="records", lines=True)),
    "to_json split": _text(lambda: frame(1_000).to_json(orient="split")),
    "to_json index": _text(lambda: frame(1).to_json(orient="index")),
    "to_json table": _text(lambda: frame().to_json(orient="table", date_unit="us")),
    "to_csv": _text(lambda: frame().to_csv(index=False)),
    "parquet": _parquet,
    "parquet of the service": lambda path: _parquet(path, wrap=True),
    "to_parquet": lambda path: frame().to_parquet(path),
    "avro": _avro,
    "gzip": lambda path: path.write_bytes(gzip.compress(json.dumps(as_text()).encode())) and None,
    "gzip csv": lambda path: path.write_bytes(gzip.compress(_csv(as_text()).encode())) and None,
}
