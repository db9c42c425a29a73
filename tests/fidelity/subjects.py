"""What there is to be faithful about: from the tables of the program, and areas by name.

Every subject needs a test that shows it, so that nothing is left out in silence.
"""

from __future__ import annotations

from collections.abc import Iterator

from bqsim.errors import REASONS
from bqsim.server.grpc.methods import METHODS as GRPC
from bqsim.server.rest.methods import METHODS as REST
from bqsim.sim.latency.presets import PRESETS
from bqsim.sim.limits import BIGQUERY
from bqsim.sim.scenario import words
from bqsim.sql.information_schema import views
from bqsim.sql.statements import HANDLERS
from tests.conformance.check import SUITES

from .areas import AREAS, EFFECTS, SCRIPT_STATEMENTS, UNNAMED_VIEWS
from .functions import CALLS
from .kinds import subjects as types

FAMILIES: dict[str, str] = {
    "rest": "REST methods",
    "http": "REST as a protocol",
    "fields": "Groups of fields",
    "grpc": "Methods of the Storage API",
    "read": "Storage Read API",
    "write": "Storage Write API",
    "streaming": "Streaming with insertAll",
    "job": "Jobs",
    "load": "Formats and sources of loads",
    "statement": "Statements",
    "sql": "GoogleSQL",
    "function": "Functions and operators",
    "type": "Types",
    "view": "INFORMATION_SCHEMA",
    "bytes": "Bytes accounting",
    "iam": "Identity and access",
    "time": "What time does",
    "reason": "Error reasons, of requests and of jobs",
    "status": "gRPC statuses",
    "storage-code": "Codes of StorageError",
    "limit": "Quotas and limits",
    "latency": "Latency",
    "effect": "Faults",
    "network": "Faults of the network",
    "storage": "Cloud Storage",
    "service": "Other services",
    "recording": "Recording, replay, and checks by recordings",
    "capacity": "Capacity rehearsal",
    "suite": "Recorded cases",
}

# Statements whose node has another name, or several statements in one.
_NODES: dict[str, tuple[str, ...]] = {
    "resolved_query_stmt": ("SELECT",),
    "resolved_truncate_stmt": ("TRUNCATE TABLE",),
    "resolved_undrop_stmt": ("UNDROP SCHEMA",),
    "resolved_aux_load_data_stmt": ("LOAD DATA",),
    "resolved_alter_table_set_options_stmt": (),
    "resolved_drop_stmt": (
        "DROP SCHEMA",
        "DROP TABLE",
        "DROP VIEW",
        "DROP PROCEDURE",
        "DROP EXTERNAL TABLE",
        "DROP MODEL",
        "DROP CAPACITY",
        "DROP RESERVATION",
        "DROP ASSIGNMENT",
    ),
    "resolved_create_index_stmt": ("CREATE SEARCH INDEX", "CREATE VECTOR INDEX"),
    "resolved_drop_index_stmt": ("DROP SEARCH INDEX", "DROP VECTOR INDEX"),
    "resolved_create_entity_stmt": (
        "CREATE CAPACITY",
        "CREATE RESERVATION",
        "CREATE ASSIGNMENT",
        "CREATE DATA_POLICY",
    ),
    "resolved_alter_entity_stmt": (
        "ALTER CAPACITY",
        "ALTER RESERVATION",
        "ALTER ASSIGNMENT",
        "ALTER BI_CAPACITY",
        "ALTER PROJECT",
        "ALTER ORGANIZATION",
        "ALTER DATA_POLICY",
    ),
}


def statements_of(node: str) -> tuple[str, ...]:
    """The statements that a kind of node stands for."""
    plain = node.removeprefix("resolved_").removesuffix("_stmt").replace("_", " ").upper()
    return _NODES.get(node, (plain,))


def _statements() -> Iterator[tuple[str, str]]:
    for node in HANDLERS:
        yield from ((name, "") for name in statements_of(node))
    yield from ((name, "in scripts") for name in SCRIPT_STATEMENTS)


def _tables() -> Iterator[tuple[str, str, str]]:
    for rest in REST:
        yield "rest", rest.id, f"{rest.verb} {rest.path}"
    for grpc in GRPC:
        yield "grpc", f"{grpc.service}.{grpc.name}", grpc.shape.value
    for name, title in _statements():
        yield "statement", name, title
    for name in CALLS:
        yield "function", name, ""
    yield from (("type", name, title) for name, title in types())
    for view in (*views(), *UNNAMED_VIEWS):
        yield "view", view, ""
    for reason in REASONS.values():
        yield "reason", f"{reason.name}/request", f"HTTP {reason.http}, {reason.grpc}"
        yield "reason", f"{reason.name}/job", "errorResult of a job"
    for status in words.GRPC_STATUSES:
        yield "status", status, ""
    for code in words.STORAGE_CODES:
        yield "storage-code", code, ""
    for limit in BIGQUERY:
        yield "limit", limit.name, limit.title
    for preset in PRESETS:
        yield "latency", f"preset {preset}", "times of queries as they were measured"
    for phase in words.PHASES:
        yield "latency", f"phase {phase}", ""
    for name, title in EFFECTS.items():
        yield "effect", name, title
    for fault in words.NETWORK_FAULTS:
        yield "network", fault, ""
    for suite in SUITES:
        yield "suite", suite, ""
    for family, areas in AREAS.items():
        for name, title in areas.items():
            yield family, name, title


SUBJECTS: dict[str, str] = {f"{family}:{name}": title for family, name, title in _tables()}
