"""Data folders of earlier versions, brought to how tables are stored now when they are opened."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .protocol import PARTITION, VERSION_BEGIN

if TYPE_CHECKING:
    from .duckdb import DuckDBEngine

Record = tuple[str, str, str]

# Kinds of records that hold tables, and where.
_TABLES: Mapping[str, tuple[str, ...]] = {"table": ("table",), "history": ("table",), "dropped": ("tables",)}
# No time of a row that is anybody's to see is later (year 2200, epoch microseconds).
_LAST_US = 7_258_118_400_000_000


def brought_up(engine: DuckDBEngine, records: Iterable[Record]) -> list[Record]:
    """The records of a folder, all of whose tables by ingestion time have the column of their partitions.

    Tables that were made before there was one get it, in one transaction: their rows are in the partitions in
    which they arrived.
    """
    found = list(records)
    changed: dict[int, Record] = {}
    units: dict[str, str] = {}
    for n, (kind, key, text) in enumerate(found):
        if kind in _TABLES and '"time_partitioning"' in text:
            document = json.loads(text)
            older = _older(document, kind)
            if older:
                units |= {
                    str(t["storage"]["engine_table"]): str(t["time_partitioning"]["type"]) for t in older
                }
                for table in older:
                    table["storage"]["partition"] = PARTITION
                changed[n] = (kind, key, json.dumps(document, separators=(",", ":"), ensure_ascii=False))
    if changed:
        session = engine.session()
        try:
            with session.transaction():
                for name, unit in units.items():
                    session.execute(f"ALTER TABLE {name} ADD COLUMN IF NOT EXISTS {PARTITION} TIMESTAMP")
                    start = f"date_trunc('{unit}', make_timestamp({VERSION_BEGIN}))"
                    session.execute(
                        f"UPDATE {name} SET {PARTITION} = {start}"
                        f" WHERE {PARTITION} IS NULL AND {VERSION_BEGIN} BETWEEN 0 AND {_LAST_US}"
                    )
                for kind, key, text in changed.values():
                    session.put_metadata(kind, key, text)
        finally:
            session.close()
    return [changed.get(n, record) for n, record in enumerate(found)]


def _older(document: Any, kind: str) -> list[dict[str, Any]]:
    """The tables in a record that are partitioned by ingestion time and have no column for it."""
    tables: list[Any] = []
    for member in _TABLES[kind]:
        given = document.get(member) or []
        tables += given if isinstance(given, list) else [given]
    return [
        table
        for table in tables
        if table.get("storage")
        and "partition" not in table["storage"]
        and "field" not in (table.get("time_partitioning") or {"field": None})
    ]
