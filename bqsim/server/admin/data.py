"""Rows straight into tables, over HTTP."""

from __future__ import annotations

from functools import partial
from typing import Any

from bqsim.datagen import SpecError
from bqsim.errors import invalid

from .asking import Ask
from .routes import Route


def _fill(ask: Ask) -> dict[str, Any]:
    from bqsim.jobs.filling import fill

    kinds = {"tables": dict, "project": str, "seed": int}
    tables = ask.needed("tables", **kinds)
    given = ask.fields(**kinds)
    project = given.get("project") or ask.scope or ask.core.settings.project
    work = partial(fill, ask.core.executor, project=project, data=tables, seed=given.get("seed", 0))
    try:
        return {"rows": ask.core.pool.submit(work).result()}
    except SpecError as error:
        raise invalid(str(error), "tables") from None


ROUTES = (
    Route(
        "POST",
        "data",
        _fill,
        "Append rows to tables: {tables: {dataset.table: [row]}, project, seed}, or {schema, rows: 1000, "
        "columns} to generate them.",
    ),
)
