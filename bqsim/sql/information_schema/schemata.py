"""Views about datasets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bqsim.catalog.resources import Dataset
from bqsim.sql.statements.options import shown_options

from .ddl import schema_ddl
from .view import REGIONAL, Column, Form, Scope, View, always, each, micros, nothing, nulls

_NEEDS = ("bigquery.datasets.get",)


def _datasets(scope: Scope) -> Sequence[Any]:
    return scope.datasets("schema_name")


def _options(scope: Scope) -> Sequence[Any]:
    found = [
        (dataset, *option)
        for dataset in _datasets(scope)
        for option in shown_options(dataset)
        if option[0] != "location"
    ]
    return scope.only(found, option_name=lambda o: o[1])


def _name(of: Callable[[Any], Dataset]) -> tuple[Column, ...]:
    return (
        each("catalog_name", lambda item: of(item).ref.project),
        each("schema_name", lambda item: of(item).ref.dataset),
    )


_SELF = _name(lambda d: d)
# A dataset without replicas elsewhere has one, its own.
_REPLICA = (
    *_SELF,
    each("replica_name", lambda d: d.location.lower()),
    each("location", lambda d: d.location),
    always("replica_primary_assigned", True, "B"),
    always("replica_primary_assignment_complete", True, "B"),
    each("creation_time", lambda d: micros(d.created_ms), "T"),
    always("creation_complete", True, "B"),
    *nulls("replication_time:T sync_status:J"),
)

VIEWS: tuple[View, ...] = (
    View(
        "SCHEMATA",
        (
            *_SELF,
            always("schema_owner"),
            each("creation_time", lambda d: micros(d.created_ms), "T"),
            each("last_modified_time", lambda d: micros(d.modified_ms), "T"),
            each("location", lambda d: d.location),
            each("ddl", schema_ddl),
            each("default_collation_name", lambda d: d.default_collation or "NULL"),
            always("sync_status", None, "J"),
        ),
        _datasets,
        REGIONAL,
        _NEEDS,
    ),
    View(
        "SCHEMATA_OPTIONS",
        (
            *_name(lambda o: o[0]),
            each("option_name", lambda o: o[1]),
            each("option_type", lambda o: o[2]),
            each("option_value", lambda o: o[3]),
        ),
        _options,
        REGIONAL,
        _NEEDS,
    ),
    View(
        "SCHEMATA_LINKS",
        nulls(
            "catalog_name schema_name linked_schema_catalog_number linked_schema_catalog_name"
            " linked_schema_name linked_schema_creation_time:T linked_schema_org_display_name"
            " shared_asset_id link_type"
        ),
        nothing,
        REGIONAL,
        _NEEDS,
    ),
    View("SCHEMATA_REPLICAS", _REPLICA, _datasets, REGIONAL, _NEEDS),
    View(
        "SCHEMATA_REPLICAS_BY_FAILOVER_RESERVATION",
        (*nulls("failover_reservation_project_id failover_reservation_name"), *_REPLICA),
        nothing,
        Form.REGION,
        _NEEDS,
    ),
    View(
        "SHARED_DATASET_USAGE",
        nulls(
            "project_id dataset_id table_id data_exchange_id listing_id job_start_time:T job_end_time:T"
            " job_id job_project_number:I job_location linked_project_number:I linked_dataset_id"
            " subscriber_org_number:I subscriber_org_display_name job_principal_subject num_rows_processed:I"
            " total_bytes_processed:I shared_resource_id shared_resource_type referenced_tables:S[]"
        ),
        nothing,
        REGIONAL,
        ("bigquery.datasets.listSharedDatasetUsage",),
    ),
)
