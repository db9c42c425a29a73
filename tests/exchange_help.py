"""Exchanges as recorders make them, written by hand."""

from __future__ import annotations

import json
from typing import Any

from bqsim.record.model import GRPC, REST, Content, Exchange, Part
from bqsim.record.routes import identify

READ = "/google.cloud.bigquery.storage.v1.BigQueryRead/"
WRITE = "/google.cloud.bigquery.storage.v1.BigQueryWrite/"
API = "/bigquery/v2/projects/p"


def content(data: Any, media: str = "application/json") -> Content:
    """A body: bytes, or JSON."""
    if data is None:
        return Content()
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return Content((Part(raw),) if raw else (), len(raw), "", media)


class Calls:
    """Exchanges that follow one another, each a second after the one before it."""

    def __init__(self) -> None:
        self.made: list[Exchange] = []

    def rest(
        self,
        verb: str,
        target: str,
        body: Any = None,
        answer: Any = None,
        status: int = 200,
        *,
        media: str = "application/json",
        headers: dict[str, str] | None = None,
        told: dict[str, str] | None = None,
        answer_media: str = "application/json",
        broken: str = "",
        host: str = "",
        at_s: float | None = None,
        took_s: float = 0.5,
    ) -> Exchange:
        """A call below the project ``p`` (or of a whole path)."""
        target = (
            target
            if target.startswith(("/bigquery", "/upload", "/storage", "/batch", "//"))
            else API + target
        )
        target = target.removeprefix("/") if target.startswith("//") else target
        number = len(self.made) + 1
        started = float(number) if at_s is None else at_s
        method, resource = identify(REST, verb, target, host)
        self.made.append(
            Exchange(
                number,
                REST,
                method,
                resource,
                verb,
                target,
                tuple((headers or {}).items()),
                content(body, media),
                0 if broken else status,
                "",
                "",
                tuple((told or {}).items()),
                (),
                content(None if broken else answer, answer_media),
                broken,
                started,
                started + took_s / 2,
                started + took_s,
            )
        )
        return self.made[-1]

    def grpc(
        self,
        path: str,
        asked: list[Any],
        told: list[Any],
        code: str = "OK",
        message: str = "",
        broken: str = "",
    ) -> Exchange:
        """A gRPC call with its messages."""
        number = len(self.made) + 1
        method, _ = identify(GRPC, "", path)
        sent = tuple(Part(m if isinstance(m, bytes) else m.SerializeToString()) for m in asked)
        got = tuple(Part(m if isinstance(m, bytes) else m.SerializeToString()) for m in told)
        self.made.append(
            Exchange(
                number,
                GRPC,
                method,
                "",
                "",
                path,
                (),
                Content(sent, sum(len(p.data) for p in sent)),
                0 if broken else 200,
                "" if broken else code,
                message,
                (),
                (),
                Content(got, sum(len(p.data) for p in got)),
                broken,
                float(number),
                number + 0.1,
                number + 0.5,
            )
        )
        return self.made[-1]


def job(
    job_id: str, configuration: Any = None, state: str = "DONE", error: Any = None, **statistics: Any
) -> dict[str, Any]:
    """A job's resource."""
    status: dict[str, Any] = {"state": state}
    if error:
        status["errorResult"] = error
    return {
        "kind": "bigquery#job",
        "etag": f"etag-{job_id}",
        "id": f"p:US.{job_id}",
        "selfLink": f"https://bigquery.googleapis.com/bigquery/v2/projects/p/jobs/{job_id}?location=US",
        "jobReference": {"projectId": "p", "jobId": job_id, "location": "US"},
        "configuration": configuration or {"query": {"query": "SELECT 1"}, "jobType": "QUERY"},
        "statistics": statistics,
        "status": status,
    }


def rows(*values: Any) -> list[dict[str, Any]]:
    """Rows of one column in the f/v form."""
    return [{"f": [{"v": value}]} for value in values]


SCHEMA = {"fields": [{"name": "x", "type": "INTEGER", "mode": "NULLABLE"}]}
