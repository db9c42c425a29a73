from __future__ import annotations

import gc
import threading
import weakref

import pytest
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service

from bqsim.sql.googlesql import pool as pools
from bqsim.sql.googlesql.host import Host, SqlError, Trapped
from bqsim.sql.googlesql.options import analyzer_options, language_options
from bqsim.sql.googlesql.pool import Instance, Pool

from .conftest import World

FOREVER = (
    "SELECT COUNT(*) FROM UNNEST(GENERATE_ARRAY(1, 16000)) a, UNNEST(GENERATE_ARRAY(1, 16000)) b,"
    " UNNEST(GENERATE_ARRAY(1, 16000)) c"
)


def parse(instance: Instance, sql: str) -> service.ParseResponse:
    request = service.ParseRequest(sql_statement=sql, options=language_options())
    return service.ParseResponse.FromString(instance.call("Parse", request.SerializeToString(), 5))


def evaluate(instance: Instance, sql: str, deadline_s: float) -> bytes:
    request = service.EvaluateQueryRequest(sql=sql, options=analyzer_options())
    request.simple_catalog.builtin_function_options.language_options.CopyFrom(language_options())
    return instance.call("EvaluateQuery", request.SerializeToString(), deadline_s)


def test_an_instance_answers_and_is_used_again(world: World) -> None:
    with world.googlesql.pool.instance() as instance:
        assert parse(instance, "SELECT 1").parsed_statement.WhichOneof("node") == "ast_query_statement_node"
    with world.googlesql.pool.instance() as again:
        assert again is instance
        with pytest.raises(SqlError, match="Syntax error") as caught:
            parse(again, "SELEC 1")
    assert caught.value.code == 3


def test_a_large_request_and_answer(world: World) -> None:
    sql = "SELECT '" + "x" * 3_000_000 + "'"
    with world.googlesql.pool.instance() as instance:
        assert len(parse(instance, sql).SerializeToString()) > 3_000_000


def test_a_call_past_its_deadline_loses_the_instance(world: World) -> None:
    pool = world.googlesql.pool
    with pool.instance() as instance, pytest.raises(Trapped) as caught:
        evaluate(instance, FOREVER, 0.3)
    assert caught.value.timed_out
    with pool.instance() as other:
        assert other is not instance
        assert parse(other, "SELECT 1").HasField("parsed_statement")


def test_an_exhausted_stack_loses_the_instance(world: World) -> None:
    pool = world.googlesql.pool
    deep = "SELECT " + "(SELECT " * 3000 + "1" + ")" * 3000
    with pool.instance() as instance, pytest.raises(Trapped) as caught:
        evaluate(instance, deep, 20)
    assert not caught.value.timed_out
    with pool.instance() as other:
        assert other is not instance


def test_never_more_instances_than_the_pool_has(world: World) -> None:
    pool = world.googlesql.pool
    taken: list[Instance] = []
    got_third = threading.Event()

    def third() -> None:
        with pool.instance():
            got_third.set()

    with pool.instance() as first, pool.instance() as second:
        taken += (first, second)
        waiting = threading.Thread(target=third)
        waiting.start()
        assert not got_third.wait(0.1)
    assert got_third.wait(10)
    waiting.join()
    assert taken[0] is not taken[1]


@pytest.mark.parametrize("limit", ["MAX_CALLS", "MAX_MEMORY_BYTES"])
def test_a_worn_instance_is_replaced(world: World, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    pool = world.googlesql.pool
    monkeypatch.setattr(pools, limit, 0)
    with pool.instance() as instance:
        parse(instance, "SELECT 1")
    monkeypatch.undo()
    with pool.instance() as other:
        assert other is not instance


def test_a_failing_start_does_not_use_up_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(1)

    def fail(*_: object) -> Host:
        raise OSError("no memory")

    monkeypatch.setattr(pools, "Host", fail)
    for _ in range(3):
        with pytest.raises(OSError, match="no memory"):
            pool.start()
    pool.close()


def test_a_closed_pool_leaves_no_instance_behind() -> None:
    """What the runtime keeps of an instance must not keep the instance, which has tens of MB."""
    pool = Pool(1)
    with pool.instance() as instance:
        kept = weakref.ref(instance.host)
        parse(instance, "SELECT 1")
    pool.close()
    del instance
    gc.collect()
    assert kept() is None
