"""Query jobs in legacy SQL: what their text may name, and its translation to GoogleSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import TableKind
from bqsim.errors import invalid_query, not_found
from bqsim.sql.legacy import translate
from bqsim.sql.legacy.tokens import refused

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.jobs.config import QueryConfig
    from bqsim.sql.plan import Context
    from bqsim.types import Field

_READABLE = frozenset({TableKind.TABLE, TableKind.SNAPSHOT, TableKind.EXTERNAL})


class LegacyTables:
    """The tables of a catalog as a legacy SQL query sees them.

    ``authorize`` raises the denial of a GoogleSQL statement, so that nobody learns of the columns of a table
    that is not theirs to read.
    """

    def __init__(self, catalog: Catalog, ctx: Context, authorize: Callable[[str], None]) -> None:
        self._catalog = catalog
        self._ctx = ctx
        self._authorize = authorize

    @property
    def project(self) -> str:
        return self._ctx.project

    @property
    def dataset(self) -> tuple[str, str] | None:
        default = self._ctx.default_dataset
        return (default.project, default.dataset) if default is not None else None

    def columns(self, path: tuple[str, str, str]) -> Sequence[Field]:
        ref = TableRef(*path)
        self._authorize(f"SELECT 1 FROM `{ref.sql_name}`")
        table = self._catalog.find_table(ref)
        if table is None:
            if self._catalog.find_dataset(DatasetRef(*path[:2])) is None:
                raise not_found("Dataset", ref.dataset_ref.api_name, self._ctx.location)
            raise not_found("Table", ref.api_name, self._ctx.location)
        if table.kind is TableKind.VIEW:
            raise invalid_query("Cannot reference a standard SQL view in a legacy SQL query.")
        if table.kind not in _READABLE:
            raise refused(f"A table of kind {table.kind.value}")
        return table.fields

    def exists(self, path: tuple[str, str, str]) -> bool:
        return self._catalog.find_table(TableRef(*path)) is not None


def in_googlesql(config: QueryConfig, tables: LegacyTables) -> QueryConfig:
    """The same query in GoogleSQL; raises what is wrong with a text in legacy SQL, or has no translation."""
    if not config.legacy:
        return config
    if config.named or config.positional:
        raise refused("A query parameter")
    return replace(config, sql=translate(config.sql, tables), legacy=False)
