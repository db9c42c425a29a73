"""Who was granted what on datasets, tables and views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bqsim.sql.privileges import Privilege, privileges_of

from .view import Form, Scope, View, each


def _privileges(scope: Scope) -> Sequence[Any]:
    """Those of the datasets, and of the tables in those that the query asks for."""
    found: list[Privilege] = []
    schemas, names = scope.asked("object_schema"), scope.asked("object_name").values
    for dataset in scope.found:
        if schemas.values is None:
            found += privileges_of(scope.catalog, dataset.ref)
        elif dataset.ref.dataset not in schemas.values:
            continue
        for table in scope.catalog.tables(dataset.ref):
            if names is None or table.ref.table in names:
                found += privileges_of(scope.catalog, table.ref)
    return scope.only(found, object_schema=lambda p: p.object_schema, object_name=lambda p: p.object_name)


VIEWS: tuple[View, ...] = (
    View(
        "OBJECT_PRIVILEGES",
        (
            each("object_catalog", lambda p: p.object_catalog),
            each("object_schema", lambda p: p.object_schema),
            each("object_name", lambda p: p.object_name),
            each("object_type", lambda p: p.object_type),
            each("privilege_type", lambda p: p.privilege_type),
            each("grantee", lambda p: p.grantee),
        ),
        _privileges,
        Form.REGION,
        ("bigquery.datasets.get",),
    ),
)
