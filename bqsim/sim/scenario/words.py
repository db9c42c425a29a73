"""The words that scenarios use, as BigQuery spells them where it has a word."""

from __future__ import annotations

from bqsim.errors import STATUS_CODES

TRANSPORTS = ("rest", "grpc")
JOB_TYPES = ("QUERY", "LOAD", "COPY", "EXTRACT")
JOB_STATES = ("PENDING", "RUNNING", "DONE")
CLOCK_MODES = ("real", "scaled", "manual")
LEVELS = ("request", "job")
# request phases: before, after; of jobs: queue, run; of answers: first_byte, page; of AppendRows: ack
PHASES = ("before", "queue", "run", "first_byte", "page", "ack", "after")
NETWORK_FAULTS = (
    "reset",
    "half_close",
    "stall",
    "drip",
    "truncate",
    "corrupt",
    "wrong_length",
    "goaway",
    "rst_stream",
    "html",
    "empty",
    "refused",
)
# Those that cut an HTTP/1.1 connection off by a TCP reset.
RESETS = ("reset", "goaway", "rst_stream", "refused")
NETWORK_POINTS = ("before_headers", "after_headers", "body")
JOB_OUTCOMES = ("hold", "stuck", "fail", "cancel_wins", "cancel_loses", "cancel_too_late", "progress")
STALE_VIEWS = ("metadata", "table", "rows", "jobs", "information_schema")
LATENCY_PRESETS = ("bigquery-2026-08",)
LIMIT_PROFILES = ("off", "bigquery")

GRPC_STATUSES = tuple(name for name in STATUS_CODES if name != "OK")

# StorageError.StorageErrorCode of the Storage API
STORAGE_CODES = (
    "TABLE_NOT_FOUND",
    "STREAM_ALREADY_COMMITTED",
    "STREAM_NOT_FOUND",
    "INVALID_STREAM_TYPE",
    "INVALID_STREAM_STATE",
    "STREAM_FINALIZED",
    "SCHEMA_MISMATCH_EXTRA_FIELDS",
    "OFFSET_ALREADY_EXISTS",
    "OFFSET_OUT_OF_RANGE",
    "CMEK_NOT_PROVIDED",
    "INVALID_CMEK_PROVIDED",
    "CMEK_ENCRYPTION_ERROR",
    "KMS_SERVICE_ERROR",
    "KMS_PERMISSION_DENIED",
)

# JobStatistics2.statementType
STATEMENT_TYPES = (
    "SELECT",
    "ASSERT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "TRUNCATE_TABLE",
    "CREATE_TABLE",
    "CREATE_TABLE_AS_SELECT",
    "CREATE_VIEW",
    "CREATE_MATERIALIZED_VIEW",
    "CREATE_EXTERNAL_TABLE",
    "CREATE_SNAPSHOT_TABLE",
    "CREATE_SCHEMA",
    "CREATE_FUNCTION",
    "CREATE_TABLE_FUNCTION",
    "CREATE_PROCEDURE",
    "CREATE_MODEL",
    "CREATE_ROW_ACCESS_POLICY",
    "CREATE_SEARCH_INDEX",
    "CREATE_VECTOR_INDEX",
    "ALTER_TABLE",
    "ALTER_VIEW",
    "ALTER_MATERIALIZED_VIEW",
    "ALTER_SCHEMA",
    "ALTER_MODEL",
    "ALTER_VECTOR_INDEX",
    "DROP_TABLE",
    "DROP_VIEW",
    "DROP_MATERIALIZED_VIEW",
    "DROP_EXTERNAL_TABLE",
    "DROP_SNAPSHOT_TABLE",
    "DROP_SCHEMA",
    "DROP_FUNCTION",
    "DROP_TABLE_FUNCTION",
    "DROP_PROCEDURE",
    "DROP_MODEL",
    "DROP_ROW_ACCESS_POLICY",
    "DROP_ALL_ROW_ACCESS_POLICIES",
    "DROP_SEARCH_INDEX",
    "DROP_VECTOR_INDEX",
    "EXPORT_DATA",
    "EXPORT_MODEL",
    "LOAD_DATA",
    "CALL",
    "EXECUTE_IMMEDIATE",
    "BEGIN_TRANSACTION",
    "COMMIT_TRANSACTION",
    "ROLLBACK_TRANSACTION",
    "UNDROP_SCHEMA",
    "UNDROP_TABLE",
    "SCRIPT",
)
