"""What limits must know of datasets and tables, out of the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.jobs.charges import table_traits

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog


class Places:
    """The :class:`bqsim.sim.limits.calls.World` of a catalog.

    ``location`` is that of jobs without another.
    """

    def __init__(self, catalog: Catalog, location: str) -> None:
        self._catalog = catalog
        self._location = location.lower()

    def region_of(self, project: str, dataset: str | None) -> str:
        found = self._catalog.find_dataset(DatasetRef(project, dataset)) if dataset else None
        return found.location.lower() if found is not None else self._location

    def traits_of(self, project: str, dataset: str, table: str) -> frozenset[str] | None:
        found = self._catalog.find_table(TableRef(project, dataset, table))
        return table_traits(found) if found is not None else None

    def policies_of(self, project: str, dataset: str, table: str) -> int:
        found = self._catalog.find_table(TableRef(project, dataset, table))
        return len(found.row_access_policies) if found is not None else 0
