"""What each statement needs when it runs, by its ``statementType`` (pages *DDL*, *DML*, *DCL*)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .denial import Denied, Wording
from .model import Principal
from .needs import Need, at_places, needs, refused
from .policy import Policy
from .resources import parse

_CHANGES = "tables.updateData@target tables.getData@target tables.getData@reads"
_NEW_TABLE = "tables.create@dataset"
_FILLED = f"{_NEW_TABLE} tables.updateData@target tables.getData@reads"
_ALTERED = "tables.update@target tables.get@target"
_GRANTS = "{collection}.setIamPolicy@target"

# Statements that are not here need nothing of their own: what they run is checked when it runs.
_STATEMENTS: Mapping[str, str] = {
    "SELECT": "tables.getData@reads",
    "INSERT": "tables.updateData@target tables.getData@reads",
    "UPDATE": _CHANGES,
    "DELETE": _CHANGES,
    "MERGE": _CHANGES,
    "TRUNCATE_TABLE": "tables.updateData@target",
    "CREATE_TABLE": _NEW_TABLE,
    "CREATE_TABLE_AS_SELECT": _FILLED,
    "CREATE_TABLE_LIKE": f"{_NEW_TABLE} tables.get@reads",
    "CREATE_TABLE_COPY": f"{_FILLED} tables.get@reads",
    "CREATE_TABLE_CLONE": f"{_FILLED} tables.get@reads",
    "CREATE_SNAPSHOT_TABLE": f"{_NEW_TABLE} tables.getData@reads tables.createSnapshot@reads",
    "CREATE_EXTERNAL_TABLE": _NEW_TABLE,
    "CREATE_VIEW": f"{_NEW_TABLE} tables.getData@reads",
    "CREATE_MATERIALIZED_VIEW": f"{_NEW_TABLE} tables.getData@reads",
    "LOAD_DATA": f"{_NEW_TABLE} tables.updateData@target",
    "ALTER_TABLE": _ALTERED,
    "ALTER_VIEW": _ALTERED,
    "ALTER_MATERIALIZED_VIEW": _ALTERED,
    "DROP_TABLE": "tables.delete@target",
    "DROP_VIEW": "tables.delete@target",
    "DROP_MATERIALIZED_VIEW": "tables.delete@target",
    "DROP_EXTERNAL_TABLE": "tables.delete@target",
    "DROP_SNAPSHOT_TABLE": "tables.deleteSnapshot@target",
    "UNDROP_TABLE": _NEW_TABLE,
    "CREATE_SCHEMA": "datasets.create@project",
    "ALTER_SCHEMA": "datasets.update@dataset datasets.get@dataset",
    "DROP_SCHEMA": "datasets.delete@dataset",
    "UNDROP_SCHEMA": "datasets.create@project",
    "CREATE_FUNCTION": "routines.create@dataset",
    "CREATE_TABLE_FUNCTION": "routines.create@dataset",
    "CREATE_PROCEDURE": "routines.create@dataset",
    "DROP_FUNCTION": "routines.delete@target",
    "DROP_TABLE_FUNCTION": "routines.delete@target",
    "DROP_PROCEDURE": "routines.delete@target",
    "CALL": "routines.get@target",
    "CREATE_MODEL": "models.create@dataset tables.getData@reads",
    "ALTER_MODEL": "models.updateMetadata@target",
    "DROP_MODEL": "models.delete@target",
    "EXPORT_MODEL": "models.export@target",
    "EXPORT_DATA": "tables.getData@reads",
    "CREATE_ROW_ACCESS_POLICY": (
        "rowAccessPolicies.create@target rowAccessPolicies.setIamPolicy@target tables.getData@target"
    ),
    "ALTER_ROW_ACCESS_POLICY": "rowAccessPolicies.update@target rowAccessPolicies.setIamPolicy@target",
    "ALTER_ALL_ROW_ACCESS_POLICIES": "rowAccessPolicies.update@target rowAccessPolicies.setIamPolicy@target",
    "DROP_ROW_ACCESS_POLICY": "rowAccessPolicies.delete@target rowAccessPolicies.setIamPolicy@target",
    "DROP_ALL_ROW_ACCESS_POLICIES": "rowAccessPolicies.delete@target rowAccessPolicies.setIamPolicy@target",
    "CREATE_SEARCH_INDEX": "tables.createIndex@target",
    "CREATE_VECTOR_INDEX": "tables.createIndex@target",
    "ALTER_VECTOR_INDEX": "tables.updateIndex@target",
    "DROP_SEARCH_INDEX": "tables.deleteIndex@target",
    "DROP_VECTOR_INDEX": "tables.deleteIndex@target",
    "CREATE_CAPACITY": "capacityCommitments.create@project",
    "ALTER_CAPACITY": "capacityCommitments.update@project",
    "DROP_CAPACITY": "capacityCommitments.delete@project",
    "CREATE_RESERVATION": "reservations.create@project",
    "ALTER_RESERVATION": "reservations.update@project",
    "DROP_RESERVATION": "reservations.delete@project",
    "CREATE_ASSIGNMENT": "reservationAssignments.create@project",
    "ALTER_ASSIGNMENT": "reservationAssignments.create@project",
    "DROP_ASSIGNMENT": "reservationAssignments.delete@project",
    "ALTER_BI_CAPACITY": "bireservations.update@project",
    "ALTER_PROJECT": "config.update@project",
    "GRANT": _GRANTS,
    "REVOKE": _GRANTS,
}
_COLLECTIONS = {"dataset": "datasets", "table": "tables", "routine": "routines"}

STATEMENT_NEEDS: Mapping[str, tuple[Need, ...]] = {
    kind: needs(line) for kind, line in _STATEMENTS.items() if line != _GRANTS
}


def authorize_statement(
    policy: Policy,
    caller: Principal,
    statement_type: str,
    *,
    reads: Iterable[str] = (),
    target: str = "",
    location: str = "",
) -> Denied | None:
    """The refusal of a statement by the paths of the tables it reads and of what it makes or changes.

    ``location`` is that of the job, named where the service names it.
    """
    found = parse(target)
    wanted = STATEMENT_NEEDS.get(statement_type, ())
    if _STATEMENTS.get(statement_type) == _GRANTS and found.kind in _COLLECTIONS:
        wanted = needs(_GRANTS.format(collection=_COLLECTIONS[found.kind]))
    places = {
        "reads": list(reads),
        "target": [found.path],
        "dataset": [found.up_to("datasets")],
        "project": [found.up_to("projects")],
    }
    return refused(policy, caller, at_places(wanted, places, Wording.QUERY), location)
