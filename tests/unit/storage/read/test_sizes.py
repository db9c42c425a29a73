from __future__ import annotations

import pytest

from .conftest import Reader

pytestmark = pytest.mark.fidelity("read:estimates", "approximated", "Estimates are exact logical bytes.")


def test_logical_bytes(reader: Reader) -> None:
    """As BigQuery counts them (page "Data types"): 8 an INT64, 16 a NUMERIC, 2 and the text a STRING."""
    reader.warehouse.run(
        """CREATE TABLE d.t AS SELECT 1 AS i, NUMERIC '1' AS n, 'abc' AS s, [1, 2, 3] AS l,
        STRUCT('x' AS a, TRUE AS b) AS st UNION ALL SELECT NULL, NULL, 'ä', [], NULL"""
    )
    session = reader.session("t")
    assert session.estimated_total_bytes_scanned == 8 + 16 + (5 + 4) + 24 + (3 + 1)
    assert session.estimated_row_count == 2
    nested = reader.session("t", selected_fields=["st.b", "s"])
    assert nested.estimated_total_bytes_scanned == 9 + 1


def test_restrictions_and_samples_do_not_count(reader: Reader) -> None:
    reader.warehouse.run("CREATE TABLE d.t AS SELECT x FROM UNNEST(GENERATE_ARRAY(1, 1000)) AS x")
    for options in ({"row_restriction": "x = 1"}, {"sample_percentage": 1.0}):
        session = reader.session("t", **options)
        assert (session.estimated_row_count, session.estimated_total_bytes_scanned) == (1000, 8000)


def test_the_past_has_its_own_size(reader: Reader) -> None:
    reader.warehouse.run("CREATE TABLE d.t AS SELECT 'abc' AS s FROM UNNEST(GENERATE_ARRAY(1, 10))")
    then = reader.clock.now_us()
    reader.warehouse.run("DELETE FROM d.t WHERE TRUE")
    reader.warehouse.run("INSERT INTO d.t VALUES ('0123456789')")
    past, now = reader.session("t", snapshot_us=then), reader.session("t")
    assert (past.estimated_row_count, past.estimated_total_bytes_scanned) == (10, 50)
    assert (now.estimated_row_count, now.estimated_total_bytes_scanned) == (1, 12)
