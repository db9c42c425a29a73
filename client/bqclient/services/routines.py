"""Functions and procedures."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bqclient.errors import UsageError
from bqclient.models.references import DatasetReference

from . import resources
from .paging import items

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient


@dataclass(frozen=True, slots=True)
class Routine:
    """A routine as it was read; ``raw`` is all that the API said."""

    project: str
    dataset: str
    name: str
    kind: str | None = None
    language: str | None = None
    body: str | None = None
    description: str | None = None
    etag: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Routine:
        """From the API's ``Routine``."""
        name = data["routineReference"]
        return cls(
            name["projectId"],
            name["datasetId"],
            name["routineId"],
            data.get("routineType"),
            data.get("language"),
            data.get("definitionBody"),
            data.get("description"),
            data.get("etag"),
            data,
        )


class Routines:
    """Routines of datasets. Names are ``dataset.routine`` or ``project.dataset.routine``."""

    def __init__(self, client: BigQueryClient) -> None:
        self._core = client.core

    def path(self, name: str) -> dict[str, str]:
        """The API's reference of a name. Raises UsageError."""
        dataset, _, routine = name.replace("`", "").rpartition(".")
        if not dataset or not routine:
            raise UsageError(f"{name!r} is no name of a routine: write 'dataset.routine'.")
        return {**DatasetReference.of(dataset, self._core.config.project).to_api(), "routineId": routine}

    async def get(self, name: str) -> Routine:
        """Read it. Raises NotFoundError."""
        return Routine.from_api((await self._core.rest.call("routines.get", self.path(name))).data)

    async def exists(self, name: str) -> bool:
        """Whether it is there."""
        return await resources.exists(self._core.rest, "routines.get", self.path(name))

    async def create(self, name: str, definition: Mapping[str, Any], *, exists_ok: bool = False) -> Routine:
        """Make it of the API's ``Routine``: ``routineType``, ``language``, ``definitionBody``, …"""
        path = self.path(name)
        body = {**definition, "routineReference": path}
        parent = {"projectId": path["projectId"], "datasetId": path["datasetId"]}
        rest = self._core.rest
        return Routine.from_api(
            await resources.create(
                rest, "routines.insert", parent, body, "routines.get", path, exists_ok=exists_ok
            )
        )

    async def update(self, name: str, definition: Mapping[str, Any], *, etag: str | None = None) -> Routine:
        """Replace its definition; with an ``etag``, only if nobody else changed it meanwhile."""
        path = self.path(name)
        body = {**definition, "routineReference": path}
        return Routine.from_api(
            await resources.change(self._core.rest, "routines.update", "routines.get", path, body, etag)
        )

    async def delete(self, name: str, *, missing_ok: bool = False) -> bool:
        """Delete it; whether it was there."""
        return await resources.delete(
            self._core.rest, "routines.delete", self.path(name), missing_ok=missing_ok
        )

    async def list(
        self, dataset: DatasetReference | str, *, limit: int | None = None
    ) -> AsyncIterator[Routine]:
        """The dataset's routines, as far as lists tell of them."""
        path = DatasetReference.of(dataset, self._core.config.project).to_api()
        async for item in items(self._core.rest, "routines.list", path, "routines", limit=limit):
            yield Routine.from_api(item)
