from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from bqsim.record.cassette.errors import CassetteError
from bqsim.replay.book import Book
from bqsim.replay.modes import MODES, UNKNOWN, Live
from bqsim.server.http import Head, Response

from .cassettes import Writing


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return Writing(tmp_path / "there").written()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("unknown", UNKNOWN)
def test_who_answers_and_what_is_recorded(there: Path, mode: str, unknown: str) -> None:
    live = Live([there], mode=mode, unknown=unknown)
    assert live.records_all is (mode in ("all", "rewrite"))
    others = mode == "new_episodes" or (not live.records_all and unknown != "refuse")
    assert live.answers is others
    assert live.verifies is (mode == "verify-live")


def test_a_cassette_that_is_not_there(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    assert Live([absent], mode="once", unknown="refuse").records_all
    live = Live([absent], mode="new_episodes", unknown="refuse")
    assert not live.records_all and len(live.opened[0]) == 0
    with pytest.raises(CassetteError):
        Live([absent], mode="none", unknown="refuse")


@pytest.mark.parametrize(
    ("options", "says"),
    (
        ({"mode": "some", "unknown": "refuse"}, "mode of a replay"),
        ({"mode": "none", "unknown": "guess"}, "unknown is one of"),
        ({"mode": "rewrite", "unknown": "refuse"}, "into one cassette"),
    ),
)
def test_what_is_refused(there: Path, options: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Live([there, there], **options)


class _Service:
    """A service that calls every job its own, and answers with one row."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def answer(self, request: Any) -> Response:
        self.asked.append(request.head.target)
        body = {"jobReference": {"jobId": "theirs"}, "rows": [2], "etag": "b"}
        return Response(200, gzip.compress(json.dumps(body).encode()), {"content-encoding": "gzip"})


def test_jobs_of_the_service_are_asked_for_by_its_names(there: Path) -> None:
    live = Live([there], mode="verify-live", unknown="refuse", upstream="http://127.0.0.1:1")
    book, service = Book(live.opened, project="p"), _Service()
    live._forwarder = service

    async def verify(target: str, rows: list[int], status: int = 200) -> None:
        body = {"jobReference": {"jobId": "ours"}, "rows": rows, "etag": "a"}
        head = Head("GET", target, {"accept-encoding": "gzip"}, 0)
        http: Any = type("Asked", (), {"head": head})()
        await live.verify(http, b"", "k.1", Response(status, json.dumps(body).encode()), book)

    asyncio.run(verify("/queries", [2]))
    assert book.report().of("drift") == []
    asyncio.run(verify("/queries/ours?x=1", [1]))
    asyncio.run(verify("/queries/ours", [2], 404))
    assert service.asked == ["/queries", "/queries/theirs?x=1", "/queries/theirs"]
    assert [(f.operation, f.title, f.detail) for f in book.report().of("drift")] == [
        ("k.1", "GET /queries/ours", "rows[0]: recorded 1, now 2"),
        ("k.1", "GET /queries/ours", "status: recorded 404, the service now answers 200"),
    ]
