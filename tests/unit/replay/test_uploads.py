"""Contents of load jobs: rows that are the same in other bytes."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bqsim.replay.book import Book
from bqsim.replay.uploads import content_of, digest_of, discard, recorded_digest
from bqsim.server.rest.spool import Spool

from .cassettes import Writing

JSON = "NEWLINE_DELIMITED_JSON"


def spool(data: bytes) -> Spool:
    made = Spool()
    made.write(data)
    return made


def parquet(**options: Any) -> bytes:
    sink = io.BytesIO()
    table = pa.table({"id": [1, 2], "name": ["a", None]})
    pq.write_table(table.replace_schema_metadata({"of": str(options)}), sink, **options)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("format_", "was", "now", "same"),
    [
        ("CSV", b"id\n1\n", b"id\r\n1\r\n", True),
        ("CSV", b"id\n1\n", gzip.compress(b"id\n1", mtime=0), True),
        ("CSV", b"id\n1\n", b"id\n2\n", False),
        ("CSV", b"id\n1\n", b"\x1f\x8bdamaged", False),
        (JSON, b'{"a":1,"b":null}\n', b'\n{"b": null, "a": "1"}', True),
        (JSON, b'{"a":1}\n{"a":2}\n', b'{"a":2}\n{"a":1}\n', False),
        (JSON, b'{"a":1}\n', b"{damaged", False),
        ("PARQUET", parquet(), parquet(compression="gzip", row_group_size=1), True),
        ("PARQUET", parquet(), b"PAR1", False),
        ("AVRO", b"Obj\x01a", b"Obj\x01b", False),
    ],
    ids=str,
)
def test_rows_in_other_bytes(tmp_path: Path, format_: str, was: bytes, now: bytes, same: bool) -> None:
    writing = Writing(tmp_path / "c.cassette")
    table = {"projectId": "${project}", "datasetId": "d", "tableId": "t"}
    request = {"configuration": {"load": {"destinationTable": table, "sourceFormat": format_}}}
    reference = writing.put(was)
    writing.add("load", {**request, "upload": reference}, {"job": {}})
    book = Book.open(writing.written(), project="p")
    asked = {
        "configuration": {"load": {"destinationTable": {**table, "projectId": "p"}, "sourceFormat": format_}}
    }
    own = digest_of(spool(now))
    found = recorded_digest(book, asked, spool(now), own)
    assert found == (reference["$blob"] if same else own)


def test_contents_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bqsim.server.rest.spool.SPOOL_BYTES", 4)
    large, small = spool(b"0123456789"), spool(b"012")
    assert large.data() is None
    assert digest_of(small) != digest_of(large)
    large = spool(b"0123456789")
    path = large.take()
    assert content_of(large) == b"0123456789"
    discard(large)
    assert not path.exists()
