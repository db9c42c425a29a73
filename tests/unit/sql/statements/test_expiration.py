"""Rows of expired partitions are removed, those without a partition stay."""

from __future__ import annotations

import pytest

from bqsim.sql.statements.claims import Claims
from bqsim.sql.statements.expiration import expire_partitions
from bqsim.sql.statements.sizes import ColumnSizes
from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity("time:expiration of tables and partitions", "exact")


@pytest.mark.parametrize("owner", [None, "a transaction"])
def test_expired_partitions(warehouse: Warehouse, owner: str | None) -> None:
    warehouse.run("CREATE TABLE t (n INT64, dt DATE) PARTITION BY dt OPTIONS (partition_expiration_days=1)")
    warehouse.run("INSERT t VALUES (1, '2001-01-01'), (2, NULL), (3, '2150-01-01'), (4, '1850-01-01')")
    catalog, claims = warehouse.catalog, Claims(0.01)
    ref = warehouse.table("t").ref
    if owner is not None:
        claims.claim(ref, owner)
    sizes = ColumnSizes(catalog.stored_bytes)
    expire_partitions(catalog, claims, sizes, warehouse.session)
    left = [2, 3, 4] if owner is None else [1, 2, 3, 4]
    assert [n for (n,) in warehouse.rows("SELECT n FROM t ORDER BY n")] == left
    assert warehouse.table("t").num_rows == len(left)
    expire_partitions(catalog, claims, sizes, warehouse.session)
    assert (ref in catalog.expiring.pending()) == (owner is not None)


def test_tables_that_are_gone_or_keep_their_partitions(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (n INT64, dt DATE) PARTITION BY dt OPTIONS (partition_expiration_days=1)")
    warehouse.run("DROP TABLE t")
    catalog = warehouse.catalog
    expire_partitions(catalog, Claims(), ColumnSizes(catalog.stored_bytes), warehouse.session)
    assert catalog.expiring.pending() == []
