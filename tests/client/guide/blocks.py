"""The guide's sections and blocks of code, and the tables in it that come from code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import bqclient
from bqclient import ClientConfig, Resilience, errors
from bqclient.ingest.report import Thresholds
from bqclient.ingest.tenants import TIERS
from bqclient.observability.metrics import metrics_of
from bqclient.resilience.policies import HTTP_RULES, POLICIES, RULES, STATUS_RULES, Rule
from bqclient.services import query_options, streaming
from bqclient.storage_api import commits, payloads, read_session

GUIDE = Path(bqclient.__file__).parents[1] / "README.md"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TABLE = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
PRELUDE = "The examples"


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code: its language, its text, and the line of the guide that it begins at."""

    language: str
    text: str
    line: int


def sections() -> dict[str, list[Block]]:
    """The blocks of each section (``## name``); those before the first are of ``Start``."""
    text = GUIDE.read_text()
    places = [(0, "Start"), *((m.start(), m[1]) for m in re.finditer(r"^## (.+)$", text, re.MULTILINE))]
    found: dict[str, list[Block]] = {name: [] for _, name in places}
    for match in _FENCE.finditer(text):
        name = next(n for at, n in reversed(places) if at <= match.start())
        found[name].append(Block(match[1], match[2], text.count("\n", 0, match.start()) + 1))
    return found


# --- tables ---


def _table(head: tuple[str, ...], rows: Iterator[tuple[Any, ...]] | list[tuple[Any, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


_MEANINGS = {
    "project": "where jobs run, and whose they are",
    "location": "where jobs run whose datasets do not tell",
    "credentials": "see [Credentials](#credentials)",
    "timeout": "for one call, retries included",
    "query_timeout": "for a whole query; `None`: until it is done",
    "default_dataset": "of table names without one",
    "maximum_bytes_billed": "of queries that do not say; the service refuses those above",
    "pricing": "see [Costs](#costs)",
    "resilience": "see [Resilience](#resilience)",
    "observability": "see [Observability](#observability)",
    "endpoints": "see below",
    "labels": "put on every job",
    "quota_project": "who pays for calls",
    "job_prefix": "what ids of jobs begin with",
    "connections": "the most of REST",
    "http2": "HTTP/2 for REST (extra `http2`)",
    "listener": "is told of every sending of a call: see [A listener](#a-listener)",
    "ca_file": "PEM file of the certificate authorities to trust",
    "policies": "policies that replace those above, by name",
    "breaker": "whether there is a circuit breaker",
    "breaker_failures": "one after another open it",
    "breaker_successes": "of probes close it",
    "breaker_open_s": "seconds until a probe",
    "calls_per_second": "the rate limiter's",
    "burst": "calls at once before it holds",
    "interactive_queries": "that run at a time",
}
_VARIABLES = {
    "BIGQUERY_EMULATOR_HOST": "rest",
    "BIGQUERY_STORAGE_GRPC_ENDPOINT": "grpc",
    "STORAGE_EMULATOR_HOST": "objects",
}


def _fields(kind: type[Any], made: Any) -> list[tuple[Any, ...]]:
    rows = []
    for field in fields(kind):
        shown = "`$GOOGLE_CLOUD_PROJECT`" if field.name == "project" else f"`{getattr(made, field.name)!r}`"
        if field.name in ("endpoints", "resilience"):
            shown = f"`{type(getattr(made, field.name)).__name__}()`"
        rows.append((f"`{field.name}`", shown, _MEANINGS[field.name]))
    return rows


def settings() -> str:
    """Settings of a client with their defaults."""
    made = ClientConfig(project="p", endpoints=bqclient.Endpoints())
    return _table(("Setting", "Default", ""), _fields(ClientConfig, made))


def resilience() -> str:
    """Settings of Resilience."""
    return _table(("`Resilience(…)`", "Default", ""), _fields(Resilience, Resilience()))


def environment() -> str:
    """Environment variables."""
    rows = [(f"`{name}`", f"`Endpoints({field}=…)`") for name, field in _VARIABLES.items()]
    return _table(("Variable", "Instead of"), rows)


def policies() -> str:
    """Retry policies."""
    rows = []
    for name, policy in POLICIES.items():
        if policy.retries:
            waits = [f"{policy.wait(n, 0.0):g}–{policy.wait(n, 0.999999):.3g}" for n in range(policy.retries)]
            shown = ", ".join(waits[:3]) + (", …" if len(waits) > 3 else "")
            rows.append((f"`{name}`", policy.retries, shown.replace("0–0", "at once", 1)))
    return _table(("Policy", "Retries", "Seconds before each"), rows)


def _rules(rules: Mapping[Any, Rule]) -> str:
    """Rules by what they are, those that make calls again first."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for name, rule in sorted(rules.items(), key=lambda item: str(item[0])):
        again = "" if rule.policy == "never" else f"`{rule.policy}`"
        which = "not" if not again else "any call" if rule.refused else "idempotent calls"
        if rule.error is errors.JobBackendError:
            again, which = "`new_job`", "as a new job"
        found.setdefault((f"`{rule.error.__name__}`", again, which), []).append(f"`{name}`")
    rows = [(", ".join(names), *what) for what, names in found.items()]
    rows.sort(key=lambda row: (not row[2], row[1]))
    return _table(("", "Error", "Policy", "Made again"), rows)


def reasons() -> str:
    """Reasons of the service: the errors they are, and which calls are made again."""
    return _rules(RULES)


def statuses() -> str:
    """Answers without a reason, and statuses of gRPC."""
    return _rules({**HTTP_RULES, **STATUS_RULES})


def limits() -> str:
    """Limits that are checked before sending."""
    rows = [
        ("text of a query", f"{query_options.MAX_QUERY_BYTES:,} bytes"),
        ("parameters of a query", f"{query_options.MAX_PARAMETERS:,}"),
        ("rows of an insertAll request", f"{streaming.MAX_ROWS:,}"),
        ("bytes of an insertAll request", f"{streaming.MAX_BYTES:,}"),
        ("bytes of an append request (rows are cut to it)", f"{payloads.MAX_REQUEST_BYTES:,}"),
        ("streams of a commit", f"{commits.MAX_STREAMS:,}"),
        ("streams of a read session", f"{read_session.MAX_STREAMS:,}"),
        ("bytes of a row restriction", f"{read_session.MAX_RESTRICTION_BYTES:,}"),
    ]
    return _table(("Limit", ""), rows)


def error_tree() -> str:
    """The errors, indented by their classes; one of two classes is below the first."""
    lines: list[str] = []
    seen: set[type[errors.BigQueryError]] = set()

    def add(kind: type[errors.BigQueryError], depth: int) -> None:
        again = " (retryable)" if kind.retryable else ""
        whole = " ".join((kind.__doc__ or "").partition("\n\n")[0].split()).replace("``", "`")
        doc = re.split(r"(?<=[.;]) ", whole)[0].rstrip(".;")
        if kind in seen:
            return
        seen.add(kind)
        lines.append(f"{'  ' * depth}- `{kind.__name__}`{again}: {doc}\n")
        for other in vars(errors).values():
            if isinstance(other, type) and kind in other.__bases__:
                add(other, depth + 1)

    add(errors.BigQueryError, 0)
    return "".join(lines)


def metrics() -> str:
    """Metrics and their labels."""
    import prometheus_client

    made = metrics_of(prometheus_client.CollectorRegistry())
    rows = []
    for metric in vars(made).values():
        name = metric._name + ("_total" if metric._type == "counter" else "")
        rows.append((f"`{name}`", metric._type, ", ".join(metric._labelnames), metric._documentation))
    return _table(("Metric", "Type", "Labels", ""), rows)


def ingest() -> str:
    """From how many rows on which way is taken."""
    of = Thresholds()
    rows = [
        (f"fewer than {of.load:,}", "stream", "a streaming insert"),
        (f"{of.load:,} to {of.storage - 1:,}", "load", "a load job"),
        (f"{of.storage:,} and more", "storage", "PENDING streams, committed together"),
        ("any, with `keys`", "merge", f"MERGE: parameters up to {of.unnest:,} rows, else a staging table"),
    ]
    return _table(("Rows", "Method", ""), rows)


def tiers() -> str:
    """Tiers of tenants."""
    rows = [
        (f"`{t.name}`", t.concurrent, f"{t.timeout_s:g}", f"{t.max_bytes:,}" if t.max_bytes else "")
        for t in TIERS.values()
    ]
    return _table(("Tier", "Queries at a time", "Seconds", "Bytes of a query"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "settings": settings,
    "resilience": resilience,
    "environment": environment,
    "policies": policies,
    "reasons": reasons,
    "statuses": statuses,
    "limits": limits,
    "errors": error_tree,
    "metrics": metrics,
    "ingest": ingest,
    "tiers": tiers,
}


def with_tables(text: str) -> str:
    """The guide with its tables as the code has them."""
    return _TABLE.sub(lambda m: f"{m[1]}\n{TABLES[m[2]]()}\n{m[4]}", text)


if __name__ == "__main__":
    GUIDE.write_text(with_tables(GUIDE.read_text()))
