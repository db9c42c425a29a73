"""Who was granted what on datasets, tables, views and routines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bqsim.catalog.resources import Dataset

from .view import Form, Scope, View, each

# The basic roles that datasets' access entries name.
_ROLES = {
    "READER": "roles/bigquery.dataViewer",
    "WRITER": "roles/bigquery.dataEditor",
    "OWNER": "roles/bigquery.dataOwner",
}
_GRANTEES = {
    "userByEmail": "user:{}",
    "groupByEmail": "group:{}",
    "domain": "domain:{}",
    "specialGroup": "specialGroup:{}",
    "iamMember": "{}",
}


def _of_dataset(dataset: Dataset) -> Iterator[tuple[Any, ...]]:
    """The grants of a dataset's access entries."""
    access: Sequence[Mapping[str, Any]] = dataset.metadata.get("access") or ()
    for entry in access:
        role = entry.get("role")
        for kind, form in _GRANTEES.items():
            if role and entry.get(kind):
                privilege = _ROLES.get(role, role)
                yield (
                    dataset.ref.project,
                    None,
                    dataset.ref.dataset,
                    "SCHEMA",
                    privilege,
                    form.format(entry[kind]),
                )


def _privileges(scope: Scope) -> Sequence[Any]:
    found = [row for dataset in scope.found for row in _of_dataset(dataset)]
    return scope.only(found, object_schema=lambda r: r[1], object_name=lambda r: r[2])


VIEWS: tuple[View, ...] = (
    View(
        "OBJECT_PRIVILEGES",
        (
            each("object_catalog", lambda r: r[0]),
            each("object_schema", lambda r: r[1]),
            each("object_name", lambda r: r[2]),
            each("object_type", lambda r: r[3]),
            each("privilege_type", lambda r: r[4]),
            each("grantee", lambda r: r[5]),
        ),
        _privileges,
        Form.REGION,
        ("bigquery.datasets.get",),
    ),
)
