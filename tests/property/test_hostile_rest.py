"""Hostile input: whatever bytes, paths, bodies and SQL texts arrive, the answer is orderly.

Never a 5xx but 501, never a hang, never the engine's words. ``BQSIM_HOSTILE`` is how many requests of each
kind are sent.
"""

from __future__ import annotations

import json
import os
import random
import socket
from typing import Any

import pytest

from bqsim.server.rest.methods import METHODS
from bqsim.server.rest.schemas import MESSAGES, message
from tests.conftest import Http

COUNT = int(os.environ.get("BQSIM_HOSTILE", "600"))
# What only the engine, Python or a file system would say.
ENGINE_WORDS = (
    b"duckdb",
    b"Binder Error",
    b"Catalog Error",
    b"Parser Error",
    b"Conversion Error",
    b"Invalid Input Error",
    b"LINE 1",
    b"Traceback",
    b"site-packages",
    b"zetasql",
    b"ZetaSQL",
    b"wasm",
    b"pyarrow",
    b"object has no attribute",
    b"NoneType",
)
TEXTS = (
    "",
    "a",
    "SELECT",
    "\u0000",
    "'; DROP TABLE t; --",
    "\U0001f600" * 3,
    "a" * 3000,
    "../../etc/passwd",
    "%00",
    "${jndi:x}",
    "ö\u202e",
    "-",
    "99999999999999999999",
    "NaN",
    "`",
    '"',
    "\r\nX: y",
)


def is_orderly(status: int, body: bytes) -> bool:
    return (status < 500 or status == 501) and not any(word in body for word in ENGINE_WORDS)


def value(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.randrange(8 if depth < 3 else 6)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.choice([0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**30])
    if kind == 2:
        return rng.choice([0.5, -1e300, 1e-300])
    if kind < 6:
        return rng.choice(TEXTS)
    if kind == 6:
        return [value(rng, depth + 1) for _ in range(rng.randrange(3))]
    return {rng.choice(TEXTS): value(rng, depth + 1) for _ in range(rng.randrange(3))}


def body(rng: random.Random, name: str, depth: int = 0) -> dict[str, Any]:
    """A body of a message's shape in which some values are wrong."""
    out: dict[str, Any] = {}
    for field in message(name).values():
        if rng.random() > (0.4 if depth else 0.5):
            continue
        if rng.random() < 0.1:
            out[field.name] = value(rng)
            continue
        good: Any
        if field.type in MESSAGES:
            good = body(rng, field.type, depth + 1) if depth < 4 else {}
        elif field.type == "any":
            good = value(rng)
        elif field.type == "bool":
            good = rng.choice([True, False])
        elif field.type in ("string", "text"):
            good = rng.choice(
                [*TEXTS, "d", "t", "US", "INTEGER", "STRING", "SELECT 1", "CSV", "WRITE_APPEND"]
            )
        else:
            good = rng.choice([0, 1, "5", 1000])
        if field.shape == "[]":
            good = [good] * rng.randrange(3)
        elif field.shape == "{}":
            good = {rng.choice(["a", *TEXTS]): good}
        out[field.name] = good
    return out


def quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text.encode("utf-8", "replace"), safe="")


def path(rng: random.Random, template: str, project: str) -> str:
    for name in [part.partition("}")[0] for part in template.split("{")[1:]]:
        known = {"projectId": project, "datasetId": "d", "tableId": "t"}.get(name, "x")
        text = known if rng.random() < 0.8 else quoted(rng.choice(TEXTS)) or "x"
        template = template.replace("{" + name + "}", text)
    return template


PARAMETERS = sorted(
    {word.partition(":")[0] for m in METHODS for word in m.query.split()} | {"fields", "alt", "prettyPrint"}
)


def test_malformed_calls_of_every_method(rest: Http) -> None:
    rng = random.Random(1)
    rest.dataset()
    rest.table()
    root = rest.project
    for i in range(COUNT):
        method = METHODS[i % len(METHODS)]
        query = "&".join(
            f"{rng.choice(PARAMETERS)}={quoted(str(rng.choice([*TEXTS, 0, -1, 10, 'true'])))}"
            for _ in range(rng.randrange(4))
        )
        target = f"/bigquery/v2/{path(rng, method.path, root)}?timeoutMs=50&{query}"
        data: Any = None
        if method.request is not None:
            data = body(rng, method.request) if rng.random() < 0.9 else json.dumps(value(rng)).encode()
            if isinstance(data, dict) and "timeoutMs" in message(method.request):
                data["timeoutMs"] = 50
        answer = rest.raw(method.verb, target[:9000], data)
        assert is_orderly(answer.status, answer.data), (method.id, target, data, answer.status, answer.data)
        if answer.status >= 400:
            assert answer.json["error"]["code"] == answer.status


def converse(port: int, data: bytes) -> bytes:
    """What the server answers to bytes, until it closes or a second has passed."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        out = b""
        while piece := connection.recv(65536):
            out += piece
        return out


def test_mutated_bytes(rest: Http) -> None:
    rng = random.Random(2)
    content = json.dumps({"query": "SELECT 1", "useLegacySql": False}).encode()
    good = (
        f"POST /bigquery/v2/projects/{rest.project}/queries HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    ).encode() + content
    for _ in range(COUNT):
        data = bytearray(good)
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(data) or 1)
            choice = rng.randrange(4)
            if choice == 0 and data:
                data[at] = rng.randrange(256)
            elif choice == 1:
                del data[at : at + rng.randrange(1, 20)]
            elif choice == 2:
                data[at:at] = rng.randbytes(rng.randrange(1, 10))
            else:
                data = data[:at] or bytearray(b"x")
        answer = converse(rest.simulator.port, bytes(data))
        for head in answer.split(b"HTTP/1.1 ")[1:]:
            assert is_orderly(int(head[:3]), answer), (bytes(data), answer)


SQL_PIECES = (
    *[
        "SELECT",
        "FROM",
        "WHERE",
        "GROUP",
        "BY",
        "ORDER",
        "LIMIT",
        "UNNEST",
        "(",
        ")",
        "[",
        "]",
        ",",
        ".",
        ";",
        "*",
        "+",
        "-",
        "/",
        "=",
        "<",
        ">",
        "AND",
        "OR",
        "NOT",
        "NULL",
    ],
    *[
        "AS",
        "WITH",
        "CASE",
        "WHEN",
        "THEN",
        "END",
        "CAST",
        "INT64",
        "STRING",
        "STRUCT",
        "ARRAY",
        "DATE",
        "CREATE",
        "TABLE",
        "INSERT",
        "INTO",
        "VALUES",
    ],
    *[
        "DELETE",
        "UPDATE",
        "SET",
        "MERGE",
        "DROP",
        "DECLARE",
        "BEGIN",
        "IF",
        "LOOP",
        "BREAK",
        "EXECUTE",
        "IMMEDIATE",
        "d.t",
        "n",
        "s",
        "@p",
        "?",
        "`",
        "'",
        '"',
        "'''",
        "--",
    ],
    *[
        "/*",
        "*/",
        "#",
        "1",
        "0",
        "1.5",
        "'a'",
        "b'x'",
        "r'\\'",
        "1e400",
        "9223372036854775808",
        "TRUE",
        "x",
        "|>",
        "=>",
        "::",
        "$1",
        "@@x",
        "\\",
        "\x00",
        "\u2028",
    ],
    "INFORMATION_SCHEMA.TABLES",
    "error('x')",
    "read_csv('/etc/passwd')",
    "PRAGMA",
    "ATTACH",
    "COPY",
    "CAST('x' AS INT64)",
    "1/0",
    "(SELECT n FROM d.t)",
    "JSON '{'",
    "DATE '2024-13-01'",
    "t$1",
    "`d`.`t`",
    "FOR SYSTEM_TIME AS OF",
)


def sql(rng: random.Random) -> str:
    return " ".join(rng.choice(SQL_PIECES) for _ in range(rng.randrange(1, 14)))


SEEDS = (
    "SELECT n, s FROM d.t WHERE n > 1 ORDER BY s LIMIT 5",
    "SELECT s, COUNT(*), SUM(n) OVER (PARTITION BY s) FROM d.t GROUP BY s, n",
    "INSERT d.t (n, s) VALUES (1, 'x')",
    "UPDATE d.t SET n = n + 1 WHERE TRUE",
    "WITH a AS (SELECT [1, 2] AS x) SELECT y FROM a, UNNEST(x) AS y",
    "CREATE OR REPLACE TABLE d.u AS SELECT CAST(s AS INT64) AS n FROM d.t",
)


def mutated(rng: random.Random) -> str:
    words = rng.choice(SEEDS).split()
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(words))
        if rng.random() < 0.5:
            words[at] = rng.choice(SQL_PIECES)
        else:
            words.insert(at, rng.choice(SQL_PIECES))
    return " ".join(words)


def test_sql_texts(rest: Http) -> None:
    rng = random.Random(3)
    rest.dataset()
    rest.table()
    disorderly = []
    for i in range(COUNT):
        text = sql(rng) if i % 3 == 0 else mutated(rng)
        answer = rest.query(text, timeoutMs=5000, defaultDataset={"datasetId": "d"})
        if not is_orderly(answer.status, answer.data) or not (answer.status < 400 or answer.message.strip()):
            disorderly.append((text, answer.status, answer.data))
    assert not disorderly


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "SELECT " + "(" * 5000 + "1" + ")" * 5000,
        "SELECT " + "+".join(["1"] * 20_000),
        "SELECT " + "NOT " * 20_000 + "TRUE",
        "SELECT " + "[" * 500 + "1" + "]" * 500,
        "SELECT 1 " * 50_000,
        "SELECT '" + "x" * 900_000 + "'",
        "x" * 1_100_000,
        "SELECT " + "IF(TRUE, " * 400 + "1" + ", 0)" * 400,
        "SELECT * FROM " + "(SELECT * FROM " * 400 + "d.t" + ")" * 400,
        "/*" * 100_000,
        "'" * 100_001,
        "BEGIN " * 2000,
        "SELECT CASE " + "WHEN TRUE THEN 1 " * 5000 + "END",
    ],
    ids=lambda t: f"{t[:12]}-{len(t)}",
)
def test_huge_and_deep_sql_neither_crashes_nor_hangs(rest: Http, text: str) -> None:
    answer = rest.query(text, timeoutMs=20000)
    assert is_orderly(answer.status, answer.data), (answer.status, answer.data[:500])
    assert rest.query("SELECT 1").status == 200
