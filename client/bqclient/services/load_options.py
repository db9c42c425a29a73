"""Options of load jobs, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bqclient.models.attributes import Attribute, integer, write
from bqclient.models.references import TableReference
from bqclient.models.schema import Schema
from bqclient.models.table import RangePartitioning, TimePartitioning

FORMATS = ("CSV", "NEWLINE_DELIMITED_JSON", "AVRO", "PARQUET", "ORC", "DATASTORE_BACKUP")

OPTIONS = (
    Attribute("schema", "schema", write=lambda given: Schema.of(given).to_api()),
    Attribute("autodetect", "autodetect"),
    Attribute("write_disposition", "writeDisposition"),
    Attribute("create_disposition", "createDisposition"),
    Attribute("schema_update_options", "schemaUpdateOptions", write=list),
    Attribute("max_bad_records", "maxBadRecords"),
    Attribute("ignore_unknown_values", "ignoreUnknownValues"),
    Attribute("field_delimiter", "fieldDelimiter"),
    integer("skip_leading_rows", "skipLeadingRows"),
    Attribute("quote", "quote"),
    Attribute("allow_quoted_newlines", "allowQuotedNewlines"),
    Attribute("allow_jagged_rows", "allowJaggedRows"),
    Attribute("encoding", "encoding"),
    Attribute("null_marker", "nullMarker"),
    Attribute("null_markers", "nullMarkers", write=list),
    Attribute("preserve_ascii_control_characters", "preserveAsciiControlCharacters"),
    Attribute("source_column_match", "sourceColumnMatch"),
    Attribute("date_format", "dateFormat"),
    Attribute("datetime_format", "datetimeFormat"),
    Attribute("time_format", "timeFormat"),
    Attribute("timestamp_format", "timestampFormat"),
    Attribute("time_zone", "timeZone"),
    Attribute("json_extension", "jsonExtension"),
    Attribute("use_avro_logical_types", "useAvroLogicalTypes"),
    Attribute("decimal_target_types", "decimalTargetTypes", write=list),
    Attribute("column_name_character_map", "columnNameCharacterMap"),
    Attribute("reference_file_schema_uri", "referenceFileSchemaUri"),
    Attribute("projection_fields", "projectionFields", write=list),
    Attribute("time_partitioning", "timePartitioning", write=TimePartitioning.to_api),
    Attribute("range_partitioning", "rangePartitioning", write=RangePartitioning.to_api),
    Attribute("clustering", "clustering", write=lambda fields: {"fields": list(fields)}),
    Attribute("encryption", "destinationEncryptionConfiguration", write=dict),
    Attribute("hive_partitioning", "hivePartitioningOptions", write=dict),
)
# Options that lie inside another one.
_PARQUET = {
    "parquet_enable_list_inference": "enableListInference",
    "parquet_enum_as_string": "enumAsString",
}
# Options of the job rather than of the load.
_JOB = {"labels": "labels", "job_timeout_ms": "jobTimeoutMs", "reservation": "reservation"}


def load_configuration(
    table: TableReference,
    format_: str,
    options: Mapping[str, Any],
    labels: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The API's job configuration. Raises UsageError for an option or format that is not known."""
    from bqclient.errors import UsageError

    if format_ not in FORMATS:
        raise UsageError(f"The format is one of {', '.join(FORMATS)}, not {format_!r}.")
    given = {name: value for name, value in options.items() if value is not None}
    parquet = {api: given.pop(name) for name, api in _PARQUET.items() if name in given}
    job = {api: given.pop(name) for name, api in _JOB.items() if name in given}
    load = {
        "destinationTable": table.to_api(),
        "sourceFormat": format_,
        **write(OPTIONS, given, "A load"),
    }
    if parquet and format_ == "PARQUET":
        load["parquetOptions"] = parquet
    if labels or "labels" in job:
        job["labels"] = {**(labels or {}), **job.get("labels", {})}
    return {"load": load, **job}
