"""Secrets of every kind are removed wherever they stand; what is none stays as it is."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote, unquote

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.codecs import wire
from bqsim.record.redact.policy import Policy
from bqsim.record.redact.redactor import Redactor
from bqsim.record.redact.scan import leaks
from tests.unit.record.examples import EXAMPLES

from .canaries import canaries, halves

REDACTOR = Redactor()


def _text(text: str) -> bytes:
    return REDACTOR.text(text).encode()


def _json(value: object) -> bytes:
    return REDACTOR.content(json.dumps(value).encode(), "application/json")


def _protobuf(text: str) -> bytes:
    inner = wire.block(1, text.encode()) + wire.number(3, 9)
    return REDACTOR.content(wire.number(1, 5) + wire.block(2, inner), "application/grpc")


def _arrow(text: str) -> bytes:
    batch = pa.record_batch({"n": [1, 2, 3], "s": ["x", text, "y z"]})
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, batch.schema) as writer:
        writer.write_batch(batch)
    return REDACTOR.content(out.getvalue().to_pybytes())


def _avro(text: str) -> bytes:
    out = io.BytesIO()
    fields = [{"name": "s", "type": ["null", "string"]}]
    fastavro.writer(out, {"type": "record", "name": "r", "fields": fields}, [{"s": text}], codec="deflate")
    return repr(list(fastavro.reader(io.BytesIO(REDACTOR.content(out.getvalue()))))).encode()


def _parquet(text: str) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"s": [text, None]}), out)
    return repr(pq.read_table(io.BytesIO(REDACTOR.content(out.getvalue()))).to_pylist()).encode()


def _multipart(text: str) -> bytes:
    line = b"\r\n"
    parts = (
        (b"application/json", json.dumps({"a": text}).encode()),
        (b"application/octet-stream", text.encode()),
    )
    body = b"".join(b"--xx\r\nContent-Type: " + media + line * 2 + data + line for media, data in parts)
    return REDACTOR.content(body + b"--xx--\r\n", "multipart/related; boundary=xx")


def _batch(text: str) -> bytes:
    inside = (
        b"GET /bigquery/v2/projects/p?q=" + quote(text, safe="").encode() + b" HTTP/1.1\r\nX-A: "
        b"b\r\n\r\n" + json.dumps({"a": text}).encode()
    )
    body = b"--xx\r\nContent-Type: application/http\r\n\r\n" + inside + b"\r\n--xx--\r\n"
    return unquote(REDACTOR.content(body, "multipart/mixed; boundary=xx").decode()).encode()


PLACES: dict[str, Callable[[str], bytes]] = {
    "text": lambda t: _text(f"see {t} here"),
    "comment": lambda t: _text(f"SELECT 1 -- {t}\nFROM t"),
    "literal": lambda t: _text(f'SELECT * FROM t WHERE x = "{t}"'),
    "json": lambda t: _json({"a": [{"b": t, "c": 1}]}),
    "name": lambda t: _json({"labels": {t: "x"}}),
    "json in json": lambda t: _json({"a": json.dumps({"b": t})}),
    "message": lambda t: _json({"error": {"message": f"Bad thing: {t}; fix", "code": 400}}),
    "base64": lambda t: base64.b64decode(REDACTOR.text(base64.b64encode(f"it is {t} so".encode()).decode())),
    "hex": lambda t: bytes.fromhex(REDACTOR.text(f"it is {t} so".encode().hex())),
    "gzip": lambda t: gzip.decompress(REDACTOR.content(gzip.compress(json.dumps({"a": t}).encode()))),
    "header": lambda t: repr(REDACTOR.headers((("x-debug", t.replace("\n", " ")),))).encode(),
    "url": lambda t: unquote(REDACTOR.target("/x?q=" + quote(t, safe=""))).encode(),
    "protobuf": _protobuf,
    "arrow": _arrow,
    "avro": _avro,
    "parquet": _parquet,
    "ndjson": lambda t: REDACTOR.content((json.dumps({"a": 1}) + "\n" + json.dumps({"a": t})).encode()),
    "rows": lambda t: _json({"rows": [{"f": [{"v": t}, {"v": None}]}]}),
    "csv": lambda t: REDACTOR.content(('a,b\n1,"' + t.replace('"', '""') + '"\n').encode(), "text/csv"),
    "multipart": _multipart,
    "batch": _batch,
    "cut off": lambda t: REDACTOR.content(json.dumps({"a": [1, t]}).encode()[:-2], "application/json"),
}
# What no form tells, only chance, is looked for in all but rows and bytes: these hold hashes and keys.
ONLY_BY_CHANCE = "drawn by chance"
ROWS = {"protobuf", "arrow", "avro", "parquet", "ndjson", "rows", "csv", "hex", "cut off"}


def test_there_are_forty_kinds() -> None:
    assert len(canaries()) >= 40


@pytest.mark.fidelity(
    "recording:redaction",
    "approximated",
    "Secrets are known by their names and forms, and by looking drawn by chance.",
)
@pytest.mark.parametrize("place", PLACES)
def test_no_secret_is_left(place: str) -> None:
    left = []
    for name, (text, secret) in canaries().items():
        if name == ONLY_BY_CHANCE and place in ROWS:
            continue
        made = PLACES[place](text)
        left += [name for part in halves(secret) if part.encode() in made]
    assert not left


def test_every_canary_is_a_leak() -> None:
    unseen = [name for name, (text, _) in canaries().items() if not leaks(f"see {text} here".encode())]
    assert not unseen
    for name, (text, secret) in canaries().items():
        for leak in leaks(text.encode()):
            assert secret not in leak.shown, name


def test_a_leak_tells_its_line() -> None:
    token = canaries()["github token"][1]
    (leak,) = leaks(f"one\ntwo {token}\n".encode())
    assert (leak.kind, leak.where) == ("github-token", "line 2")
    assert leak.shown == "ghp_… (40 characters)"


def test_rows_in_bytes_keep_their_lengths() -> None:
    token = canaries()["aws key"][1].encode()
    data = b"\xff\xfe\x01" + token + b"\x00\xff\xff"
    made = REDACTOR.content(data, "application/octet-stream")
    assert len(made) == len(data) and token not in made


def test_what_is_no_secret_stays_byte_for_byte() -> None:
    plain = {
        "etag": "mT4z9bqDfgVq7AeQvBcW8A==",
        "id": "p:US.job_9AbCdEfGhIjKlMnOpQrStUvWx12",
        "selfLink": "https://bigquery.googleapis.com/bigquery/v2/projects/p/jobs/job_9AbCdEfGhIjKlMnOpQrStUvWx12",
        "pageToken": "BHNGS4XQBAAASA3DN5YGKX3CPAZTSTDXQEAAAEAGCAQ7777QP777Z7ZAABI",
        "requestId": "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "md5Hash": "rL0Y20zC+Fzt72VPzMSk2A==",
        "sha": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "sql": "SELECT SHA256('x'), '2020-01-01 00:00:00+00', -5+3, a.password FROM t@-1 WHERE token = @t",
        "statistics": {"totalBytesProcessed": "4539578763621486", "creationTime": "1700000000000"},
        "text": "Basic understanding of bearer instruments; 10-20-3000 and 1.2.3.4",
        "view": "CREATE VIEW v AS SELECT u.secret = u.other_secret, IF(password = secret, 1, 2) FROM users u",
    }
    for text in (json.dumps(plain), json.dumps(plain, indent=2), json.dumps(plain, separators=(",", ":"))):
        assert REDACTOR.content(text.encode(), "application/json") == text.encode()


def test_rows_of_bytes_and_hashes_stay() -> None:
    cells = [base64.b64encode(os.urandom(n)).decode() for n in range(1, 60)]
    body = json.dumps({"rows": [{"f": [{"v": cell}]} for cell in cells]}).encode()
    assert REDACTOR.content(body, "application/json") == body


def test_equal_ones_stay_equal() -> None:
    a, b = REDACTOR.text("a@corp.com and A@corp.com"), REDACTOR.text("b@corp.com")
    first, _, second = a.partition(" and ")
    assert first == second != b and first.endswith("@redacted.example")
    number = REDACTOR.text("projects/123456789012/x")
    assert number == REDACTOR.text("projects/123456789012/x") != REDACTOR.text("projects/123456789013/x")
    assert REDACTOR.value({"projectNumber": "123456789012"})["projectNumber"] in number
    other = Redactor(key="another")
    assert other.text("b@corp.com") != b


def test_headers() -> None:
    made = dict(
        REDACTOR.headers(
            (
                ("authorization", "Bearer abc"),
                ("cookie", "a=b"),
                ("x-goog-api-key", "k"),
                ("content-type", "application/json"),
                ("etag", "mT4z9bqDfgVq7AeQvBcW8A=="),
                ("location", "https://h/upload?upload_id=ABPtcPqY3g9kQ&x=1"),
                ("x-guploader-uploadid", "ABPtcPqY3g9kQ"),
            )
        )
    )
    assert made["authorization"] == "Bearer redacted-header"
    assert made["cookie"] == made["x-goog-api-key"] == "redacted-header"
    assert made["content-type"] == "application/json" and made["etag"].endswith("8A==")
    # One upload keeps one name, wherever it stands.
    assert made["x-guploader-uploadid"] in made["location"]
    assert REDACTOR.headers(tuple(made.items())) == tuple(made.items())


def test_parameters_of_queries_by_their_names() -> None:
    given = [
        {"name": "password", "parameterType": {"type": "STRING"}, "parameterValue": {"value": "hunter2"}}
    ]
    assert "hunter2" not in json.dumps(REDACTOR.value({"queryParameters": given}))


@pytest.mark.parametrize(
    "name", ["oauth token", "github token", "aws key", "jwt", "slack token", "json secret"]
)
def test_bodies_that_break_off_in_a_secret(name: str) -> None:
    text, secret = canaries()[name]
    data = json.dumps({"a": 1, "b": text} if text == secret else {"a": 1, "client_secret": secret}).encode()
    at = data.index(secret.encode())
    for size in range(at + 12, at + len(secret)):
        made = REDACTOR.content(data[:size], "application/json")
        assert secret[:12].encode() not in made


def test_a_users_rules() -> None:
    import re

    from bqsim.record.redact.policy import Deny

    policy = Policy(
        deny=(Deny("customer", re.compile(r"CUST-\d+"), True), Deny("name", re.compile("Falcon"))),
        allow=(re.compile(re.escape("help@corp.com")),),
        keep=frozenset(("phone",)),
        headers=frozenset(("x-internal",)),
        fields=frozenset(("salary",)),
    )
    redactor = Redactor(policy)
    made = redactor.text("CUST-1, CUST-2, CUST-1 on Falcon, help@corp.com, +49 171 5550123")
    first, second, third = made.split(" on ")[0].split(", ")
    assert first == third != second and first.startswith("redacted-customer-")
    assert made.endswith("redacted-name, help@corp.com, +49 171 5550123")
    assert redactor.header("X-Internal", "abc") == "redacted-header"
    assert redactor.value({"salary": 100, "other": 100}) == {"salary": 0, "other": 100}
    assert redactor.text(made) == made


@st.composite
def _dirty(draw: st.DrawFn) -> str:
    texts = [text for text, _ in canaries().values()]
    pieces = draw(st.lists(st.one_of(st.sampled_from(texts), st.text(max_size=12)), max_size=5))
    return draw(st.sampled_from(("", " ", "\n", '"', "=", "'"))).join(pieces)


@EXAMPLES
@given(_dirty())
def test_what_was_redacted_stays(text: str) -> None:
    once = REDACTOR.text(text)
    assert REDACTOR.text(once) == once


@EXAMPLES
@given(st.lists(_dirty(), max_size=3), st.sampled_from(("application/json", "text/plain", "text/csv", "")))
def test_bodies_that_were_redacted_stay(texts: list[str], media: str) -> None:
    data = json.dumps({"a": texts, "b": {"password": "x"}}).encode("utf-8", "surrogatepass")
    once = REDACTOR.content(data, media)
    assert REDACTOR.content(once, media) == once


@EXAMPLES
@given(_dirty(), st.lists(st.integers(0, 300), max_size=6))
def test_pieces_give_the_whole(text: str, cuts: list[int]) -> None:
    data = json.dumps({"a": text}).encode("utf-8", "surrogatepass")
    stream = REDACTOR.stream("application/json")
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    made = b"".join(stream.feed(data[a:b]) for a, b in pairwise(places)) + stream.end()
    assert made == REDACTOR.content(data, "application/json")


def test_large_bodies_pass_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    from bqsim.record.redact import redactor, streams

    monkeypatch.setattr(streams, "WHOLE", 4096)
    monkeypatch.setattr(redactor, "WHOLE", 4096)
    monkeypatch.setattr(streams, "BLOCK", 2048)
    monkeypatch.setattr(streams, "_AHEAD", 1024)
    secrets = [text for name, (text, _) in canaries().items() if name != ONLY_BY_CHANCE]
    rows = [{"n": n, "s": secrets[n % len(secrets)], "filled": "lorem ipsum " * 5} for n in range(300)]
    for data, media in (
        ("".join(json.dumps(row) + "\n" for row in rows).encode(), "application/x-ndjson"),
        (json.dumps({"rows": rows}).encode(), "application/json"),
    ):
        whole = REDACTOR.content(data, media)
        for size in (1000, 2049, 5000):
            stream = REDACTOR.stream(media)
            made = b"".join(stream.feed(data[n : n + size]) for n in range(0, len(data), size)) + stream.end()
            assert made == whole
        left = [s for name, (_, s) in canaries().items() if name != ONLY_BY_CHANCE and s.encode() in whole]
        assert not left


def test_recorded_queries_stay() -> None:
    """Only addresses change in what the real service was asked and answered."""
    files = sorted(Path(os.environ.get("BQSIM_CASES", "-")).glob("*.jsonl"))
    if not files:
        pytest.skip("BQSIM_CASES names no folder of recorded cases")
    seen: set[str] = set()
    redactor = Redactor(seen=lambda kind, secret: seen.add(kind))
    for file in files:
        for line in file.read_bytes().splitlines():
            redactor.content(line, "application/json")
    assert seen <= {"email"}


def test_queries_with_secrets_are_found_at_replay(tmp_path: Path) -> None:
    """Keys are of what recordings have; clients go on to ask as they did."""
    from bqsim.record.recorder import Recorder
    from bqsim.replay.book import Book

    media = (("content-type", "application/json"),)
    token = canaries()["github token"][1]
    sql = f"SELECT * FROM d.t WHERE mail = 'ann.smith@corp.com' -- {token}"
    recorder = Recorder(tmp_path / "a.cassette")
    call = recorder.begin("rest", "POST", "/bigquery/v2/projects/p/queries", media, "bigquery.googleapis.com")
    call.sent(json.dumps({"query": sql, "useLegacySql": False}).encode())
    call.answered(200, media)
    answer = {"jobReference": {"projectId": "p", "jobId": "j"}, "jobComplete": True, "totalRows": "0"}
    call.received(json.dumps({**answer, "schema": {"fields": [{"name": "n", "type": "STRING"}]}}).encode())
    call.ended()
    cassette = recorder.finish()
    (recorded,) = cassette.operations()
    assert "corp.com" not in recorded.request["sql"]
    book = Book([cassette])
    asked = {**recorded.request, "sql": sql}
    assert book.has("query", asked)
    assert book.find("query", asked).name == recorded.name
