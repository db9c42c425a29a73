from __future__ import annotations

from collections.abc import Iterator

import pytest

from bqsim.engine.duckdb import DuckDBEngine, DuckDBSession


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(threads=2)
    yield engine
    engine.close()


@pytest.fixture
def session(engine: DuckDBEngine) -> Iterator[DuckDBSession]:
    session = engine.session()
    yield session
    session.close()
