"""OPTIONS(…) of LOAD DATA and CREATE EXTERNAL TABLE, and the API's ``ExternalDataConfiguration``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bqsim.engine.formats.csv import CsvOptions
from bqsim.engine.formats.files import FileOptions
from bqsim.engine.formats.time_formats import TimeFormats
from bqsim.errors import BigQueryError, invalid_query, unsupported
from bqsim.types.api_schema import fields_from_api

from .options import interval_text, option_value

# Option -> (type, where the API keeps it). Pages "LOAD DATA statement", "CREATE EXTERNAL TABLE statement".
_OPTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "allow_jagged_rows": ("BOOL", ("csvOptions", "allowJaggedRows")),
    "allow_quoted_newlines": ("BOOL", ("csvOptions", "allowQuotedNewlines")),
    "column_name_character_map": ("STRING", ("columnNameCharacterMap",)),
    "compression": ("STRING", ("compression",)),
    "date_format": ("STRING", ("dateFormat",)),
    "datetime_format": ("STRING", ("datetimeFormat",)),
    "decimal_target_types": ("ARRAY<STRING>", ("decimalTargetTypes",)),
    "enable_list_inference": ("BOOL", ("parquetOptions", "enableListInference")),
    "enable_logical_types": ("BOOL", ("avroOptions", "useAvroLogicalTypes")),
    "encoding": ("STRING", ("csvOptions", "encoding")),
    "enum_as_string": ("BOOL", ("parquetOptions", "enumAsString")),
    "field_delimiter": ("STRING", ("csvOptions", "fieldDelimiter")),
    "file_set_spec_type": ("STRING", ("fileSetSpecType",)),
    "format": ("STRING", ("sourceFormat",)),
    "hive_partition_uri_prefix": ("STRING", ("hivePartitioningOptions", "sourceUriPrefix")),
    "ignore_unknown_values": ("BOOL", ("ignoreUnknownValues",)),
    "json_extension": ("STRING", ("jsonExtension",)),
    "max_bad_records": ("INT64", ("maxBadRecords",)),
    "max_staleness": ("INTERVAL", ("maxStaleness",)),
    "metadata_cache_mode": ("STRING", ("metadataCacheMode",)),
    "null_marker": ("STRING", ("csvOptions", "nullMarker")),
    "null_markers": ("ARRAY<STRING>", ("csvOptions", "nullMarkers")),
    "object_metadata": ("STRING", ("objectMetadata",)),
    "preserve_ascii_control_characters": ("BOOL", ("csvOptions", "preserveAsciiControlCharacters")),
    "projection_fields": ("STRING", ("projectionFields",)),
    "quote": ("STRING", ("csvOptions", "quote")),
    "reference_file_schema_uri": ("STRING", ("referenceFileSchemaUri",)),
    "require_hive_partition_filter": ("BOOL", ("hivePartitioningOptions", "requirePartitionFilter")),
    "sheet_range": ("STRING", ("googleSheetsOptions", "range")),
    "skip_leading_rows": ("INT64", ("csvOptions", "skipLeadingRows")),
    "source_column_match": ("STRING", ("csvOptions", "sourceColumnMatch")),
    "time_format": ("STRING", ("timeFormat",)),
    "time_zone": ("STRING", ("timeZone",)),
    "timestamp_format": ("STRING", ("timestampFormat",)),
    "uris": ("ARRAY<STRING>", ("sourceUris",)),
}
# The API's names of formats by those of SQL.
_FORMATS = {
    "CSV": "CSV",
    "JSON": "NEWLINE_DELIMITED_JSON",
    "NEWLINE_DELIMITED_JSON": "NEWLINE_DELIMITED_JSON",
    "PARQUET": "PARQUET",
    "AVRO": "AVRO",
    "ORC": "ORC",
}
_FORMATS_ELSEWHERE = frozenset(
    {
        "BIGTABLE",
        "CLOUD_BIGTABLE",
        "DATASTORE_BACKUP",
        "CLOUD_DATASTORE",
        "GOOGLE_SHEETS",
        "ICEBERG",
        "DELTA_LAKE",
        "NEWLINE_DELIMITED_GEOJSON",
    }
)
# What bqsim does not do for who sets it (to anything but these values).
_REFUSED: dict[tuple[str, ...], tuple[Any, ...]] = {
    ("googleSheetsOptions", "range"): (),
    ("metadataCacheMode",): ("AUTOMATIC",),
    ("objectMetadata",): (),
    ("projectionFields",): (),
}
ENCODINGS = {
    "UTF8": "utf-8",
    "UTF-8": "utf-8",
    "ISO_8859_1": "iso-8859-1",
    "ISO-8859-1": "iso-8859-1",
    "UTF-16BE": "utf-16-be",
    "UTF-16LE": "utf-16-le",
    "UTF-32BE": "utf-32-be",
    "UTF-32LE": "utf-32-le",
}
CHARACTER_MAPS = ("STRICT", "V1", "V2")
_TEXT_FORMATS = ("CSV", "JSON", "NEWLINE_DELIMITED_JSON")
DELIMITERS = {"tab": "\t", "\\t": "\t"}


def known_option(name: str) -> bool:
    """Whether an option is about files, not about the table."""
    return name in _OPTIONS


def configuration(values: Mapping[str, Any], statement: str) -> dict[str, Any]:
    """Options of a statement as the API's ``ExternalDataConfiguration``."""
    config: dict[str, Any] = {}
    for name, value in values.items():
        if name not in _OPTIONS:
            raise invalid_query(f"Unknown option: {name}")
        type_, path = _OPTIONS[name]
        value = option_value(name, type_, value)
        if value is None:
            continue
        at = config
        for key in path[:-1]:
            at = at.setdefault(key, {})
        at[path[-1]] = value if type_ != "INTERVAL" else interval_text(value)
    for name in ("format", "uris"):
        if not config.get(_OPTIONS[name][1][0]):
            raise invalid_query(f"Option '{name}' is required for {statement} statement")
    config["sourceFormat"] = format_of(config["sourceFormat"])
    return config


def format_of(name: str) -> str:
    """The API's name of a source format."""
    upper = name.upper()
    if upper in _FORMATS:
        return _FORMATS[upper]
    if upper in _FORMATS_ELSEWHERE:
        raise unsupported(f"The source format {upper}")
    raise invalid_query(f"Invalid value for option 'format': {name}")


def file_options(config: Mapping[str, Any]) -> FileOptions:
    """How the files of an ``ExternalDataConfiguration`` are to be read."""
    for path, harmless in _REFUSED.items():
        value: Any = config
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None and value not in harmless:
            raise unsupported(f"The file option {path[-1]}")
    format_ = format_of(config.get("sourceFormat") or "CSV")
    names = _one_of(config, "columnNameCharacterMap", "column_name_character_map", CHARACTER_MAPS)
    if names not in (None, "STRICT") and format_ not in ("PARQUET", "ORC", "AVRO"):
        raise unsupported(f"The file option column_name_character_map {names} for {format_} files")
    extension = _one_of(config, "jsonExtension", "json_extension", ("GEOJSON",))
    if extension is not None and format_ != "NEWLINE_DELIMITED_JSON":
        raise invalid_query("Option json_extension is only allowed for the format NEWLINE_DELIMITED_JSON")
    decimals = tuple(str(t).upper() for t in config.get("decimalTargetTypes") or ())
    for target in decimals:
        if target not in ("NUMERIC", "BIGNUMERIC", "STRING"):
            raise _bad("decimal_target_types", target)
    return FileOptions(
        format=format_,
        csv=_csv(config),
        decimal_types=decimals,
        enum_as_string=bool((config.get("parquetOptions") or {}).get("enumAsString")),
        geojson=extension is not None,
        names=names or "STRICT",
        ignore_unknown=bool(config.get("ignoreUnknownValues")),
        max_bad_records=int(config.get("maxBadRecords") or 0),
        infer_lists=bool((config.get("parquetOptions") or {}).get("enableListInference")),
        logical_types=bool((config.get("avroOptions") or {}).get("useAvroLogicalTypes")),
    )


def _one_of(config: Mapping[str, Any], member: str, name: str, known: tuple[str, ...]) -> str | None:
    """The word that a member of a configuration is, in capitals."""
    value = config.get(member)
    if not value:
        return None
    if str(value).upper() not in known:
        raise _bad(name, str(value))
    return str(value).upper()


def _formats(config: Mapping[str, Any]) -> TimeFormats:
    """How dates and times are written. CSV and JSON have them (page *LOAD DATA statement*)."""
    found = TimeFormats(
        date=config.get("dateFormat") or "",
        datetime=config.get("datetimeFormat") or "",
        time=config.get("timeFormat") or "",
        timestamp=config.get("timestampFormat") or "",
        zone=config.get("timeZone") or "UTC",
    )
    found.check()
    if found != TimeFormats() and (config.get("sourceFormat") or "CSV").upper() not in _TEXT_FORMATS:
        raise invalid_query("Formats of dates and time_zone are only allowed for CSV and JSON files")
    return found


def _csv(config: Mapping[str, Any]) -> CsvOptions:
    csv: Mapping[str, Any] = config.get("csvOptions") or {}
    given = csv.get("encoding") or (config.get("jsonOptions") or {}).get("encoding") or "UTF-8"
    encoding = ENCODINGS.get(given.upper())
    if encoding is None:
        raise _bad("encoding", given)
    delimiter = csv.get("fieldDelimiter")
    if delimiter:
        delimiter = DELIMITERS.get(delimiter, delimiter)
        if len(delimiter) != 1:
            raise _bad("field_delimiter", delimiter)
    quote = csv.get("quote")
    if quote is not None and len(quote) > 1:
        raise _bad("quote", quote)
    skip = csv.get("skipLeadingRows")
    skip = None if skip is None else int(skip)
    if skip is not None and skip < 0:
        raise _bad("skip_leading_rows", str(skip))
    return CsvOptions(
        delimiter=delimiter or None,
        quote='"' if quote is None else quote,
        skip_leading_rows=skip,
        null_marker=csv.get("nullMarker") or "",
        allow_jagged_rows=bool(csv.get("allowJaggedRows")),
        allow_quoted_newlines=bool(csv.get("allowQuotedNewlines")),
        ignore_unknown=bool(config.get("ignoreUnknownValues")),
        encoding=encoding,
        null_markers=_null_markers(csv),
        by_name=_one_of(csv, "sourceColumnMatch", "source_column_match", ("POSITION", "NAME")) == "NAME",
        control_characters=bool(csv.get("preserveAsciiControlCharacters")),
        formats=_formats(config),
    )


def _null_markers(csv: Mapping[str, Any]) -> tuple[str, ...]:
    markers = tuple(csv.get("nullMarkers") or ())
    if markers and csv.get("nullMarker") is not None:
        raise invalid_query("Options null_marker and null_markers cannot be specified at the same time")
    return markers


def given_fields(config: Mapping[str, Any]) -> Any:
    """The schema in an ``ExternalDataConfiguration``; None without one."""
    fields = (config.get("schema") or {}).get("fields")
    return fields_from_api(fields) if fields else None


def _bad(name: str, value: str) -> BigQueryError:
    return invalid_query(f"Invalid value for option '{name}': {value}")
