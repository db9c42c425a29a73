"""Calls and jobs as users describe them, when they ask what the rules would say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bqsim.sim.rules.facts import CALL, CANCEL, JOB, SCOPE_HEADER, STREAM, Facts
from bqsim.sim.scenario.kinds import said
from bqsim.sim.scenario.load import NOTHING, Known
from bqsim.sim.scenario.spelling import nearest, unknown
from bqsim.sim.scenario.tree import Leaf, Listing, Node, Place, Problem, ScenarioError, from_yaml
from bqsim.sim.scenario.words import JOB_STATES, JOB_TYPES, STATEMENT_TYPES, TRANSPORTS

# What a description may have, with the type of its value.
KEYS: Mapping[str, type | tuple[type, ...]] = {
    "method": str,
    "transport": str,
    "resource": str,
    "project": str,
    "scope": str,
    "caller": str,
    "client": str,
    "headers": Mapping,
    "labels": Mapping,
    "body": Mapping,
    "sql": str,
    "job_type": str,
    "statement_type": str,
    "event": str,
    "state": str,
    "attempt": int,
    "offset_rows": int,
    "rows": int,
    "offset_bytes": int,
    "size": int,
}
# Values that are one of some words.
CHOICES: Mapping[str, tuple[str, ...]] = {
    "transport": TRANSPORTS,
    "event": (CALL, JOB, CANCEL, STREAM),
    "state": JOB_STATES,
    "job_type": JOB_TYPES,
    "statement_type": STATEMENT_TYPES,
}
GRPC = "google.cloud.bigquery.storage.v1."
_NAMES = {str: "text", int: "a whole number", Mapping: "a mapping"}


def facts_of(call: Mapping[str, Any] | str, known: Known = NOTHING, scope: str = "") -> Facts:
    """The facts of a described call, or with ``state`` of a job that is about to enter it.

    Raises :class:`ScenarioError` for what is no description.
    """
    given = _from_text(call) if isinstance(call, str) else call
    problems = _problems(given, known)
    if problems:
        raise ScenarioError([Problem(Place("call", path=key), text) for key, text in problems])
    method = str(given["method"])
    event = given.get("event") or (JOB if "state" in given else CALL)
    project = given.get("project") or "project"
    resource = given.get("resource") or f"projects/{project}"
    job_type = given.get("job_type") or ("QUERY" if "sql" in given else "")
    labels = given.get("labels")
    configuration: dict[str, Any] = {} if labels is None else {"labels": dict(labels)}
    if job_type:
        configuration[job_type.lower()] = {"query": given["sql"]} if "sql" in given else {}
    headers = {str(name).lower(): str(value) for name, value in (given.get("headers") or {}).items()}
    return Facts(
        event,
        transport=given.get("transport") or ("grpc" if method.startswith(GRPC) else "rest"),
        method=method,
        resource=resource,
        caller=given.get("caller") or "",
        clients=(given["client"],) if "client" in given else (),
        headers=headers,
        body=given.get("body") or {},
        configuration=configuration or None,
        labels=labels,
        sql=given.get("sql"),
        statement_type=given.get("statement_type"),
        state=given.get("state"),
        attempt=given.get("attempt"),
        offset_rows=given.get("offset_rows"),
        rows=given.get("rows") or 0,
        offset_bytes=given.get("offset_bytes"),
        size=given.get("size") or 0,
        scope=given.get("scope") or ("" if SCOPE_HEADER in headers else scope),
    )


def _problems(given: Any, known: Known) -> list[tuple[str, str]]:
    if not isinstance(given, Mapping):
        return [("", "a call is described by a mapping, such as {method: bigquery.jobs.query}")]
    found = [(str(key), unknown("key", key, tuple(KEYS), "a call")) for key in given if key not in KEYS]
    for key, kind in KEYS.items():
        if key not in given:
            continue
        value = given[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            found.append((key, f"expected {_NAMES[kind]}, not {_shown(value)}"))  # type: ignore[index]
        elif key in CHOICES and value not in CHOICES[key]:
            found.append((key, unknown(key.replace("_", " "), value, CHOICES[key])))
    if "method" not in given:
        found.append(("", "a call needs 'method', such as bigquery.jobs.query"))
    elif isinstance(given["method"], str) and known.methods and given["method"] not in known.methods:
        near = nearest(given["method"], known.methods)
        hint = f"; did you mean '{near}'?" if near else ""
        found.append(("method", f"there is no API method '{given['method']}'{hint}"))
    return found


def _shown(value: Any) -> str:
    return said(value) if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"


def _from_text(text: str) -> Any:
    return value_of(from_yaml(text, "call"))


def value_of(node: Node) -> Any:
    """What a tree holds, as plain objects."""
    if isinstance(node, Leaf):
        return node.value
    if isinstance(node, Listing):
        return [value_of(one) for one in node.items]
    return {key.value: value_of(value) for key, value in node.entries}
