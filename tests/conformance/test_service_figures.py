"""Bytes processed as the service reported them, from the shared figures; skipped where those are not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sql.warehouse import Warehouse, new_warehouse

FIGURES = Path(__file__).resolve().parents[3] / "shared" / "reference" / "real-service-figures.json"
CASES: list[dict[str, Any]] = json.loads(FIGURES.read_text())["cases"] if FIGURES.exists() else []

pytestmark = pytest.mark.skipif(not CASES, reason="the figures are not here")


@pytest.fixture
def empty() -> Iterator[Warehouse]:
    found = new_warehouse()
    yield found
    found.session.close()


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_bytes_processed(empty: Warehouse, case: dict[str, Any]) -> None:
    for statement in case["setup"]:
        empty.run(statement.replace("{{ds}}", "d"))
    query = case["query"].replace("{{ds}}", "d")
    expected = case.get("bytes_processed") or 0
    dry = empty.executor.dry_run(query, empty.context(), empty.session)
    assert dry.read.total == expected
    result = empty.run(query)
    assert result.read.total == expected
    assert (result.rows.num_rows if result.rows is not None else 0) == case["rows"]
