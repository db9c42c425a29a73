"""Appends with offsets against duplicates, gaps, broken connections and restarts: no row lost or doubled."""

from __future__ import annotations

import random
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

from bqsim.settings import Settings

from .conftest import PB, TABLE, Stack, opening, request, rows_of

DEFAULT = "projects/p/datasets/d/tables/t/streams/_default"
ROUNDS = 60


def expected_code(offset: int | None, end: int) -> int:
    if offset is None or offset == end:
        return 0
    return 6 if offset < end else 11


@pytest.mark.parametrize("type_", [PB.COMMITTED, PB.BUFFERED, PB.PENDING])
@pytest.mark.parametrize("seed", [1, 2])
def test_random_appends(type_: Any, seed: int) -> None:
    chance = random.Random(seed * 10 + type_)
    with tempfile.TemporaryDirectory() as path:
        stack = Stack(Settings(seed=seed, data_dir=Path(path)))
        stack.create_table()
        name = stack.create(type_)
        end, flushed, opened = 0, 0, None
        for _ in range(ROUNDS):
            action = chance.random()
            if action < 0.06:
                stack.restart()
                opened = None
            elif action < 0.15:
                if opened is not None:
                    opened.close()
                opened = None
            elif action < 0.25 and type_ == PB.BUFFERED and end:
                flushed = max(flushed, chance.randint(0, end - 1) + 1)
                assert stack.flush(name, flushed - 1) == flushed - 1
            else:
                count = chance.randint(1, 5)
                wanted = chance.choice([None, end, end, end, max(0, end - chance.randint(0, 4)), end + 2])
                batch = rows_of(range(end, end + count))
                if opened is None:
                    opened = stack.talk()
                    answer = opened.ask(opening(batch, name, offset=wanted))
                else:
                    answer = opened.ask(request(batch, offset=wanted))
                code = expected_code(wanted, end)
                assert answer.error.code == code, answer
                if not code:
                    assert answer.append_result.offset.value == end
                    end += count
            visible = {PB.COMMITTED: end, PB.BUFFERED: flushed, PB.PENDING: 0}[type_]
            assert stack.catalog.table(TABLE).num_rows == visible
        assert stack.finalize(name) == end
        if type_ == PB.PENDING:
            stack.commit(name)
        elif type_ == PB.BUFFERED and end:
            stack.flush(name, end - 1)
        assert stack.numbers() == list(range(end))
        stack.close()


def test_writer_that_loses_its_answers(durable: Stack) -> None:
    """A writer that repeats everything it has no answer for, over connections that break at any time."""
    chance = random.Random(5)
    name = durable.create()
    total, acknowledged = 150, 0
    while acknowledged < total:
        talk = durable.talk()
        sent = acknowledged
        for first in range(chance.randint(1, 12)):
            if sent == total:
                break
            raw = request(rows_of([sent]), offset=sent)
            if not first:
                raw = opening(rows_of([sent]), name, offset=sent)
            talk.send(raw)
            sent += 1
        for _ in range(chance.randint(0, sent - acknowledged)):
            answer = talk.receive()
            assert answer.error.code in (0, 6), answer
            acknowledged += 1
        talk.close()
        if chance.random() < 0.1:
            durable.restart()
    assert durable.numbers() == list(range(total))


def test_connections_at_once(stack: Stack) -> None:
    """Several writers of streams of their own and of the default stream, at the same time."""
    streams = [stack.create() for _ in range(3)]
    failures: list[object] = []

    def own(index: int) -> None:
        numbers = range(index * 1000, index * 1000 + 100)
        requests = [opening(rows_of([numbers[0]]), streams[index], offset=0)]
        requests += [request(rows_of([n]), offset=i) for i, n in enumerate(numbers) if i]
        failures.extend(a for a in stack.send(*requests) if a.HasField("error"))

    def shared(index: int) -> None:
        numbers = range(index * 1000, index * 1000 + 100)
        requests = [opening(rows_of([n]), DEFAULT) for n in numbers]
        failures.extend(a for a in stack.send(*requests) if a.HasField("error"))

    threads = [threading.Thread(target=own, args=(i,)) for i in range(3)]
    threads += [threading.Thread(target=shared, args=(i,)) for i in range(3, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sorted(stack.numbers()) == sorted(n for i in range(6) for n in range(i * 1000, i * 1000 + 100))
    for i, name in enumerate(streams):
        assert stack.finalize(name) == 100, i
