"""Mutated SQL texts against a server of its own: no failure of the server, no hang, no word of the engine.

    python -m tests.oracle.fuzz [--count N] [--seed S] [--workers W]

Prints the first disorderly answers, the slowest texts and the server's memory before and after; the exit
status is 1 when an answer was disorderly or the server is gone.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import re
import sys
import time
from collections import Counter, defaultdict
from random import Random
from typing import Any

from tests.property.test_hostile_rest import SQL_PIECES, is_orderly
from tests.servers import bqsim_server

from .expressions import Expressions
from .fuzz_corpus import STATEMENTS
from .queries import Queries
from .routes import Routes
from .signatures import scalar_calls
from .values import COLUMNS

_TOKEN = re.compile(r"\s+|[A-Za-z_]\w*|\d+(?:\.\d+)?|'[^']*'|\"[^\"]*\"|`[^`]*`|\|>|<=|>=|=>|->|\S")
GENERATED = 3000
SLOW_S = 5.0
SETUP = (
    "CREATE SCHEMA IF NOT EXISTS d",
    "CREATE OR REPLACE TABLE d.t (n INT64, s STRING, f FLOAT64, a ARRAY<INT64>, r STRUCT<x INT64, y STRING>, j JSON, "
    "d DATE, ts TIMESTAMP, k NUMERIC, g GEOGRAPHY)",
    f"CREATE OR REPLACE TABLE d.data ({', '.join(f'{name} {type_}' for name, type_ in COLUMNS)})",
    "INSERT d.data (id, i, j, s, b, d, n) VALUES (1, 2, 3, 'abc', TRUE, DATE '2020-02-29', 1.5), (2, NULL, 0, '', NULL, NULL, 0)",
    "INSERT d.t (n, s, f, a, d) VALUES (1, 'a', 1.5, [1, 2], DATE '2024-02-29'), (2, NULL, NULL, [], NULL)",
)


def corpus(seed: int) -> list[str]:
    """Statements by hand and generated queries, over the table ``d.t``."""
    routes = Routes()
    try:
        calls = [c for c in scalar_calls(routes.googlesql.pool) if c.template]
    finally:
        routes.close()
    expressions = Expressions(calls, seed)
    queries = Queries(expressions)
    made = [f"SELECT {expressions.column(2)} FROM data" for _ in range(GENERATED)]
    made += [queries.query().replace("NULLIFERROR", "") for _ in range(GENERATED)]
    return [*STATEMENTS * 20, *made]


def _kind(token: str) -> str:
    """Name, number, text, space or the sign itself."""
    if token[0].isalpha() or token[0] == "_":
        return "KEYWORD" if token.isupper() else "name"
    return (
        "number"
        if token[0].isdigit()
        else "text"
        if token[0] in "'\"`"
        else "space"
        if token.isspace()
        else "sign"
    )


class Mutator:
    """Random changes of texts; the same seed makes the same texts."""

    def __init__(self, texts: list[str], seed: int) -> None:
        self._random = Random(seed)
        self._texts = [_TOKEN.findall(text) for text in texts]
        self._alike: defaultdict[str, list[str]] = defaultdict(list)
        for tokens in self._texts:
            for token in tokens:
                self._alike[_kind(token)].append(token)

    def text(self) -> str:
        """A text of the corpus with one to six changes."""
        draw = self._random
        tokens = list(draw.choice(self._texts))
        for _ in range(draw.choice((1, 1, 1, 2, 2, 3, 6))):
            self._change(tokens)
        return "".join(tokens)

    def _change(self, tokens: list[str]) -> None:
        draw = self._random
        if not tokens:
            tokens.append("SELECT")
        at = draw.randrange(len(tokens))
        other = draw.choice(self._texts)
        if draw.random() < 0.6:
            # A token of the same kind often keeps the text valid.
            at = draw.choice([i for i, token in enumerate(tokens) if not token.isspace()] or [at])
            tokens[at] = draw.choice(self._alike[_kind(tokens[at])] or ["x"])
            return
        kind = draw.randrange(8)
        if kind == 0:
            del tokens[at]
        elif kind == 1:
            tokens[at] = draw.choice(SQL_PIECES)
        elif kind == 2:
            tokens.insert(at, f" {draw.choice(SQL_PIECES)} ")
        elif kind == 3:
            tokens[at] = draw.choice(other)
        elif kind == 4:
            end = draw.randrange(at, min(len(tokens), at + 8))
            tokens[at:at] = tokens[at : end + 1]
        elif kind == 5:
            swap = draw.randrange(len(tokens))
            tokens[at], tokens[swap] = tokens[swap], tokens[at]
        elif kind == 6:
            start = draw.randrange(len(other))
            tokens[at : at + 1] = other[start : start + draw.randrange(1, 12)]
        else:
            word = tokens[at]
            tokens[at] = word[: draw.randrange(len(word) + 1)] + chr(
                draw.choice((0, 39, 96, 92, 0x2028, 0x1F600, 40))
            )


def _ask(connection: http.client.HTTPConnection, text: str) -> tuple[int, bytes]:
    body = json.dumps(
        {
            "query": text,
            "useLegacySql": False,
            "timeoutMs": 5000,
            "maxResults": 10,
            "defaultDataset": {"datasetId": "d"},
        }
    )
    connection.request("POST", "/bigquery/v2/projects/p/queries", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    status, data = answer.status, answer.read()
    if b'"jobComplete": false' in data:
        # Loops without an end are valid scripts.
        job = json.loads(data)["jobReference"]["jobId"]
        connection.request("POST", f"/bigquery/v2/projects/p/jobs/{job}/cancel")
        connection.getresponse().read()
    return status, data


def work(arguments: tuple[int, int, int, list[str]]) -> dict[str, Any]:
    """One worker's share of the texts."""
    port, count, seed, texts = arguments
    mutator = Mutator(texts, seed)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    counts: Counter[str] = Counter()
    disorderly: list[Any] = []
    slow: list[Any] = []
    for done in range(count):
        text = mutator.text()
        start = time.monotonic()
        try:
            status, data = _ask(connection, text)
        except (OSError, http.client.HTTPException) as error:
            disorderly.append((text, 0, repr(error)))
            connection.close()
            continue
        seconds = time.monotonic() - start
        counts[str(status)] += 1
        if seconds > SLOW_S:
            slow.append((round(seconds, 1), text[:300]))
        if not is_orderly(status, data) or (
            status >= 400 and not json.loads(data)["error"]["message"].strip()
        ):
            disorderly.append((text, status, data.decode(errors="replace")[:600]))
        if done % 5000 == 4999:
            print(
                f"worker {seed}: {done + 1:,} texts, {dict(counts)}, {len(disorderly)} disorderly", flush=True
            )
    return {"counts": counts, "disorderly": disorderly, "slow": slow}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    texts = corpus(options.seed)
    start = time.monotonic()
    with bqsim_server() as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        for statement in SETUP:
            status, data = _ask(connection, statement)
            assert status == 200, (statement, data)
        warm = work((server.port, min(options.count, 500), options.seed + 1000, texts))
        before = server.resident_mb()
        shares = [
            (server.port, -(-options.count // options.workers), options.seed + w, texts)
            for w in range(options.workers)
        ]
        with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
            results = [warm, *pool.map(work, shares)]
        alive = _ask(connection, "SELECT 1")[0] == 200
        after = server.resident_mb()
    disorderly = [d for r in results for d in r["disorderly"]]
    for text, status, data in disorderly[:40]:
        print(f"--- {status}\n{text[:600]}\n{data}")
    for seconds, text in sorted((s for r in results for s in r["slow"]), reverse=True)[:10]:
        print(f"slow: {seconds} s: {text}")
    counts: Counter[str] = sum((r["counts"] for r in results), Counter())
    print(
        f"seeds {options.seed}..{options.seed + options.workers - 1}, {time.monotonic() - start:.0f} s: {dict(counts)}"
    )
    print(
        f"{len(disorderly)} disorderly; the server {'answers' if alive else 'is gone'}; {before:.0f} -> {after:.0f} MB"
    )
    return 1 if disorderly or not alive else 0


if __name__ == "__main__":
    sys.exit(main())
