"""The privileges on objects, as ``INFORMATION_SCHEMA.OBJECT_PRIVILEGES`` shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import TableKind
from bqsim.sim.iam.attached import KEY
from bqsim.sim.iam.grants import access_grants, policy_grants

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog

# How the view calls the kinds of tables.
_TYPES = {TableKind.VIEW: "VIEW", TableKind.MATERIALIZED_VIEW: "VIEW", TableKind.EXTERNAL: "EXTERNAL"}


@dataclass(frozen=True, slots=True)
class Privilege:
    """A role that a grantee has on an object; ``object_schema`` is None for a dataset itself."""

    object_catalog: str
    object_schema: str | None
    object_name: str
    object_type: str
    privilege_type: str
    grantee: str


def privileges_of(catalog: Catalog, resource: DatasetRef | TableRef) -> list[Privilege]:
    """The privileges that are set on a dataset or a table itself, in the order in which they were granted.

    What is inherited from above is not among them. Raises 404 ``notFound``.
    """
    place: tuple[str, str | None, str, str]
    if isinstance(resource, TableRef):
        table = catalog.table(resource)
        kind = _TYPES.get(table.kind, "TABLE")
        grants = policy_grants(table.metadata.get(KEY) or {})
        place = (resource.project, resource.dataset, resource.table, kind)
    else:
        grants = access_grants(catalog.dataset(resource).metadata.get("access") or ())
        place = (resource.project, None, resource.dataset, "SCHEMA")
    project, dataset, name, object_type = place
    return [Privilege(project, dataset, name, object_type, role, grantee) for role, grantee in grants]
