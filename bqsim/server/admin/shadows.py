"""Shadow tables over HTTP: statistics of tables, in place of rows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.shadow import as_shadow, shadow_of, statistics_from
from bqsim.errors import invalid
from bqsim.sql.statements.shadow_blocks import check_blocks

from .asking import Ask
from .routes import Route

if TYPE_CHECKING:
    from bqsim.catalog.shadow import ShadowStatistics
    from bqsim.catalog.store import Catalog
    from bqsim.engine.protocol import Session

_KINDS = {"project": str, "tables": dict}


def _put(ask: Ask) -> dict[str, Any]:
    tables = ask.needed("tables", **_KINDS)
    project = ask.body.get("project") or ask.scope or ask.core.settings.project
    found: dict[TableRef, ShadowStatistics | None] = {}
    for name, text in tables.items():
        dataset, _, table = name.partition(".")
        try:
            found[TableRef(project, dataset, table)] = None if text is None else statistics_from(text)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise invalid(f"The statistics of {name} are not as bqsim writes them", "tables") from None
    ask.core.pool.submit(partial(_write, ask.core.catalog, found)).result()
    return {"tables": len(found)}


def _write(catalog: Catalog, found: dict[TableRef, ShadowStatistics | None], session: Session) -> None:
    for ref, statistics in found.items():
        with catalog.lock(ref), catalog.change(session) as change:
            table = catalog.table(ref)
            if statistics is not None:
                check_blocks(table, statistics)
            change.put_table(as_shadow(table, statistics))


def _list(ask: Ask) -> dict[str, Any]:
    catalog = ask.core.catalog
    project = ask.query.get("project") or ask.scope or ask.core.settings.project
    tables = (t for d in catalog.datasets(project) for t in catalog.tables(d.ref))
    shadows = ((t, one) for t in tables if (one := shadow_of(t)) is not None)
    told = {f"{t.ref.dataset}.{t.ref.table}": _described(one, t.num_rows) for t, one in shadows}
    return {"tables": told}


def _described(one: ShadowStatistics, own_rows: int) -> dict[str, Any]:
    return {
        "rows": one.rows,
        "bytes": one.bytes,
        "partitions": len(one.parts),
        "accuracy": one.accuracy.value,
        "ownRows": own_rows,
    }


ROUTES = (
    Route("GET", "shadows", _list, "Tables that have statistics of another project's; ?project=."),
    Route(
        "PUT",
        "shadows",
        _put,
        "Give tables statistics in place of rows, as bqsim import does: {project, tables: {dataset.table: "
        "statistics}}; null takes them away.",
    ),
)
