from __future__ import annotations

import pytest

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.errors import BigQueryError
from bqsim.sql.privileges import Privilege, privileges_of
from tests.unit.sql.warehouse import Warehouse


def test_privileges(warehouse: Warehouse) -> None:
    warehouse.run("CREATE MATERIALIZED VIEW m AS SELECT COUNT(*) AS c FROM UNNEST([1])")
    warehouse.run("GRANT `roles/bigquery.dataViewer` ON VIEW m TO 'user:a@b.cc'")
    assert privileges_of(warehouse.catalog, TableRef("p", "d", "m")) == [
        Privilege("p", "d", "m", "VIEW", "roles/bigquery.dataViewer", "user:a@b.cc")
    ]
    first = privileges_of(warehouse.catalog, DatasetRef("p", "d"))[0]
    assert first == Privilege(
        "p", None, "d", "SCHEMA", "roles/bigquery.dataEditor", "specialGroup:projectWriters"
    )
    for missing in (DatasetRef("p", "x"), TableRef("p", "d", "x")):
        with pytest.raises(BigQueryError, match="Not found"):
            privileges_of(warehouse.catalog, missing)
