"""What it costs to ask a thousand rules: ``python -m tests.bench.rules``.

Microseconds for each request, facts included: of requests that come again, and of requests with other SQL.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from bqsim.sim.clock import RealClock
from bqsim.sim.draws import Draws
from bqsim.sim.gate import Call
from bqsim.sim.rules import RuleBook, call_facts
from bqsim.sim.scenario.model import Error, Match, Rule

RULES = 1000
REQUESTS = 400
METHOD = ("bigquery.jobs.*",)
HEADERS = {"user-agent": "gcloud-python/3", "x-goog-api-client": "gl-python/3.11", "x-test": "w7"}

KINDS: dict[str, Callable[[int], Match]] = {
    "other methods": lambda i: Match(method=(f"bigquery.m{i}.*",)),
    "labels": lambda i: Match(method=METHOD, labels={"test": f"w{i}"}, probability=0.5),
    "projects": lambda i: Match(project=(f"p{i}",), probability=0.5),
    "resources": lambda i: Match(resource=(f"projects/p7/datasets/d{i}/*",)),
    "wild resources": lambda i: Match(resource=(f"*/datasets/d{i}/*",)),
    "headers": lambda i: Match(headers={"x-test": f"?{i}"}),
    "SQL patterns": lambda i: Match(sql=rf"FROM d\.t{i}\b"),
    "fingerprints": lambda i: Match(fingerprint=(f"SELECT * FROM d.t{i} WHERE a = 1",)),
    "nth of every call": lambda i: Match(method=METHOD, nth=(1_000_000 + i,)),
    "draws of every call": lambda i: Match(method=METHOD, probability=1e-9),
}
MIXED = tuple(KINDS)[:8]


def book(kind: str) -> RuleBook:
    made = RuleBook(RealClock(), Draws(1))
    kinds = MIXED if kind == "mixed" else (kind,)
    made.add(Rule(f"r{i}", Error("backendError"), KINDS[kinds[i % len(kinds)]](i)) for i in range(RULES))
    return made


def request(sql: str) -> Call:
    body = {"query": sql, "labels": {"test": "w7"}, "useLegacySql": False}
    return Call("rest", "bigquery.jobs.query", "projects/p7/queries", "me@example.com", body, HEADERS)


def median_us(kind: str, sql: Callable[[int], str]) -> float:
    given = book(kind)
    given.match(call_facts(request(sql(0))))
    times = []
    for call in [request(sql(i)) for i in range(1, REQUESTS)]:
        start = time.perf_counter()
        given.match(call_facts(call))
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2] * 1e6


def main() -> None:
    print(f"{RULES} rules: µs per request    again   new SQL")
    for kind in ("mixed", *KINDS):
        again = median_us(kind, lambda i: "SELECT * FROM d.t7 WHERE a = 1")
        new = median_us(kind, lambda i: f"SELECT * FROM d.t7 WHERE a = {i}")
        print(f"  {kind:22}  {again:8.1f}  {new:8.1f}")


if __name__ == "__main__":
    main()
