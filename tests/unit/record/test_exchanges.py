"""The journal of exchanges."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from bqsim.record.exchanges import JOURNAL, Journal, JournalWriter, Spooled
from bqsim.record.model import Content, Exchange, Part
from tests.unit.record.examples import EXAMPLES

_BYTES = st.binary(max_size=50)
_CONTENTS = st.builds(
    lambda parts, size, media, preview: Content(tuple(parts), size, "d" if size else "", media, preview),
    st.lists(st.builds(Part, _BYTES, st.floats(0, 9).map(lambda f: round(f, 6))), max_size=3),
    st.integers(0, 999),
    st.text(max_size=5),
    st.lists(st.text(max_size=5), max_size=2).map(tuple),
)
_HEADERS = st.lists(st.tuples(st.text(max_size=5), st.text(max_size=9)), max_size=3).map(tuple)
_EXCHANGES = st.builds(
    Exchange,
    st.just(1),
    st.sampled_from(["rest", "grpc"]),
    *[st.text(max_size=9)] * 4,
    request_headers=_HEADERS,
    request=_CONTENTS,
    status=st.integers(0, 599),
    code=st.text(max_size=5),
    message=st.text(max_size=5),
    trailers=_HEADERS,
    response=_CONTENTS,
    broken=st.sampled_from(["", "reset"]),
    started_s=st.floats(0, 99).map(lambda f: round(f, 6)),
)


def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    @EXAMPLES
    @given(st.lists(_EXCHANGES, max_size=4))
    def check(exchanges: list[Exchange]) -> None:
        path = tmp_path_factory.mktemp("journal") / JOURNAL
        writer = JournalWriter(path, {"began_us": 7})
        for exchange in exchanges:
            writer.add(exchange)
        writer.close()
        journal = Journal(path)
        assert list(journal) == exchanges
        assert journal[: len(exchanges)] == exchanges
        assert journal.whole
        assert journal.about["began_us"] == 7
        journal.close()

    check()


def _exchange(number: int, data: bytes = b"body") -> Exchange:
    content = Content((Part(data),), len(data))
    return Exchange(number, "rest", "m", "r", "GET", "/t", request=content, status=200)


def test_calls_are_in_the_order_in_which_they_began(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / JOURNAL, {})
    for number in (3, 1, 2):
        writer.add(_exchange(number))
    writer.close()
    assert [e.number for e in Journal(tmp_path / JOURNAL)] == [1, 2, 3]


def test_a_record_that_was_cut_short(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL
    writer = JournalWriter(path, {})
    writer.add(_exchange(1))
    whole = path.stat().st_size
    writer.add(_exchange(2, b"a longer body\nof lines\n"))
    writer.close()
    text = path.read_bytes()
    for end in range(len(text)):
        path.write_bytes(text[:end])
        journal = Journal(path)
        assert len(journal) == (1 if end >= whole else 0)
        assert journal.whole == (end in (whole, text.index(b"\n"), text.index(b"\n") + 1))
        journal.close()


def test_bodies_that_lie_in_files(tmp_path: Path) -> None:
    (tmp_path / "spool").write_bytes(b"abcde")
    writer = JournalWriter(tmp_path / JOURNAL, {})
    exchange = Exchange(1, "grpc", "m", "r", "", "/t", response=Content((), 5, "d"))
    writer.add(exchange, None, Spooled(tmp_path / "spool", [(2, 0.1), (3, 0.2)]))
    writer.add(_exchange(2))
    writer.close()
    first, second = Journal(tmp_path / JOURNAL)
    assert first.response.parts == (Part(b"ab", 0.1), Part(b"cde", 0.2))
    assert second.request.data == b"body"
