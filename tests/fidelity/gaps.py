"""What is absent, with what a user meets who asks for it: a statement, a job or a call that is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Gap:
    """``ask`` is a statement, or the configuration of a job; ``text`` begins what it is answered.

    Without a ``note`` the manifest says that it is refused.
    """

    subject: str
    ask: str | dict[str, Any]
    text: str
    note: str = "It is refused by name."

    @property
    def id(self) -> str:
        return self.subject.partition(":")[2].replace(" ", "-")


def _refused(statement: str, sql: str, what: str = "") -> Gap:
    return Gap(f"statement:{statement}", sql, f"{what or statement} is not supported by bqsim")


_NONE = "There are none, so nothing is found by its name."
_TO = {"projectId": "p", "datasetId": "d", "tableId": "x"}

STATEMENTS: tuple[Gap, ...] = (
    _refused("CREATE DATA_POLICY", "CREATE DATA_POLICY `p.us.x` OPTIONS (data_policy_type='x')"),
    _refused("ALTER DATA_POLICY", "ALTER DATA_POLICY `p.us.x` SET OPTIONS (data_policy_type='x')"),
    _refused("EXPORT MODEL", "EXPORT MODEL d.m OPTIONS (uri='gs://b/m')"),
    _refused("CREATE EXTERNAL SCHEMA", "CREATE EXTERNAL SCHEMA s OPTIONS (external_source='x')"),
    _refused("CREATE PROPERTY GRAPH", "CREATE PROPERTY GRAPH d.g NODE TABLES (d.t KEY (n))"),
    _refused("CREATE CONNECTION", "CREATE CONNECTION `p.us.c` OPTIONS (x='y')"),
    _refused("ALTER CONNECTION", "ALTER CONNECTION `p.us.c` SET OPTIONS (x='y')"),
    Gap(
        "sql:Spark procedures",
        "CREATE PROCEDURE d.p() WITH CONNECTION `p.us.c` OPTIONS (engine='SPARK') LANGUAGE PYTHON AS 'x'",
        "Query error: A procedure in the language PYTHON is not supported by bqsim",
    ),
    Gap("sql:property graphs", "SELECT * FROM GRAPH_TABLE(d.g MATCH (a) RETURN a)", "Property graph", _NONE),
)

JOBS: tuple[Gap, ...] = (
    Gap(
        "load:DATASTORE_BACKUP",
        {"load": {"sourceFormat": "DATASTORE_BACKUP", "destinationTable": _TO}},
        "The source format DATASTORE_BACKUP is not supported by bqsim",
    ),
    Gap(
        "load:copyFilesOnly",
        {"load": {"copyFilesOnly": True, "destinationTable": _TO}},
        "The load option copyFilesOnly is not supported by bqsim",
    ),
    Gap(
        "load:timestampTargetPrecision",
        {"load": {"timestampTargetPrecision": [12], "destinationTable": _TO}},
        "The load option timestampTargetPrecision is not supported by bqsim",
    ),
)

# A part of something that is there otherwise.
PARTS: tuple[Gap, ...] = (
    Gap(
        "sql:legacy SQL",
        {"query": {"query": "SELECT FIRST(n) FROM [d.t]", "useLegacySql": True}},
        "The function FIRST in legacy SQL is not supported by bqsim",
        "The plain subset is translated; what has no exact counterpart in GoogleSQL is refused by name.",
    ),
    Gap(
        "sql:time travel",
        "CREATE TABLE d.r AS SELECT 1 AS a; BEGIN DECLARE t TIMESTAMP DEFAULT CURRENT_TIMESTAMP(); "
        "CREATE OR REPLACE TABLE d.r AS SELECT 'x' AS b; "
        "SELECT * FROM d.r FOR SYSTEM_TIME AS OF t CROSS JOIN d.r AS n; END",
        "Query error: Reading a table as of two times between which it was replaced is not supported",
        "A table with other columns then is not read as of then and of now in one statement.",
    ),
    Gap(
        "statement:ALTER SCHEMA",
        "ALTER SCHEMA d ADD REPLICA `eu` OPTIONS (location='eu')",
        "ALTER SCHEMA with cross-region replicas is not supported by bqsim",
        "Replicas are refused by name.",
    ),
    Gap(
        "statement:CREATE MATERIALIZED VIEW",
        "CREATE MATERIALIZED VIEW d.m AS REPLICA OF d.t",
        "CREATE MATERIALIZED VIEW AS REPLICA OF is not supported by bqsim",
        "Replicas are refused by name.",
    ),
    Gap(
        "sql:functions on dates and times",
        "SELECT PARSE_DATE('%G-%V', '2020-10')",
        "ISO parse elements are not supported yet",
        "PARSE functions refuse the elements of ISO years and weeks.",
    ),
    Gap(
        "sql:values of all types",
        "SELECT MAKE_INTERVAL(hour => 2562048)",
        "An INTERVAL of 2562047 hours or more in field f0_ is not supported by bqsim",
        "Results hold INTERVALs of less than 2,562,047 hours.",
    ),
    Gap(
        "job:extract",
        {"extract": {"sourceModel": {**_TO, "modelId": "m"}, "destinationUris": ["gs://bucket/x"]}},
        "Extracting a model (sourceModel) is not supported by bqsim",
        "Models are refused by name.",
    ),
)
