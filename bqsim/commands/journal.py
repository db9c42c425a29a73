"""``bqsim journal``: what a running simulator was asked, and how it answered."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from .remote import Server, add_server, run_action

POLL_S = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``journal``."""
    add_server(parser)
    parser.add_argument("--follow", action="store_true", help="go on with what happens, until interrupted")
    parser.add_argument("--method", metavar="GLOB", help="only calls of these API methods: bigquery.jobs.*")
    parser.add_argument("--kind", help="only these events: call,job,control,ledger")
    parser.add_argument("--since", type=int, default=0, metavar="N", help="leave out the first N events")
    parser.add_argument("--json", action="store_true", help="one JSON object in each line")
    parser.add_argument(
        "--hash", action="store_true", help="only the number of the run: the same for equal runs"
    )
    parser.add_argument("--clear", action="store_true", help="forget all events")
    parser.set_defaults(act=_journal)


run = run_action


def _journal(server: Server, given: argparse.Namespace) -> int:
    if given.clear:
        server.call("DELETE", "journal")
        return 0
    if given.hash:
        print(server.call("GET", "journal/hash", since=given.since)["hash"])
        return 0
    position = given.since
    try:
        while True:
            found = server.call("GET", "journal", since=position, method=given.method, kind=given.kind)
            for event in found["events"]:
                print(json.dumps(event, ensure_ascii=False) if given.json else line(event), flush=True)
            position = found["next"]
            if position < found["end"]:
                continue
            if not given.follow:
                return 0
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        return 0


def line(event: Mapping[str, Any]) -> str:
    """An event in one line."""
    return _LINES[event["kind"]](event)


def _call(event: Mapping[str, Any]) -> str:
    from bqsim.sim.journal import describe, from_json

    decisions = event.get("decisions", ())
    rules = ", ".join(d["rule"] for d in decisions if d.get("rule"))
    by = f"  [{rules}]" if rules else ""
    return f"{describe(from_json(event))}{by}"  # type: ignore[arg-type]


def _job(event: Mapping[str, Any]) -> str:
    failed = f" {event['reason']}" if event.get("reason") else ""
    moved = " → ".join(filter(None, (event.get("before"), event.get("after"))))
    return f"{_time(event)} job {event['job_id']} {moved}{failed}"


def _control(event: Mapping[str, Any]) -> str:
    details = "".join(f" {name}={value}" for name, value in event.get("details", {}).items())
    return f"{_time(event)} {event['action']}{details}"


def _ledger(event: Mapping[str, Any]) -> str:
    done = "applied" if event["applied"] else "not applied"
    told = "acknowledged" if event["acknowledged"] else "not acknowledged"
    return f"{_time(event)} write by #{event['call_id']} {event['method']}: {done}, {told}"


def _time(event: Mapping[str, Any]) -> str:
    from bqsim.sim.journal.explain import time_of_day

    return time_of_day(event["time_us"])


_LINES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "call": _call,
    "job": _job,
    "control": _control,
    "ledger": _ledger,
}
