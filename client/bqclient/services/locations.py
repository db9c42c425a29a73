"""Where datasets are: a job runs where its data is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bqclient.errors import AccessDeniedError, BigQueryError, NotFoundError
from bqclient.models.references import DatasetReference
from bqclient.runtime import Deadline
from bqclient.transport.rest import Rest

# What names a dataset in a job's configuration, by kind; the first that is given decides.
_PLACES: Mapping[str, tuple[str, ...]] = {
    "query": ("destinationTable", "defaultDataset"),
    "load": ("destinationTable",),
    "copy": ("destinationTable", "sourceTable", "sourceTables"),
    "extract": ("sourceTable", "sourceModel"),
}
_ELSEWHERE = re.compile(
    r"(?:Dataset|Table|Model|Routine) (?P<project>[^\s:]+(?::[^\s:]+)?):(?P<dataset>\w+)(?:\.\S+)? "
    r"was not found in location"
)


class Locations:
    """Locations of datasets, kept as they are found: a dataset never moves."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._known: dict[DatasetReference, str] = {}

    async def of(self, dataset: DatasetReference, deadline: Deadline | None = None) -> str | None:
        """Where a dataset is; ``None`` where that is not to be known."""
        found = self._known.get(dataset)
        if found is None:
            path = {"projectId": dataset.project, "datasetId": dataset.dataset}
            try:
                reply = await self._rest.call("datasets.get", path, deadline=deadline)
            except (NotFoundError, AccessDeniedError):
                return None
            found = self._known[dataset] = str(reply.data.get("location") or "US")
        return found

    async def of_configuration(
        self, configuration: Mapping[str, Any], deadline: Deadline | None = None
    ) -> str | None:
        """Where the datasets are that a job's configuration names; ``None`` where it names none."""
        for dataset in _datasets(configuration):
            if found := await self.of(dataset, deadline):
                return found
        return None

    async def after(self, error: BigQueryError, asked: str, deadline: Deadline | None = None) -> str | None:
        """Where to ask again when a job did not find a dataset in the location ``asked``; else ``None``."""
        if not isinstance(error, NotFoundError) or not (named := _ELSEWHERE.search(error.message)):
            return None
        dataset = DatasetReference(named["project"], named["dataset"])
        # What was known is no longer so when a dataset was made again elsewhere.
        self._known.pop(dataset, None)
        found = await self.of(dataset, deadline)
        return found if found and found.upper() != asked.upper() else None


def _datasets(configuration: Mapping[str, Any]) -> Iterator[DatasetReference]:
    for kind, names in _PLACES.items():
        given = configuration.get(kind) or {}
        for name in names:
            value = given.get(name)
            for one in value if isinstance(value, list) else [value]:
                if one and one.get("projectId") and one.get("datasetId"):
                    yield DatasetReference.from_api(one)
