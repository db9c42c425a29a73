"""Rules for the ids of datasets, tables and routines, with BigQuery's error texts."""

from __future__ import annotations

import re
import unicodedata
import zlib

from bqsim.errors import BigQueryError, invalid

MAX_ID_LENGTH = 1024
MAX_TABLE_ID_BYTES = 1024
MAX_ROUTINE_ID_LENGTH = 256

_WORD = re.compile(r"[A-Za-z0-9_]+\Z")
# Letters, marks, numbers, connectors, dashes, spaces (page *Table naming*).
_TABLE_CATEGORIES = ("L", "M", "N", "Pc", "Pd", "Zs")


def check_dataset_id(dataset: str) -> None:
    if not dataset:
        raise BigQueryError("required", "Required parameter is missing: datasetId")
    if not _WORD.match(dataset) or len(dataset) > MAX_ID_LENGTH:
        raise invalid(
            f'Invalid dataset ID "{dataset}". Dataset IDs must be alphanumeric (plus underscores) '
            f"and must be at most {MAX_ID_LENGTH} characters long."
        )


def check_table_id(table: str) -> None:
    if not table:
        raise BigQueryError("required", "Required parameter is missing: tableId")
    plain = table.isascii() and _WORD.match(table)
    allowed = plain or all(unicodedata.category(c).startswith(_TABLE_CATEGORIES) for c in table)
    if not allowed or len(table.encode()) > MAX_TABLE_ID_BYTES:
        raise invalid(
            f'Invalid table ID "{table}". Table IDs must be alphanumeric (plus underscores, dashes, and '
            f"spaces) and must be at most {MAX_TABLE_ID_BYTES} characters long."
        )


def check_routine_id(routine: str) -> None:
    if not routine:
        raise BigQueryError("required", "Required parameter is missing: routineId")
    if not _WORD.match(routine) or len(routine) > MAX_ROUTINE_ID_LENGTH:
        raise invalid(
            f'Invalid routine ID "{routine}". Routine IDs must be alphanumeric (plus underscores) '
            f"and must be at most {MAX_ROUTINE_ID_LENGTH} characters long."
        )


def project_number(project: str) -> int:
    """A stable project number."""
    return 100_000_000_000 + zlib.crc32(project.encode("utf-8", "replace"))
