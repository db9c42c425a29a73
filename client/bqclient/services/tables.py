"""Tables: make, read, change, delete, list, copy, and their rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from bqclient.models.references import DatasetReference, TableReference
from bqclient.models.table import Table, table_body

from . import resources
from .paging import items

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient
    from bqclient.models.job import Job
    from bqclient.values.rows import Row

_OPERATIONS = ("COPY", "SNAPSHOT", "RESTORE", "CLONE")


class Tables:
    """Tables and views. Names are ``dataset.table``, ``project.dataset.table`` or references."""

    def __init__(self, client: BigQueryClient) -> None:
        self._client = client
        self._core = client.core

    def reference(self, name: TableReference | str) -> TableReference:
        """The reference that a name stands for. Raises UsageError."""
        config = self._core.config
        return TableReference.of(name, config.project, config.default_dataset)

    async def get(self, name: TableReference | str, *, view: str | None = None) -> Table:
        """Read it; ``view``: BASIC, STORAGE_STATS or FULL. Raises NotFoundError."""
        path = self.reference(name).to_api()
        reply = await self._core.rest.call("tables.get", path, query={"view": view})
        return Table.from_api(reply.data)

    async def exists(self, name: TableReference | str) -> bool:
        """Whether it is there."""
        return await resources.exists(self._core.rest, "tables.get", self.reference(name).to_api())

    async def create(
        self, name: TableReference | str, schema: Any = None, *, exists_ok: bool = False, **attributes: Any
    ) -> Table:
        """Make a table, or a view by ``view_query``. ``attributes``: those of :class:`Table`.

        Raises AlreadyExistsError, unless ``exists_ok``; UsageError for an attribute that is not known.
        """
        reference = self.reference(name)
        given = attributes if schema is None else {"schema": schema, **attributes}
        made = await resources.create(
            self._core.rest,
            "tables.insert",
            {"projectId": reference.project, "datasetId": reference.dataset},
            {"tableReference": reference.to_api(), **table_body(given)},
            "tables.get",
            reference.to_api(),
            exists_ok=exists_ok,
        )
        return Table.from_api(made)

    async def update(
        self, name: TableReference | str, *, etag: str | None = None, **attributes: Any
    ) -> Table:
        """Change attributes; ``None`` clears one. With an ``etag``, only if nobody else changed it meanwhile.

        Raises PreconditionFailedError when somebody did.
        """
        path = self.reference(name).to_api()
        return Table.from_api(
            await resources.change(
                self._core.rest, "tables.patch", "tables.get", path, table_body(attributes), etag
            )
        )

    async def delete(self, name: TableReference | str, *, missing_ok: bool = False) -> bool:
        """Delete it; whether it was there. Raises NotFoundError, unless ``missing_ok``."""
        path = self.reference(name).to_api()
        return await resources.delete(self._core.rest, "tables.delete", path, missing_ok=missing_ok)

    async def list(
        self, dataset: DatasetReference | str, *, limit: int | None = None
    ) -> AsyncIterator[Table]:
        """The dataset's tables, as far as lists tell of them."""
        path = DatasetReference.of(dataset, self._core.config.project).to_api()
        async for item in items(self._core.rest, "tables.list", path, "tables", limit=limit):
            yield Table.from_api(item)

    async def rows(
        self,
        name: TableReference | str,
        *,
        fields: Sequence[str] = (),
        limit: int | None = None,
        start: int | None = None,
        page_size: int | None = None,
    ) -> AsyncIterator[Row]:
        """Rows by ``tabledata.list``: previews. ``client.storage_read`` is for large tables."""
        from bqclient.values.rows import rows_of_json

        table = await self.get(name)
        schema = table.schema
        if fields:
            schema = type(schema)(tuple(f for f in schema if f.name in fields))
        path = table.reference.to_api()
        token: str | None = None
        left = limit
        while left is None or left > 0:
            query = {
                "formatOptions.useInt64Timestamp": True,
                "selectedFields": ",".join(schema.names) if fields else None,
                "maxResults": page_size if left is None else min(left, page_size or left),
                "pageToken": token,
                "startIndex": start if token is None else None,
            }
            reply = await self._core.rest.call("tabledata.list", path, query=query)
            found = rows_of_json(reply.data.get("rows") or [], schema)
            for row in found:
                yield row
            left = None if left is None else left - len(found)
            token = reply.data.get("pageToken")
            if not token:
                return

    async def copy(
        self,
        sources: TableReference | str | Iterable[TableReference | str],
        destination: TableReference | str,
        *,
        operation: str = "COPY",
        write_disposition: str = "WRITE_EMPTY",
        create_disposition: str = "CREATE_IF_NEEDED",
        expires: Any = None,
        timeout: float | None = None,
        labels: dict[str, str] | None = None,
    ) -> Job:
        """Copy tables into one, and wait. ``operation``: COPY, SNAPSHOT, RESTORE or CLONE.

        ``expires``: when a snapshot or clone ends. Raises the job's error.
        """
        from bqclient.errors import UsageError
        from bqclient.models.attributes import utc

        if operation not in _OPERATIONS:
            raise UsageError(f"A copy is one of {', '.join(_OPERATIONS)}, not {operation!r}.")
        one = isinstance(sources, (TableReference, str))
        given = [sources] if one else list(sources)  # type: ignore[arg-type]
        config: dict[str, Any] = {
            "sourceTables": [self.reference(s).to_api() for s in given],  # type: ignore[arg-type]
            "destinationTable": self.reference(destination).to_api(),
            "writeDisposition": write_disposition,
            "createDisposition": create_disposition,
            "operationType": operation,
        }
        if expires is not None:
            config["destinationExpirationTime"] = utc(expires).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        whole = {"copy": config, **({"labels": labels} if labels else {})}
        return await self._client.jobs.run(whole, timeout=timeout)
