"""The configuration of a load job: parsed and checked once, before the job exists."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqsim.engine.formats.csv import CsvOptions
from bqsim.engine.formats.files import SELF_DESCRIBING, FileOptions
from bqsim.engine.formats.time_formats import TimeFormats
from bqsim.errors import BigQueryError, invalid, unsupported
from bqsim.jobs.config import Target, parse_properties, parse_target
from bqsim.jobs.reading import bad_value, boolean, enum, int64, items, mapping, required, text, texts
from bqsim.sql.statements.file_options import CHARACTER_MAPS, DELIMITERS, ENCODINGS
from bqsim.sql.statements.file_source import FileSource, source_of
from bqsim.sql.statements.hive_names import HiveNames, hive_names
from bqsim.types import Field
from bqsim.types.api_schema import fields_from_api

if TYPE_CHECKING:
    from bqsim.jobs.upload import Upload

# Source formats, and whether bqsim reads them.
FORMATS: dict[str, bool] = {
    "CSV": True,
    "NEWLINE_DELIMITED_JSON": True,
    "PARQUET": True,
    "AVRO": True,
    "ORC": True,
    "DATASTORE_BACKUP": False,
}
DECIMAL_TYPES = frozenset({"NUMERIC", "BIGNUMERIC", "STRING"})
# Page "Quotas and limits": source URIs in a job configuration.
MAX_URIS = 10_000
_TEXT_FORMATS = frozenset({"CSV", "NEWLINE_DELIMITED_JSON"})
_MAPS = frozenset({"", "COLUMN_NAME_CHARACTER_MAP_UNSPECIFIED", *CHARACTER_MAPS})
_FILE_SETS = frozenset(
    {"", "FILE_SET_SPEC_TYPE_FILE_SYSTEM_MATCH", "FILE_SET_SPEC_TYPE_NEW_LINE_DELIMITED_MANIFEST"}
)
_MATCHES = frozenset({"", "SOURCE_COLUMN_MATCH_UNSPECIFIED", "POSITION", "NAME"})
_MAP_TARGETS = frozenset({"", "MAP_TARGET_TYPE_UNSPECIFIED", "ARRAY_OF_STRUCT"})
_INLINE = re.compile(r"\s*([^:,\s]+)\s*:\s*([A-Za-z0-9]+)\s*\Z")


@dataclass(frozen=True, slots=True)
class LoadConfig:
    """``JobConfigurationLoad``. ``fields`` None is a schema not given.

    The files are the ``upload`` or those of ``source``. ``session_id`` is that of the connection properties.
    ``temporary``: the target is a temporary table of the session.
    """

    target: Target
    options: FileOptions
    fields: tuple[Field, ...] | None
    autodetect: bool
    upload: Upload | None = None
    source: FileSource | None = None
    hive: HiveNames | None = None
    create_session: bool = False
    session_id: str = ""
    temporary: bool = False

    @property
    def format(self) -> str:
        return self.options.format

    @property
    def detects(self) -> bool:
        """Whether the files tell their schema."""
        return self.autodetect or self.format in SELF_DESCRIBING


def parse_load(body: Mapping[str, Any], project: str, upload: Upload | None) -> LoadConfig:
    """Read a load configuration; 400 for what is wrong with it."""
    if not body.get("destinationTable"):
        raise required("destinationTable")
    options = file_options(body)
    target = parse_target(body, project, default_write="WRITE_APPEND")
    if target.time_partitioning is not None and target.range_partitioning is not None:
        raise invalid("Only one of timePartitioning and rangePartitioning can be specified.")
    uris = texts(body, "sourceUris")
    hive = hive_names(mapping(body, "hivePartitioningOptions"), uris)
    source = _source(body, uris, options) if upload is None else None
    if upload is not None and hive is not None:
        raise invalid("Hive partitioning is not supported for uploaded files.")
    return LoadConfig(
        target=target,
        options=options,
        fields=_schema(body),
        autodetect=boolean(body, "autodetect", False) and options.format in _TEXT_FORMATS,
        upload=upload,
        source=source,
        hive=hive,
        create_session=boolean(body, "createSession", False),
        session_id=parse_properties(body).get("session_id", ""),
    )


def _source(body: Mapping[str, Any], uris: tuple[str, ...], options: FileOptions) -> FileSource:
    if not uris:
        raise invalid("Load configuration must specify at least one source URI")
    if len(uris) > MAX_URIS:
        raise invalid(f"Too many sources provided: {len(uris)}. Limit is {MAX_URIS}.")
    enum(body, "fileSetSpecType", _FILE_SETS, "")
    config = {
        "sourceUris": uris,
        "sourceFormat": options.format,
        "fileSetSpecType": text(body, "fileSetSpecType"),
        "referenceFileSchemaUri": text(body, "referenceFileSchemaUri"),
    }
    try:
        return source_of(config)
    except BigQueryError as error:
        if error.reason.name != "invalidQuery":
            raise
        raise invalid(error.message) from None


def _schema(body: Mapping[str, Any]) -> tuple[Field, ...] | None:
    given = items(mapping(body, "schema"), "fields")
    inline = text(body, "schemaInline")
    if given or inline is None:
        return fields_from_api(given) if given else None
    if enum(body, "schemaInlineFormat", frozenset({"INLINE", "JSON"}), "INLINE") == "INLINE":
        pairs = [_INLINE.match(part) for part in inline.split(",")]
        if not all(pairs):
            raise bad_value("schemaInline", inline)
        return fields_from_api([{"name": p[1], "type": p[2].upper()} for p in pairs if p is not None])
    try:
        read = json.loads(inline)
    except (ValueError, RecursionError):
        raise bad_value("schemaInline", inline) from None
    listed = read.get("fields") if isinstance(read, dict) else read
    if not isinstance(listed, list):
        raise bad_value("schemaInline", inline)
    return fields_from_api(listed)


# -- options of files


def file_options(body: Mapping[str, Any]) -> FileOptions:
    """How the files of a load configuration are to be read."""
    format_ = enum(body, "sourceFormat", frozenset(FORMATS), "CSV")
    if not FORMATS[format_]:
        raise unsupported(f"The source format {format_}")
    if boolean(body, "copyFilesOnly", False):
        raise unsupported("The load option copyFilesOnly")
    if any(str(p) != "6" for p in items(body, "timestampTargetPrecision")):
        raise unsupported("The load option timestampTargetPrecision")
    decimals = tuple(t.upper() for t in texts(body, "decimalTargetTypes"))
    for target in decimals:
        if target not in DECIMAL_TYPES:
            raise bad_value("decimalTargetTypes", target)
    bad_records = int64(body, "maxBadRecords") or 0
    if bad_records < 0:
        raise bad_value("maxBadRecords", bad_records)
    extension = enum(body, "jsonExtension", frozenset({"", "JSON_EXTENSION_UNSPECIFIED", "GEOJSON"}), "")
    if extension == "GEOJSON" and format_ != "NEWLINE_DELIMITED_JSON":
        raise invalid(
            "jsonExtension is only supported for the NEWLINE_DELIMITED_JSON format.", "jsonExtension"
        )
    parquet = mapping(body, "parquetOptions")
    names = enum(body, "columnNameCharacterMap", _MAPS, "")
    if enum(parquet, "mapTargetType", _MAP_TARGETS, "") == "ARRAY_OF_STRUCT":
        raise unsupported("The Parquet option mapTargetType ARRAY_OF_STRUCT")
    return FileOptions(
        format=format_,
        csv=_csv(body),
        ignore_unknown=boolean(body, "ignoreUnknownValues", False),
        max_bad_records=bad_records,
        infer_lists=boolean(parquet, "enableListInference", False),
        logical_types=boolean(body, "useAvroLogicalTypes", False),
        decimal_types=decimals,
        enum_as_string=boolean(parquet, "enumAsString", False),
        geojson=extension == "GEOJSON",
        names=names if names in CHARACTER_MAPS else "STRICT",
    )


def _csv(body: Mapping[str, Any]) -> CsvOptions:
    encoding = (text(body, "encoding") or "UTF-8").upper()
    if encoding not in ENCODINGS:
        raise bad_value("encoding", body["encoding"])
    markers = texts(body, "nullMarkers")
    if markers and body.get("nullMarker") is not None:
        raise invalid("Only one of nullMarker and nullMarkers can be specified.", "nullMarkers")
    skip = int64(body, "skipLeadingRows")
    if skip is not None and skip < 0:
        raise bad_value("skipLeadingRows", skip)
    quote = body.get("quote")
    if quote is not None and (not isinstance(quote, str) or len(quote) > 1):
        raise invalid(f"Quote must be at most one character, found {str(quote)[:20]!r}", "quote")
    return CsvOptions(
        delimiter=_delimiter(body),
        quote='"' if quote is None else quote,
        skip_leading_rows=skip,
        null_marker=text(body, "nullMarker") or "",
        allow_jagged_rows=boolean(body, "allowJaggedRows", False),
        allow_quoted_newlines=boolean(body, "allowQuotedNewlines", False),
        ignore_unknown=boolean(body, "ignoreUnknownValues", False),
        encoding=ENCODINGS[encoding],
        null_markers=markers,
        by_name=enum(body, "sourceColumnMatch", _MATCHES, "") == "NAME",
        control_characters=boolean(body, "preserveAsciiControlCharacters", False),
        formats=_time_formats(body),
    )


def _delimiter(body: Mapping[str, Any]) -> str | None:
    delimiter = text(body, "fieldDelimiter")
    if delimiter is None:
        return None
    delimiter = DELIMITERS.get(delimiter, delimiter)
    if len(delimiter) != 1:
        raise invalid(
            f"The field delimiter must be one character, found {delimiter[:20]!r}", "fieldDelimiter"
        )
    return delimiter


def _time_formats(body: Mapping[str, Any]) -> TimeFormats:
    formats = TimeFormats(
        date=text(body, "dateFormat") or "",
        datetime=text(body, "datetimeFormat") or "",
        time=text(body, "timeFormat") or "",
        timestamp=text(body, "timestampFormat") or "",
        zone=text(body, "timeZone") or "UTC",
    )
    try:
        formats.check()
    except BigQueryError as error:
        raise invalid(error.message) from None
    return formats
