"""Calls of a BigQuery API over HTTP, as setting up needs them: resources, load jobs from files, scripts.

They carry a header that keeps the simulation out: no fault, latency or quota befalls them and the journal
does not tell of them.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from bqsim.sim.gate import UNSEEN_HEADER

# A statement of a script may take long; each answer comes sooner.
TIMEOUT_S = 600.0
BOUNDARY = "bqsim-seed-boundary"
PIECE = 1024 * 1024
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.002, 0.25


class ApiError(Exception):
    """An error answer: ``code`` is its HTTP status (0: nobody answered), ``reason`` BigQuery's."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class Api:
    """A server's API for one ``project``; ``token`` is sent as a bearer's."""

    def __init__(self, url: str, project: str, token: str = "", location: str | None = None) -> None:
        self.url = url.rstrip("/") if "://" in url else f"http://{url.rstrip('/')}"
        self.project = project
        self.location = location
        self._headers = {UNSEEN_HEADER: "true", "accept-encoding": "identity"}
        if token:
            self._headers["authorization"] = f"Bearer {token}"

    def within(self, project: str) -> Api:
        """The same server's API for another project."""
        other = Api(self.url, project, "", self.location)
        other._headers = self._headers
        return other

    def call(self, verb: str, path: str, body: Any = None) -> dict[str, Any]:
        """A method of the API: ``path`` is below the project. Raises :class:`ApiError`."""
        return self._json(verb, f"/bigquery/v2/projects/{quote(self.project)}/{path}", body)

    def control(self, verb: str, path: str, body: Any = None) -> dict[str, Any]:
        """A control request of bqsim. Raises :class:`ApiError`."""
        return self._json(verb, f"/bqsim/v1/{path}", body)

    def find(self, path: str) -> dict[str, Any] | None:
        """A resource, None when there is none."""
        try:
            return self.call("GET", path)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def query(self, sql: str, dataset: str | None = None, **members: Any) -> dict[str, Any]:
        """Run a statement or script; the job. Raises :class:`ApiError` for its failure."""
        query: dict[str, Any] = {"query": sql, "useLegacySql": False, **members}
        if dataset is not None:
            query["defaultDataset"] = {"projectId": self.project, "datasetId": dataset}
        return self._run({"query": query})

    def load(self, load: Mapping[str, Any], content: Path | bytes) -> int:
        """Load a file; the number of rows. Raises :class:`ApiError` for what the job fails with."""
        body = json.dumps(self._job({"load": dict(load)})).encode()
        head = (
            f"--{BOUNDARY}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n".encode()
            + body
            + f"\r\n--{BOUNDARY}\r\ncontent-type: application/octet-stream\r\n\r\n".encode()
        )
        tail = f"\r\n--{BOUNDARY}--\r\n".encode()
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        headers = {
            "content-type": f"multipart/related; boundary={BOUNDARY}",
            "content-length": str(len(head) + size + len(tail)),
        }
        path = f"/upload/bigquery/v2/projects/{quote(self.project)}/jobs?uploadType=multipart"
        job = self._wait(self._exchange("POST", path, _pieces(head, content, tail), headers))
        return int(job["statistics"]["load"].get("outputRows") or 0)

    def _job(self, configuration: Mapping[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = {"configuration": dict(configuration)}
        if self.location:
            body["jobReference"] = {"projectId": self.project, "location": self.location}
        return body

    def _run(self, configuration: Mapping[str, Any]) -> dict[str, Any]:
        return self._wait(self.call("POST", "jobs", self._job(configuration)))

    def _wait(self, job: dict[str, Any]) -> dict[str, Any]:
        wait = _FIRST_WAIT_S
        reference = job["jobReference"]
        path = f"jobs/{quote(reference['jobId'])}?location={quote(reference.get('location') or '')}"
        while job["status"]["state"] != "DONE":
            time.sleep(wait)
            wait = min(wait * 1.5, _LONGEST_WAIT_S)
            job = self.call("GET", path)
        failed = job["status"].get("errorResult")
        if failed:
            raise ApiError(400, failed.get("reason", ""), _told(failed, job["status"].get("errors") or ()))
        return job

    def _json(self, verb: str, path: str, body: Any) -> dict[str, Any]:
        data = b"" if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"} if data else {}
        return self._exchange(verb, path, data or None, headers)

    def _exchange(
        self, verb: str, path: str, body: bytes | Iterator[bytes] | None, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        try:
            connection.request(verb, parts.path + path, body, {**self._headers, **headers})
            response = connection.getresponse()
            content = response.read()
        except OSError as error:
            hint = "start one with `bqsim serve`, or name it with --url"
            raise ApiError(0, "", f"no server answers at {self.url} ({error}): {hint}") from None
        finally:
            connection.close()
        return _answer(response.status, content, self.url)


def _answer(status: int, content: bytes, url: str) -> dict[str, Any]:
    try:
        found = json.loads(content) if content.strip() else {}
        if status < 400:
            return dict(found)
        error = found["error"]
        reasons = [e.get("reason", "") for e in error.get("errors") or ()]
        return _raise(ApiError(status, reasons[0] if reasons else "", error["message"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ApiError(status, "", f"{url} answers {status}: this is no BigQuery API") from None


def _raise(error: ApiError) -> dict[str, Any]:
    raise error


def _told(failed: Mapping[str, Any], errors: Any) -> str:
    """A job's failure, with the first of its further errors."""
    message = str(failed.get("message", ""))
    more = [str(e.get("message")) for e in errors if e.get("message") not in (None, message)]
    # What says how many errors there are tells less than the errors.
    more = [text for text in more if "too many errors" not in text] or more
    return f"{message} ({more[0]})" if more else message


def _pieces(head: bytes, content: Path | bytes, tail: bytes) -> Iterator[bytes]:
    yield head
    if isinstance(content, bytes):
        yield content
    else:
        with content.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    yield tail
