from __future__ import annotations

import threading
import time

from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service

from bqsim.sql.googlesql.host import TICK_S, Ticker
from bqsim.sql.googlesql.options import evaluation_options, language_options
from tests.waiting import until

from .conftest import World


class CountingEngine:
    def __init__(self) -> None:
        self.epochs = 0

    def increment_epoch(self) -> None:
        self.epochs += 1


def test_the_ticker_rests_when_nothing_runs() -> None:
    engine = CountingEngine()
    ticker = Ticker(engine)
    with ticker:
        until(lambda: engine.epochs >= 2)

    def rests() -> bool:
        before = engine.epochs
        time.sleep(4 * TICK_S)
        return engine.epochs == before

    until(rests)
    ticker.close()


def test_the_clock_is_the_one_given(world: World) -> None:
    request = service.EvaluateQueryRequest(sql="SELECT CURRENT_TIMESTAMP()", options=evaluation_options())
    request.simple_catalog.builtin_function_options.language_options.CopyFrom(language_options())
    with world.googlesql.pool.instance() as instance:
        instance.host.now_us = 1_577_934_245_000_006
        answer = instance.call("EvaluateQuery", request.SerializeToString(), 5)
        instance.host.now_us = 0
    value = service.EvaluateQueryResponse.FromString(answer).content.table_data.row[0].cell[0].timestamp_value
    assert (value.seconds, value.nanos // 1000) == (1_577_934_245, 6)


def test_calls_release_the_interpreter(world: World) -> None:
    sql = "SELECT COUNT(*) FROM UNNEST(GENERATE_ARRAY(1, 20)) a, UNNEST(GENERATE_ARRAY(1, 1000)) b"
    request = service.EvaluateQueryRequest(sql=sql, options=evaluation_options())
    request.simple_catalog.builtin_function_options.language_options.CopyFrom(language_options())
    turns: list[int] = []
    done = threading.Event()

    def count() -> None:
        while not done.is_set():
            turns.append(1)
            time.sleep(0.001)

    with world.googlesql.pool.instance() as instance:
        thread = threading.Thread(target=count)
        thread.start()
        before = len(turns)
        try:
            instance.call("EvaluateQuery", request.SerializeToString(), 30)
            during = len(turns) - before
        finally:
            done.set()
            thread.join()
    assert during > 5
