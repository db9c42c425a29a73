"""Views about search and vector indexes."""

from __future__ import annotations

from .view import Form, View, nothing, nulls

_INDEX = "index_catalog index_schema table_name index_name "
_STATE = (
    "index_status creation_time:T last_modification_time:T last_refresh_time:T disable_time:T disable_reason"
    " ddl coverage_percentage:I unindexed_row_count:I total_logical_bytes:I total_storage_bytes:I"
)
_COLUMNS = _INDEX + "index_column_name index_field_path"
_OPTIONS = _INDEX + "option_name option_type option_value"
_NEEDS = ("bigquery.tables.get", "bigquery.tables.list")

VIEWS: tuple[View, ...] = tuple(
    View(name, nulls(columns), nothing, Form.DATASET, _NEEDS)
    for name, columns in (
        ("SEARCH_INDEXES", _INDEX + _STATE + " analyzer"),
        ("SEARCH_INDEX_COLUMNS", _COLUMNS),
        ("SEARCH_INDEX_COLUMN_OPTIONS", _INDEX + "column_name option_name option_type option_value"),
        ("SEARCH_INDEX_OPTIONS", _OPTIONS),
        ("VECTOR_INDEXES", _INDEX + _STATE),
        ("VECTOR_INDEX_COLUMNS", _COLUMNS),
        ("VECTOR_INDEX_OPTIONS", _OPTIONS),
    )
)
