"""STREAMING_TIMELINE and WRITE_API_TIMELINE: what was streamed into tables, by minute."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bqsim.catalog.ingestion import HISTORY_US, Ingestion
from bqsim.catalog.names import project_number

from .jobs import ALL_PROJECTS
from .view import Column, Form, Scope, View, always, each

_NEEDS = ("bigquery.tables.list",)


def _minutes(of: Callable[[Scope], Ingestion], kind: str) -> Callable[[Scope], Sequence[Any]]:
    def find(scope: Scope) -> Sequence[Any]:
        since = scope.now_us - HISTORY_US
        found = []
        for minute in of(scope).minutes():
            project = minute.table.project
            dataset = scope.catalog.find_dataset(minute.table.dataset_ref)
            here = dataset is None or scope.in_region(dataset.location)
            if minute.start_us >= since and here and (kind in ALL_PROJECTS or project == scope.project):
                found.append(minute)
        return scope.only(
            found,
            start_timestamp=lambda m: m.start_us,
            dataset_id=lambda m: m.table.dataset,
            table_id=lambda m: m.table.table,
        )

    return find


def _columns(kind: str, *, write_api: bool) -> tuple[Column, ...]:
    stream = (each("stream_type", lambda m: m.stream),) if write_api else ()
    return (
        each("start_timestamp", lambda m: m.start_us, "T"),
        each("project_id", lambda m: m.table.project),
        each("project_number", lambda m: project_number(m.table.project), "I"),
        *((always("folder_numbers", None, "I[]"),) if kind in ALL_PROJECTS else ()),
        each("dataset_id", lambda m: m.table.dataset),
        each("table_id", lambda m: m.table.table),
        *stream,
        each("error_code", lambda m: m.code or ("OK" if write_api else None)),
        each("total_requests", lambda m: m.requests, "I"),
        each("total_rows", lambda m: m.rows, "I"),
        each("total_input_bytes", lambda m: m.bytes, "I"),
    )


VIEWS: tuple[View, ...] = tuple(
    View(
        name + (f"_{kind}" if kind else ""),
        _columns(kind, write_api=name == "WRITE_API_TIMELINE"),
        _minutes(of, kind),
        Form.REGION,
        _NEEDS,
    )
    for name, of in (
        ("STREAMING_TIMELINE", lambda scope: scope.catalog.streamed),
        ("WRITE_API_TIMELINE", lambda scope: scope.catalog.written),
    )
    for kind in ("", "BY_PROJECT", "BY_FOLDER", "BY_ORGANIZATION")
)
