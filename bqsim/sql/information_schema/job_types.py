"""The types of the records in views about jobs."""

from __future__ import annotations

from bqsim.types import BOOL, FLOAT64, INT64, JSON, STRING, TIMESTAMP, Type, array_of, struct_of

TABLE = struct_of(("project_id", STRING), ("dataset_id", STRING), ("table_id", STRING))
ERROR = struct_of(("reason", STRING), ("location", STRING), ("debug_info", STRING), ("message", STRING))
LABELS = array_of(struct_of(("key", STRING), ("value", STRING)))
SESSION = struct_of(("session_id", STRING))
DML = struct_of(("inserted_row_count", INT64), ("deleted_row_count", INT64), ("updated_row_count", INT64))
TIMELINE = array_of(
    struct_of(
        ("elapsed_ms", INT64),
        ("total_slot_ms", INT64),
        ("pending_units", INT64),
        ("completed_units", INT64),
        ("active_units", INT64),
        ("estimated_runnable_units", INT64),
    )
)
_PHASES = [
    (f"{phase}_{measure}", FLOAT64 if measure.startswith("ratio") else INT64)
    for phase in ("wait", "read", "compute", "write")
    for measure in ("ratio_avg", "ms_avg", "ratio_max", "ms_max")
]
STAGES = array_of(
    struct_of(
        ("name", STRING),
        ("id", INT64),
        ("start_ms", INT64),
        ("end_ms", INT64),
        ("input_stages", array_of(INT64)),
        *_PHASES,
        ("shuffle_output_bytes", INT64),
        ("shuffle_output_bytes_spilled", INT64),
        ("records_read", INT64),
        ("records_written", INT64),
        ("parallel_inputs", INT64),
        ("completed_parallel_inputs", INT64),
        ("status", STRING),
        ("steps", array_of(struct_of(("kind", STRING), ("substeps", array_of(STRING))))),
        ("slot_ms", INT64),
        ("compute_mode", STRING),
    )
)
_REASON = array_of(struct_of(("code", STRING), ("message", STRING)))
BI_ENGINE = struct_of(
    ("bi_engine_mode", STRING), ("bi_engine_reasons", _REASON), ("acceleration_mode", STRING)
)
_STANDALONE = struct_of(
    ("stage_id", INT64),
    ("slot_contention", BOOL),
    ("insufficient_shuffle_quota", BOOL),
    ("bi_engine_reasons", _REASON),
    (
        "high_cardinality_joins",
        array_of(
            struct_of(
                ("left_rows", INT64), ("right_rows", INT64), ("output_rows", INT64), ("step_index", INT64)
            )
        ),
    ),
    ("partition_skew", struct_of(("skew_sources", array_of(struct_of(("stage_id", INT64)))))),
)
_CHANGE = struct_of(
    ("stage_id", INT64),
    ("input_data_change", struct_of(("records_read_diff_percentage", FLOAT64))),
)
INSIGHTS = struct_of(
    ("avg_previous_execution_ms", INT64),
    ("stage_performance_standalone_insights", array_of(_STANDALONE)),
    ("stage_performance_change_insights", array_of(_CHANGE)),
)
QUERY_INFO = struct_of(
    ("resource_warning", STRING),
    ("optimization_details", JSON),
    ("query_hashes", struct_of(("normalized_literals", STRING))),
    ("performance_insights", INSIGHTS),
)
MATERIALIZED_VIEWS = struct_of(
    (
        "materialized_view",
        array_of(
            struct_of(
                ("table_reference", TABLE),
                ("chosen", BOOL),
                ("estimated_bytes_saved", INT64),
                ("rejected_reason", STRING),
            )
        ),
    )
)
METADATA_CACHE = struct_of(
    (
        "table_metadata_cache_usage",
        array_of(
            struct_of(
                ("table_reference", TABLE),
                ("table_type", STRING),
                ("unused_reason", STRING),
                ("explanation", STRING),
                ("staleness", STRING),
            )
        ),
    )
)
_UNUSED = array_of(
    struct_of(("code", STRING), ("message", STRING), ("base_table", TABLE), ("index_name", STRING))
)
SEARCH = struct_of(("index_usage_mode", STRING), ("index_unused_reasons", _UNUSED))
CREATION_REASON = struct_of(("code", STRING))
CONTINUOUS = struct_of(("output_watermark", TIMESTAMP))
SERVICE_COSTS: Type = array_of(
    struct_of(
        ("external_service", STRING),
        ("bytes_processed", INT64),
        ("bytes_billed", INT64),
        ("slot_ms", INT64),
        ("reserved_slot_count", INT64),
        ("billing_method", STRING),
    )
)
