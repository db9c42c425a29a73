"""The dialect: which of GoogleSQL's features, statements and functions BigQuery has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from bqsim.types import DATE, INT64, STRING, TIMESTAMP, Type, array_of, struct_of

from .builtins import excluded_signatures

# GoogleSQL's language features that BigQuery has: the library's full set without what BigQuery does not
# document (ARRAY_EQUALITY, protos, measures, identity columns ...), with what the full set leaves out
# (collation, clones ...).
FEATURES = """
ADDITIONAL_STRING_FUNCTIONS AGGREGATE_FILTERING AGGREGATION_THRESHOLD ALLOW_CONSECUTIVE_ON
ALLOW_DASHES_IN_TABLE_NAME ALLOW_LEGACY_ROW_ACCESS_POLICY_SYNTAX
ALLOW_MISSING_PATH_EXPRESSION_IN_ALTER_DDL ALLOW_REGEXP_EXTRACT_OPTIONALS ALTER_COLUMN_SET_DATA_TYPE
ALTER_TABLE_RENAME_COLUMN ALTER_VIEWS_ALTER_COLUMN_SET_OPTIONS ANALYTIC_FUNCTIONS
ANNOTATION_FRAMEWORK ANONYMIZATION_CASE_INSENSITIVE_OPTIONS ARRAY_AGGREGATION_FUNCTIONS
ARRAY_CONSTRUCTOR_EXPLICIT_TYPE_ENFORCE_TARGET_ANNOTATIONS
ARRAY_FIND_FUNCTIONS BARE_ARRAY_ACCESS BETWEEN_UINT64_INT64 BIGNUMERIC_TYPE
BITWISE_AGGREGATE_BYTES_SIGNATURES BY_NAME CASE_STMT CAST_DIFFERENT_ARRAY_TYPES CBRT_FUNCTIONS
CHAINED_FUNCTION_CALLS CIVIL_TIME COLLATION_IN_EXPLICIT_CAST COLLATION_SUPPORT COLUMN_DEFAULT_VALUE
CONCAT_MIXED_TYPES CORRELATED_REFS_IN_NESTED_DML CORRESPONDING CORRESPONDING_FULL
CREATE_AGGREGATE_FUNCTION CREATE_EXTERNAL_TABLE_WITH_CONNECTION
CREATE_EXTERNAL_TABLE_WITH_PARTITION_COLUMNS CREATE_EXTERNAL_TABLE_WITH_TABLE_ELEMENT_LIST
CREATE_FUNCTION_LANGUAGE_WITH_CONNECTION CREATE_INDEX_PARTITION_BY
CREATE_MATERIALIZED_VIEW_AS_REPLICA_OF CREATE_MATERIALIZED_VIEW_CLUSTER_BY
CREATE_MATERIALIZED_VIEW_PARTITION_BY CREATE_MODEL_WITH_ALIASED_QUERY_LIST CREATE_SNAPSHOT_TABLE
CREATE_TABLE_AS_SELECT_COLUMN_LIST CREATE_TABLE_CLONE CREATE_TABLE_CLUSTER_BY CREATE_TABLE_COPY
CREATE_TABLE_FIELD_ANNOTATIONS CREATE_TABLE_FUNCTION CREATE_TABLE_LIKE CREATE_TABLE_NOT_NULL
CREATE_TABLE_PARTITION_BY CREATE_TABLE_WITH_CONNECTION CREATE_VIEWS_WITH_COLUMN_OPTIONS
CREATE_VIEW_WITH_COLUMN_LIST DATE_ARITHMETICS DATE_TIME_CONSTRUCTORS DECIMAL_ALIAS
DIFFERENTIAL_PRIVACY DISABLE_FLOAT32 DISALLOW_PIVOT_AND_UNPIVOT_ON_ARRAY_SCANS DML_UPDATE_WITH_JOIN
ENABLE_ALTER_ARRAY_OPTIONS ENABLE_CONSTANT_EXPRESSION_IN_JSON_PATH ENABLE_EDIT_DISTANCE_BYTES
ENABLE_FLOAT_DISTANCE_FUNCTIONS ENCRYPTION ENFORCE_MICROS_MODE_IN_INTERVAL_TYPE
EXTENDED_DATE_TIME_SIGNATURES EXTENDED_GEOGRAPHY_PARSERS EXTERNAL_SCHEMA_DDL
EXTERNAL_SECURITY_PROCEDURE FOREIGN_KEYS FORMAT_IN_CAST FOR_IN FOR_SYSTEM_TIME_AS_OF
FUNCTION_ARGUMENTS_WITH_DEFAULTS GEOGRAPHY GROUPING_BUILTIN GROUPING_SETS GROUP_BY_ALL
GROUP_BY_ARRAY GROUP_BY_GRAPH_PATH GROUP_BY_ROLLUP GROUP_BY_STRUCT HAVING_IN_AGGREGATE
IMPLICIT_COERCION_STRING_LITERAL_TO_BYTES INLINE_LAMBDA_ARGUMENT INTERVAL_TYPE IS_DISTINCT
JSON_ARRAY_FUNCTIONS JSON_ARRAY_VALUE_EXTRACTION_FUNCTIONS JSON_CONSTRUCTOR_FUNCTIONS
JSON_CONTAINS_FUNCTION JSON_FLATTEN_FUNCTION JSON_KEYS_FUNCTION JSON_LAX_VALUE_EXTRACTION_FUNCTIONS
JSON_MORE_VALUE_EXTRACTION_FUNCTIONS JSON_MUTATOR_FUNCTIONS JSON_QUERY_LAX JSON_TYPE
JSON_VALUE_EXTRACTION_FUNCTIONS KLL_FLOAT64_PRIMARY_WITH_DOUBLE_ALIAS
KLL_QUANTILES_EXTRACT_RELATIVE_RANK KLL_WEIGHTS LIKE_ANY_SOME_ALL LIKE_ANY_SOME_ALL_ARRAY
LIKE_ANY_SOME_ALL_SUBQUERY LIMIT_IN_AGGREGATE
LIMIT_OFFSET_EXPRESSIONS LITERAL_CONCATENATION LOAD_DATA_PARTITIONS LOAD_DATA_TEMP_TABLE
MATCH_MAKE_STRUCT_IN_GROUP_BY MATCH_RECOGNIZE MULTILEVEL_AGGREGATION MULTIWAY_UNNEST
MULTI_GROUPING_SETS NAMED_ARGUMENTS NESTED_UPDATE_DELETE_WITH_OFFSET NON_SQL_PROCEDURE
NULLS_FIRST_LAST_IN_ORDER_BY NULL_HANDLING_MODIFIER_IN_AGGREGATE NULL_HANDLING_MODIFIER_IN_ANALYTIC
NUMERIC_TYPE OMIT_INSERT_COLUMN_LIST OPT_IN_NEW_BEHAVIOR_NOT_LIKE_ANY_SOME_ALL ORDER_BY_COLLATE
ORDER_BY_IN_AGGREGATE PARAMETERIZED_TYPES PARAMETERS_IN_GRANTEE_LIST
PARSE_TIMESTAMP_WITH_PRECISION_AND_TIMEZONE PIPES PIPE_ASSERT PIPE_CALL_INPUT_TABLE
PIPE_NAMED_WINDOWS PIPE_RECURSIVE_UNION PIPE_WITH PIVOT QUALIFY RANGE_TYPE REMOTE_FUNCTION
REMOTE_MODEL REPEAT ROUND_WITH_ROUNDING_MODE SAFE_FUNCTION_CALL SAFE_FUNCTION_CALL_WITH_LAMBDA_ARGS
SCRIPT_LABEL SELECT_STAR_EXCEPT_REPLACE SIMPLIFY_PIVOT_REWRITE SINGLE_TABLE_NAME_ARRAY_PATH
SQL_GRAPH SQL_GRAPH_ADVANCED_QUERY SQL_GRAPH_BOUNDED_PATH_QUANTIFICATION SQL_GRAPH_CALL
SQL_GRAPH_CHEAPEST_PATH SQL_GRAPH_DYNAMIC_ELEMENT_TYPE SQL_GRAPH_DYNAMIC_LABEL_EXTENSION_IN_DDL
SQL_GRAPH_DYNAMIC_LABEL_PROPERTIES_IN_DDL SQL_GRAPH_EXPOSE_GRAPH_ELEMENT SQL_GRAPH_PATH_MODE
SQL_GRAPH_PATH_SEARCH_PREFIX_PATH_COUNT SQL_GRAPH_PATH_TYPE SQL_GRAPH_RETURN_EXTENSIONS
STRATIFIED_RESERVOIR_TABLESAMPLE TABLESAMPLE TABLESAMPLE_FROM_TABLE_VALUED_FUNCTIONS
TABLE_VALUED_FUNCTIONS TEMPLATED_SQL_FUNCTION_RESOLVE_WITH_TYPED_ARGS TEMPLATE_FUNCTIONS
TIMESTAMP_FROM_UNIX_FUNCTIONS_WITH_UINT64 TIMESTAMP_PRECISION TIME_BUCKET_FUNCTIONS TYPEOF_FUNCTION
UNENFORCED_PRIMARY_KEYS UNNEST_AND_FLATTEN_ARRAYS UNPIVOT WEEK_WITH_WEEKDAY WITH_EXPRESSION
WITH_ON_SUBQUERY WITH_RECURSIVE WITH_RECURSIVE_DEPTH_MODIFIER
""".split()  # noqa: SIM905

RESERVED_KEYWORDS = ("QUALIFY", "MATCH_RECOGNIZE", "GRAPH_TABLE")
# Statements of GoogleSQL's that BigQuery does not have.
_NOT_STATEMENTS = frozenset(
    f"RESOLVED_{name}_STMT"
    for name in (
        "ABORT_BATCH",
        "ALTER_APPROX_VIEW",
        "ALTER_DATABASE",
        "ALTER_PRIVILEGE_RESTRICTION",
        "ALTER_SEQUENCE",
        "ANALYZE",
        "CLONE_DATA",
        "CREATE_APPROX_VIEW",
        "CREATE_CONSTANT",
        "CREATE_DATABASE",
        "CREATE_PRIVILEGE_RESTRICTION",
        "CREATE_SEQUENCE",
        "DEFINE_TABLE",
        "DESCRIBE",
        "DROP_PRIVILEGE_RESTRICTION",
        "EXPLAIN",
        "EXPORT_METADATA",
        "IMPORT",
        "MODULE",
        "RENAME",
        "RUN_BATCH",
        "SET_TRANSACTION",
        "SHOW",
        "START_BATCH",
    )
)
GENERIC_SUB_ENTITY_TYPES = ("REPLICA",)
GENERIC_ENTITY_TYPES = (
    "CAPACITY",
    "RESERVATION",
    "ASSIGNMENT",
    "BI_CAPACITY",
    "DATA_POLICY",
    "PROJECT",
    "ORGANIZATION",
)

# Rewrites of the resolved tree that the engine route sees applied. Each replaces nodes by simpler ones:
# PIVOT and UNPIVOT, ROLLUP and CUBE (to lists of grouping sets), SQL functions (to their bodies), pipe
# ASSERT, TYPEOF. Left out are those that only blow up what an engine has itself: LIKE ANY over a list of
# patterns stays a function, ORDER BY and LIMIT stay in aggregates.
REWRITES = (
    "FLATTEN",
    "PIVOT",
    "UNPIVOT",
    "TYPEOF_FUNCTION",
    "WITH_EXPR",
    "INLINE_SQL_FUNCTIONS",
    "INLINE_SQL_TVFS",
    "INLINE_SQL_UDAS",
    "GROUPING_SET",
    "MULTIWAY_UNNEST",
    "PIPE_ASSERT",
)

# The evaluator knows none of what these replace.
EVALUATION_REWRITES = (
    "FLATTEN",
    "ANONYMIZATION",
    "PROTO_MAP_FNS",
    "UNPIVOT",
    "PIVOT",
    "TYPEOF_FUNCTION",
    "INLINE_SQL_FUNCTIONS",
    "INLINE_SQL_TVFS",
    "INLINE_SQL_UDAS",
    "LIKE_ANY_ALL",
    "BUILTIN_FUNCTION_INLINER",
    "GROUPING_SET",
    "MULTIWAY_UNNEST",
    "PIPE_ASSERT",
    "GENERALIZED_QUERY_STMT",
    "MATCH_RECOGNIZE_FUNCTION",
    "VARIADIC_FUNCTION_SIGNATURE_EXPANDER",
)

SYSTEM_VARIABLES: dict[str, Type] = {
    "time_zone": STRING,
    "project_id": STRING,
    "dataset_id": STRING,
    "dataset_project_id": STRING,
    "location": STRING,
    "current_job_id": STRING,
    "last_job_id": STRING,
    "session_id": STRING,
    "query_label": STRING,
    "row_count": INT64,
    "reservation": STRING,
    "script.bytes_billed": INT64,
    "script.bytes_processed": INT64,
    "script.creation_time": TIMESTAMP,
    "script.job_id": STRING,
    "script.num_child_jobs": INT64,
    "script.slot_ms": INT64,
    "error.message": STRING,
    "error.formatted_stack_trace": STRING,
    "error.statement_text": STRING,
    "error.stack_trace": array_of(
        struct_of(("line", INT64), ("column", INT64), ("filename", STRING), ("location", STRING))
    ),
}


@cache
def language_options() -> Any:
    """The ``LanguageOptionsProto`` of BigQuery's dialect. It is shared: never changed."""
    from zetasql.wasi._pb2.zetasql.proto import options_pb2
    from zetasql.wasi._pb2.zetasql.public import options_pb2 as public

    return options_pb2.LanguageOptionsProto(
        name_resolution_mode=public.NAME_RESOLUTION_DEFAULT,
        product_mode=public.PRODUCT_EXTERNAL,
        enabled_language_features=[public.LanguageFeature.Value("FEATURE_" + name) for name in FEATURES],
        supported_generic_entity_types=GENERIC_ENTITY_TYPES,
        supported_generic_sub_entity_types=GENERIC_SUB_ENTITY_TYPES,
        supported_statement_kinds=_statement_kinds(options_pb2.LanguageOptionsProto.DESCRIPTOR),
        reserved_keywords=RESERVED_KEYWORDS,
    )


def _statement_kinds(options: Any) -> list[int]:
    """The numbers of the statements that BigQuery has."""
    kinds = options.fields_by_name["supported_statement_kinds"].enum_type.values
    return [k.number for k in kinds if k.name.endswith("_STMT") and k.name not in _NOT_STATEMENTS]


@dataclass(frozen=True, slots=True)
class Mentions:
    """What a text mentions that some options are for.

    ``system_variables``: ``@@``. ``partition_columns``: ``_PARTITIONTIME`` and the like, which CREATE TABLE
    may name. ``like_many``: LIKE ANY and LIKE ALL over an array or a subquery.
    """

    system_variables: bool = False
    partition_columns: bool = False
    like_many: bool = False

    @classmethod
    def of(cls, sql: str) -> Mentions:
        return cls("@@" in sql, "_partition" in sql.casefold(), _LIKE_MANY.search(sql) is not None)


_LIKE_MANY = re.compile(
    r"\blike\s+(?:any|some|all)\s*+(?:unnest|\(\s*+(?:select|with|\()|/|-|#)", re.IGNORECASE
)


def analyzer_options(time_zone: str = "UTC", mentions: Mentions = Mentions()) -> Any:
    """A fresh ``AnalyzerOptionsProto`` without parameters."""
    from zetasql.wasi._pb2.zetasql.proto import options_pb2
    from zetasql.wasi._pb2.zetasql.public import options_pb2 as public

    from .types import type_to_proto

    options = options_pb2.AnalyzerOptionsProto(
        language_options=language_options(),
        error_message_mode=public.ERROR_MESSAGE_ONE_LINE,
        default_timezone=time_zone,
        prune_unused_columns=True,
        preserve_column_aliases=True,
        parse_location_record_type=public.PARSE_LOCATION_RECORD_FULL_NODE_SCOPE,
        enabled_rewrites=[public.ResolvedASTRewrite.Value("REWRITE_" + name) for name in REWRITES],
    )
    if mentions.like_many:
        options.enabled_rewrites.append(public.REWRITE_LIKE_ANY_ALL)
    if mentions.system_variables:
        for name, type_ in SYSTEM_VARIABLES.items():
            variable = options.system_variables.add(name_path=name.split("."))
            type_to_proto(type_, variable.type)
    if mentions.partition_columns:
        for name, type_ in (("_PARTITIONTIME", TIMESTAMP), ("_PARTITIONDATE", DATE)):
            type_to_proto(type_, options.ddl_pseudo_columns.add(name=name).type)
    return options


def evaluation_options(time_zone: str = "UTC") -> Any:
    """A fresh ``AnalyzerOptionsProto`` without parameters, for the evaluator: it needs more rewrites."""
    from zetasql.wasi._pb2.zetasql.public import options_pb2 as public

    options = analyzer_options(time_zone)
    options.enabled_rewrites[:] = [
        public.ResolvedASTRewrite.Value("REWRITE_" + n) for n in EVALUATION_REWRITES
    ]
    return options


@lru_cache(maxsize=64)
def serialised_options(time_zone: str, mentions: Mentions) -> bytes:
    """An ``AnalyzeRequest`` with nothing but :func:`analyzer_options`, serialised.

    The bytes of two messages one after the other are those of the merged message, so a request costs no
    serialising of options.
    """
    from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service

    options = analyzer_options(time_zone, mentions)
    return bytes(service.AnalyzeRequest(options=options).SerializeToString())


def set_builtins(proto: Any) -> None:
    """Give a ``ZetaSQLBuiltinFunctionOptionsProto`` BigQuery's builtin functions."""
    proto.language_options.CopyFrom(language_options())
    proto.exclude_function_ids.extend(excluded_signatures())
