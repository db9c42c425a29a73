"""What the simulation costs while nothing is simulated, and how exact its delays are.

python -m tests.bench.simulation [gate] [latency] [week]
"""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

import bqsim
from bqsim.commands.serve import COLLECT_AFTER

PATH = "/bigquery/v2/projects/p/queries?prettyPrint=false"
BODY = json.dumps({"query": "SELECT 1", "useLegacySql": False})
JSON = {"Content-Type": "application/json"}

CLIENTS = 50
DATASET = "/bigquery/v2/projects/p/datasets/d"
# Each delay, with what clients wait by themselves when there is none, so that the load is the same.
DELAYS: dict[str, tuple[float, Any]] = {
    "50 ms": (0.05, "50ms"),
    "200 ms": (0.2, "200ms"),
    "lognormal": (0.12, {"lognormal": {"p50": "100ms", "p95": "300ms"}}),
}


def serve() -> None:
    """A simulator whose gate is opened and closed by lines on standard input."""
    with bqsim.start(project="p") as sim:
        assert sim.core is not None
        gate, simulation = sim.core.gate, sim.core.gate.simulation
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)
        print(sim.port, flush=True)
        for line in sys.stdin:
            gate.simulation = simulation if line.strip() == "with" else None
            print("done", flush=True)


@contextmanager
def served() -> Iterator[tuple[int, Callable[[str], None]]]:
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.simulation", "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        stderr=subprocess.DEVNULL,
    )
    assert child.stdin is not None and child.stdout is not None
    stdin, stdout = child.stdin, child.stdout

    def tell(word: str) -> None:
        stdin.write(f"{word}\n")
        stdin.flush()
        stdout.readline()

    try:
        yield int(stdout.readline()), tell
    finally:
        stdin.close()
        child.wait(30)


def gate(rounds: int = 60, count: int = 250) -> dict[str, Any]:
    """SELECT 1 with the simulation at the gate, nothing loaded, against without: paired, in turns."""
    with served() as (port, tell):
        connection = http.client.HTTPConnection("127.0.0.1", port)

        def rate() -> float:
            began = time.perf_counter()
            for _ in range(count):
                connection.request("POST", PATH, BODY, JSON)
                connection.getresponse().read()
            return count / (time.perf_counter() - began)

        rate()
        pairs = []
        for number in range(rounds):
            order = ("with", "without") if number % 2 else ("without", "with")
            found = {}
            for word in order:
                tell(word)
                found[word] = rate()
            pairs.append((found["with"], found["without"]))
        connection.close()
    ratios = [a / b for a, b in pairs]
    return {
        "requests/s with / without": [round(statistics.median(p[i] for p in pairs)) for i in (0, 1)],
        "ratio of the medians of pairs": round(statistics.median(ratios), 4),
        "ratio of the best": round(max(p[0] for p in pairs) / max(p[1] for p in pairs), 4),
    }


async def _load(port: int, seconds: float, pause_s: float) -> list[tuple[float, str]]:
    """50 clients, one request after another each; the seconds of each, and the id of its call."""
    end = time.perf_counter() + seconds
    found: list[tuple[float, str]] = []
    request = f"GET {DATASET} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode()

    async def one(number: int) -> None:
        await asyncio.sleep(number * 0.007)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            began = time.perf_counter()
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(re.findall(r"(?i)content-length: (\d+)", head)[0])
            await reader.readexactly(length)
            found.append((time.perf_counter() - began, re.findall(r"(?i)x-bqsim-explain: (\w+)", head)[0]))
            if pause_s:
                await asyncio.sleep(pause_s)
        writer.close()

    await asyncio.gather(*(one(n) for n in range(CLIENTS)))
    return found


def latency(seconds: float = 6.0) -> dict[str, Any]:
    """Delays as 50 clients at once see them, less what as many requests take without a delay."""
    report: dict[str, Any] = {}
    with served() as (port, _):
        url = f"http://127.0.0.1:{port}"
        body = {"datasetReference": {"projectId": "p", "datasetId": "d"}}
        httpx.post(f"{url}/bigquery/v2/projects/p/datasets", json=body).raise_for_status()
        for name, (pause_s, delay) in DELAYS.items():
            plain = statistics.median(s for s, _ in asyncio.run(_load(port, seconds / 2, pause_s)))
            rule = {"id": "delay", "match": {"method": "bigquery.datasets.get"}, "effect": {"delay": delay}}
            httpx.post(f"{url}/bqsim/v1/faults", json=rule).raise_for_status()
            measured = asyncio.run(_load(port, seconds, 0.0))
            httpx.delete(f"{url}/bqsim/v1/faults/delay").raise_for_status()
            drawn = _drawn(url)
            errors = [(s - plain - drawn[call][0], drawn[call][0]) for s, call in measured if call in drawn]
            exact = [_exact(e, delay_s) for e, delay_s in errors]
            inside = [_exact(took_s - delay_s, delay_s) for delay_s, took_s in drawn.values()]
            late = sorted(e * 1000 for e, _ in errors)
            report[name] = {
                "requests": len(errors),
                "requests/s": round(len(measured) / seconds),
                "without, ms": round(plain * 1000, 2),
                "drawn, mean ms": round(statistics.mean(d for _, d in errors) * 1000, 2),
                "off by, ms: median, p5, p95": [
                    round(late[int(len(late) * share)], 2) for share in (0.5, 0.05, 0.95)
                ],
                "within 2 ms or 5 %": round(sum(exact) / len(exact), 4),
                "within that, as the server took": round(sum(inside) / len(inside), 4),
            }
    return report


def _exact(error_s: float, delay_s: float) -> bool:
    return abs(error_s) <= max(0.002, 0.05 * delay_s)


def _drawn(url: str) -> dict[str, tuple[float, float]]:
    """The delay of each call and what it took in all, in seconds, by its id; the journal begins anew."""
    found: dict[str, tuple[float, float]] = {}
    since = 0
    while True:
        page = httpx.get(f"{url}/bqsim/v1/journal?kind=call&limit=5000&since={since}", timeout=60).json()
        for event in page["events"]:
            delays = [d["latency_s"] for d in event.get("decisions", ()) if "latency_s" in d]
            if delays:
                found[event["id"]] = (sum(delays), event["duration_us"] / 1e6)
        if page["next"] <= since:
            httpx.delete(f"{url}/bqsim/v1/journal").raise_for_status()
            return found
        since = page["next"]


def week() -> dict[str, Any]:
    """Seven days by hand: expiring tables, cached results, refilled quotas, the streaming buffer."""
    with bqsim.start(project="p", seed=1) as sim:
        client = sim.client()
        client.create_dataset("d")
        client.query_and_wait("SELECT 1")
        sim.clock.freeze()
        began = time.perf_counter()
        sim.limits.use("bigquery")
        now_ms = sim.clock.now_us() // 1000
        for day in range(1, 8):
            body = {"tableReference": {"projectId": "p", "datasetId": "d", "tableId": f"t{day}"}}
            body["expirationTime"] = str(now_ms + day * 86_400_000 - 1)  # type: ignore[assignment]
            httpx.post(f"{sim.url}/bigquery/v2/projects/p/datasets/d/tables", json=body).raise_for_status()
        alive = []
        for _ in range(7):
            alive.append(len(list(client.list_tables("d"))))
            client.query_and_wait("SELECT 6 * 7")
            client.query_and_wait("SELECT 6 * 7")
            for _ in range(24):
                sim.clock.advance("1h")
        took = time.perf_counter() - began
        client.close()
    return {"tables alive each day": alive, "168 hours, wall seconds": round(took, 3)}


BENCHES: dict[str, Callable[[], dict[str, Any]]] = {"gate": gate, "latency": latency, "week": week}


def main(names: list[str]) -> None:
    for name in names or list(BENCHES):
        print(json.dumps({name: BENCHES[name]()}, indent=2), flush=True)


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else main(sys.argv[1:])
