"""Macros and kernels are found by name, installed on first use and worded by their own errors."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from bqsim.engine import kernels
from bqsim.engine.duckdb import DuckDBEngine
from bqsim.engine.kernels import Kernel, macro, macros_for, names_in
from bqsim.errors import BigQueryError, invalid_query


def _checked_sum(a: pa.Array, b: pa.Array) -> pa.Array:
    if pc.any(pc.equal(a, 13)).as_py():
        raise invalid_query("13 is unlucky")
    return pc.add(a, b)


KERNELS = {
    k.name: k
    for k in (
        Kernel("bq_sum2", ("BIGINT", "BIGINT"), "BIGINT", _checked_sum),
        Kernel("bq_is_null", ("BIGINT",), "BOOLEAN", lambda a: pc.is_null(a), null_in_null_out=False),
    )
}
MACROS = {
    m.name: m
    for m in (
        macro("CREATE MACRO bq_twice(a) AS bq_sum2(a, a)"),
        macro("create or replace macro bq_four_times(a) AS bq_twice(bq_twice(a))"),
        macro("CREATE MACRO bq_unused(a) AS a"),
    )
}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[DuckDBEngine]:
    monkeypatch.setattr(kernels, "kernels", lambda: KERNELS)
    monkeypatch.setattr(kernels, "macros", lambda: MACROS)
    engine = DuckDBEngine(threads=2)
    yield engine
    engine.close()


def test_names_and_order_of_macros(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "macros", lambda: MACROS)
    assert names_in("SELECT bq_four_times(x), f(1)") == {"bq_four_times"}
    assert names_in("SELECT 1") == frozenset()
    order = [m.name for m in macros_for(frozenset({"bq_four_times", "bq_sum2"}), set())]
    assert order == ["bq_twice", "bq_four_times"]
    assert [m.name for m in macros_for(frozenset({"bq_four_times"}), {"bq_twice"})] == ["bq_four_times"]


def test_a_macro_must_have_the_prefix() -> None:
    with pytest.raises(ValueError, match="not a CREATE MACRO"):
        macro("CREATE MACRO twice(a) AS a")


def test_macros_and_kernels_run_in_every_session(engine: DuckDBEngine) -> None:
    for _ in range(2):
        session = engine.session()
        assert session.scalar("SELECT bq_four_times(3::BIGINT)") == 12
        other = engine.session()
        assert other.scalar("SELECT sum(bq_twice(range)) FROM range(20, 10000)") == sum(range(40, 20000, 2))
        session.close()
        other.close()


def test_a_macro_first_used_in_a_transaction_that_rolls_back_is_there_again(engine: DuckDBEngine) -> None:
    session = engine.session()
    with pytest.raises(ZeroDivisionError), session.transaction():
        assert session.scalar("SELECT bq_twice(1)") == 2
        raise ZeroDivisionError
    assert session.scalar("SELECT bq_twice(2)") == 4
    session.close()


def test_nulls_pass_by_or_reach_the_kernel(engine: DuckDBEngine) -> None:
    session = engine.session()
    assert session.scalar("SELECT bq_sum2(NULL, 1)") is None
    assert session.scalar("SELECT bq_is_null(NULL::BIGINT)") is True
    session.close()


def test_a_kernels_error_is_the_users(engine: DuckDBEngine) -> None:
    session = engine.session()
    with pytest.raises(BigQueryError) as caught:
        session.scalar("SELECT bq_sum2(range, 1) FROM range(20)")
    assert caught.value.message == "13 is unlucky" and caught.value.reason.name == "invalidQuery"
    session.close()


def test_every_family_is_well_formed() -> None:
    kernels.kernels.cache_clear()
    kernels.macros.cache_clear()
    every, macros = kernels.kernels(), kernels.macros()
    assert not set(every) & set(macros)
    known = set(every) | set(macros)
    missing = {(m.name, used) for m in macros.values() for used in m.uses - known}
    assert missing == set()


def test_every_macro_can_be_created() -> None:
    engine = DuckDBEngine(threads=1)
    engine.install_kernels()
    session = engine.session()
    session._install_macros(" ".join(kernels.macros()))
    session.close()
    engine.close()
