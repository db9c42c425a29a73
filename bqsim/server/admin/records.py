"""The journal over HTTP, and what can be verified from it."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from bqsim.errors import BigQueryError, invalid
from bqsim.server.rest.reply import Reply, error_body
from bqsim.sim.control.answers import explained
from bqsim.sim.journal import BackoffPolicy, CallEvent, Event, Step, VerificationError, reconcile, to_json
from bqsim.sim.journal.events import KINDS
from bqsim.sim.scenario.durations import parse_duration
from bqsim.sim.scenario.spelling import unknown

from .asking import Ask
from .routes import Answer, Route

# Events in one answer.
MOST = 10_000


def _events(ask: Ask) -> dict[str, Any]:
    view = ask.control.journal
    since = ask.parameter("since", int) or 0
    limit = min(ask.parameter("limit", int) or MOST, MOST)
    kinds = ask.parameter("kind", _kinds)
    method = ask.parameter("method")
    found, position = view.read(since, limit)
    return {
        "events": [to_json(event) for event in found if _wanted(event, kinds, method)],
        "next": position,
        "end": view.position,
        "dropped": view.dropped,
    }


def _kinds(text: str) -> tuple[type, ...]:
    for name in text.split(","):
        if name not in KINDS:
            raise invalid(unknown("kind", name, tuple(KINDS), "an event").capitalize(), "kind")
    return tuple(KINDS[name] for name in text.split(","))


def _wanted(event: Event, kinds: tuple[type, ...] | None, method: str | None) -> bool:
    if kinds is not None and not isinstance(event, kinds):
        return False
    if method is None:
        return True
    return isinstance(event, CallEvent) and fnmatchcase(event.method, method)


def _clear(ask: Ask) -> dict[str, Any]:
    ask.control.journal.clear()
    return {}


def _hash(ask: Ask) -> dict[str, Any]:
    view = ask.control.journal
    return {"hash": view.hash(ask.parameter("since", int) or 0), "events": len(view), "dropped": view.dropped}


def _call(ask: Ask) -> dict[str, Any]:
    event = ask.control.journal.call(ask.path["id"].lstrip("#"))
    if event is None:
        raise BigQueryError("notFound", f"Not found: the journal knows no call {ask.path['id'][:60]}")
    return {"call": to_json(event), "text": explained(ask.control.journal, event.id)}


def _job(ask: Ask) -> dict[str, Any]:
    try:
        text = ask.control.explain(_JobId(ask.path["id"]))
    except ValueError as error:
        raise BigQueryError("notFound", f"Not found: {error}") from None
    view = ask.control.journal
    return {"moves": [to_json(event) for event in view.jobs(ask.path["id"])], "text": text}


class _JobId:
    def __init__(self, job_id: str) -> None:
        self.job_id = job_id


def _ledger(ask: Ask) -> dict[str, Any]:
    entries = ask.control.journal.ledger(since=ask.parameter("since", int) or 0)
    report = reconcile(entries)
    writes = [
        {
            "verdict": write.verdict,
            "applied": write.applied,
            "acknowledged": write.acknowledged,
            "attempts": [to_json(entry) for entry in write.attempts],
        }
        for write in report.writes
    ]
    return {"writes": writes, "counts": report.counts(), "extraRows": report.extra_rows}


# Verification


def _verify(ask: Ask) -> Answer:
    given = ask.fields(method=str, where=dict, times=(int, list), order=list)
    method = ask.needed("method", method=str, where=dict, times=(int, list), order=list)
    order = [_step(one) for one in given.get("order", ())]

    def check() -> dict[str, Any]:
        calls = ask.control.verify(method, _where(given.get("where")), _times(given), order)
        return {"calls": [call.id for call in calls]}

    return _checked(check)


def _where(given: dict[str, Any] | None) -> dict[str, Any] | None:
    """Conditions in JSON: a list is any of its values, ``{"regex": …}`` a regular expression."""
    if given is None:
        return None
    return {name: _expected(value) for name, value in given.items()}


def _expected(value: Any) -> Any:
    if isinstance(value, list):
        return frozenset(value) if all(isinstance(v, str | int | float | None) for v in value) else value
    if isinstance(value, dict) and set(value) == {"regex"}:
        try:
            return re.compile(str(value["regex"]))
        except re.error as error:
            raise invalid(f"{value['regex']} is no regular expression: {error}", "where") from None
    return value


def _times(given: dict[str, Any]) -> Any:
    times = given.get("times", [1, None])
    if isinstance(times, int):
        return times
    if len(times) != 2 or not all(isinstance(one, int | None) for one in times):
        raise invalid("The field times must be a number, or a list of the least and the most.", "times")
    return (times[0] or 0, times[1])


def _step(given: Any) -> str | Step:
    if isinstance(given, str):
        return given
    if isinstance(given, dict) and isinstance(given.get("method"), str) and set(given) <= {"method", "where"}:
        return Step(given["method"], _where(given.get("where")))
    raise invalid("A step of an order is a method, or {method, where}.", "order")


def _backoff(ask: Ask) -> Answer:
    given = ask.fields(
        method=str,
        firstWait=(str, int, float),
        cap=(str, int, float),
        growthAfter=int,
        jitter=bool,
        mustRetry=bool,
    )
    method = given.pop("method", "*")

    def check() -> dict[str, Any]:
        ask.control.verify_backoff(method, _policy(given))
        return {}

    return _checked(check)


def _policy(given: dict[str, Any]) -> BackoffPolicy | None:
    names: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "firstWait": ("first_wait_s", parse_duration),
        "cap": ("cap_s", parse_duration),
        "growthAfter": ("growth_after", int),
        "jitter": ("jitter", bool),
        "mustRetry": ("must_retry", bool),
    }
    if not given:
        return None
    return BackoffPolicy(**{names[key][0]: names[key][1](value) for key, value in given.items()})


def _exactly_once(ask: Ask) -> Answer:
    in_doubt = bool(ask.fields(inDoubt=bool).get("inDoubt"))

    def check() -> dict[str, Any]:
        return {"counts": ask.control.verify_exactly_once(in_doubt=in_doubt).counts()}

    return _checked(check)


def _unexpected(ask: Ask) -> Answer:
    ignore = ask.fields(ignore=list).get("ignore", [])

    def check() -> dict[str, Any]:
        ask.control.verification.strict(ignore)
        return {}

    return _checked(check)


def _checked(check: Callable[[], dict[str, Any]]) -> Answer:
    """``ok`` and what was found; 409 with the explanation when a check fails."""
    try:
        return {"ok": True, **check()}
    except VerificationError as error:
        failed = BigQueryError("conditionNotMet", str(error), http=409)
        return Reply({"ok": False, "message": str(error), **error_body(failed)}, 409)


ROUTES = (
    Route("GET", "journal", _events, "Events; ?since=N&limit=N&kind=call,job&method=bigquery.jobs.*. Read on "
          "with since=next."),
    Route("DELETE", "journal", _clear, "Forget the events; of a scope, its own view of them."),
    Route("GET", "journal/hash", _hash, "One number for a run, the same for runs with the same answers."),
    Route("GET", "journal/calls/{id}", _call, "What shaped the answer that had this x-bqsim-explain id."),
    Route("GET", "journal/jobs/{id}", _job, "What befell a job."),
    Route("GET", "ledger", _ledger, "What attempts at writes truly did, against what clients were told."),
    Route("POST", "verify", _verify, "Check that calls were made: {method, where, times, order}; else 409."),
    Route("POST", "verify/backoff", _backoff, "Check that clients backed off: {method}; else 409."),
    Route("POST", "verify/exactly-once", _exactly_once, "Check that no write was lost or done twice."),
    Route("POST", "verify/unexpected", _unexpected, "Check that no call was made that nothing expected: "
          "{ignore}; else 409."),
)  # fmt: skip
