"""Datasets: make, read, change, delete, list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from bqclient.models.dataset import Dataset, dataset_body
from bqclient.models.references import DatasetReference

from . import resources
from .paging import items

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient


class Datasets:
    """Datasets of a project. Names are ``dataset``, ``project.dataset`` or references."""

    def __init__(self, client: BigQueryClient) -> None:
        self._core = client.core

    def reference(self, name: DatasetReference | str) -> DatasetReference:
        """The reference that a name stands for. Raises UsageError."""
        return DatasetReference.of(name, self._core.config.project)

    async def get(self, name: DatasetReference | str) -> Dataset:
        """Read it. Raises NotFoundError."""
        reply = await self._core.rest.call("datasets.get", self.reference(name).to_api())
        return Dataset.from_api(reply.data)

    async def exists(self, name: DatasetReference | str) -> bool:
        """Whether it is there."""
        return await resources.exists(self._core.rest, "datasets.get", self.reference(name).to_api())

    async def create(
        self,
        name: DatasetReference | str,
        *,
        location: str | None = None,
        exists_ok: bool = False,
        **attributes: Any,
    ) -> Dataset:
        """Make it, in the client's location unless told. ``attributes``: those of :class:`Dataset`.

        Raises AlreadyExistsError, unless ``exists_ok``; UsageError for an attribute that is not known.
        """
        reference = self.reference(name)
        body = {
            "datasetReference": reference.to_api(),
            "location": location or self._core.config.location,
            **dataset_body(attributes),
        }
        made = await resources.create(
            self._core.rest,
            "datasets.insert",
            {"projectId": reference.project},
            body,
            "datasets.get",
            reference.to_api(),
            exists_ok=exists_ok,
        )
        return Dataset.from_api(made)

    async def update(
        self, name: DatasetReference | str, *, etag: str | None = None, **attributes: Any
    ) -> Dataset:
        """Change attributes; ``None`` clears one. With an ``etag``, only if nobody else changed it meanwhile.

        Raises PreconditionFailedError when somebody did.
        """
        path = self.reference(name).to_api()
        body = dataset_body(attributes)
        return Dataset.from_api(
            await resources.change(self._core.rest, "datasets.patch", "datasets.get", path, body, etag)
        )

    async def delete(
        self,
        name: DatasetReference | str,
        *,
        delete_contents: bool = False,
        missing_ok: bool = False,
    ) -> bool:
        """Delete it, with its tables when told so; whether it was there. Raises ResourceInUseError."""
        query = {"deleteContents": True if delete_contents else None}
        path = self.reference(name).to_api()
        return await resources.delete(self._core.rest, "datasets.delete", path, query, missing_ok=missing_ok)

    async def undelete(self, name: DatasetReference | str) -> Dataset:
        """Bring a deleted one back, within its time travel window."""
        reply = await self._core.rest.call("datasets.undelete", self.reference(name).to_api(), body={})
        return Dataset.from_api(reply.data)

    async def list(
        self,
        *,
        project: str | None = None,
        hidden: bool = False,
        label_filter: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Dataset]:
        """The project's datasets, as far as lists tell of them. ``label_filter``: ``labels.key:value``."""
        path = {"projectId": project or self._core.config.project}
        query = {"all": True if hidden else None, "filter": label_filter}
        async for item in items(self._core.rest, "datasets.list", path, "datasets", query, limit=limit):
            yield Dataset.from_api(item)
