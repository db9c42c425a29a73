"""Remote functions: batches of calls that an HTTP endpoint answers (page *Work with remote functions*)."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from bqsim.errors import BigQueryError, invalid_query
from bqsim.types.parse import canonical_json

from . import values
from .functions import Call, cancelled_call
from .watch import Watch

# Answers after which BigQuery asks again.
RETRIED = frozenset({408, 429, 500, 503, 504})
# Rows of a request when the function does not say.
BATCH_ROWS = 1000
MAX_ANSWER_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Limits:
    """How many requests a statement's batch has under way, how long each may take, and how often and after
    how long (doubled each time) it is sent again."""

    concurrency: int = 10
    timeout_s: float = 60.0
    attempts: int = 5
    pause_s: float = 0.2


LIMITS = Limits()

_NUMBERS = count(1)


class _Retry(Exception):
    """The endpoint may answer another time; ``text`` tells what it said now."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def run(call: Call, columns: list[Any], rows: int) -> Any:
    """An engine column with the results of ``rows`` calls, of engine columns of the arguments."""
    function = call.function
    arguments = zip(columns, function.arguments, strict=True)
    cells = [values.encoded(column, argument.type, values.REMOTE) for column, argument in arguments]
    calls: list[list[Any]] = [list(row) for row in zip(*cells, strict=True)] or [[] for _ in range(rows)]
    size = function.max_rows or BATCH_ROWS
    batches = [calls[at : at + size] for at in range(0, len(calls), size)]
    replies: list[Any] = []
    for answer in _answers(call, batches):
        replies += answer
    fitting = [_fitting(reply, call) for reply in replies]
    try:
        return values.decoded(fitting, function.returns)
    except values.Unfit as error:
        raise _undecodable(error.value, call) from None


def _answers(call: Call, batches: list[list[Any]]) -> Iterator[list[Any]]:
    if len(batches) == 1:
        yield _replies(call, batches[0])
        return
    with ThreadPoolExecutor(LIMITS.concurrency, thread_name_prefix="bqsim-remote") as pool:
        yield from pool.map(lambda batch: _replies(call, batch), batches)


def _replies(call: Call, batch: list[Any]) -> list[Any]:
    """The replies to a batch, one for each call."""
    function = call.function
    request = {
        "requestId": f"{call.caller.rpartition('/')[2] or 'request'}-{next(_NUMBERS)}",
        "caller": call.caller,
        "sessionUser": call.user,
        "userDefinedContext": dict(function.context),
        "calls": batch,
    }
    body = json.dumps(request).encode()
    pause, pausing = LIMITS.pause_s, threading.Event()
    for attempt in range(1, LIMITS.attempts + 1):
        try:
            return _checked(_post(function.endpoint, body, call.cancelled), len(batch))
        except _Retry as again:
            if call.cancelled is not None and call.cancelled():
                raise cancelled_call() from None
            if attempt == LIMITS.attempts:
                raise invalid_query(again.text) from None
        with Watch(pausing.set, pause, call.cancelled):
            pausing.wait()
        pausing.clear()
        pause *= 2
    raise AssertionError("the last attempt returns or raises")


def _cut(connection: http.client.HTTPConnection) -> None:
    """End an exchange that another thread waits for."""
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _post(endpoint: str, body: bytes, cancelled: Callable[[], bool] | None = None) -> bytes:
    parts = urlsplit(endpoint)
    make = http.client.HTTPSConnection if parts.scheme.lower() == "https" else http.client.HTTPConnection
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Content-Type": "application/json", "User-Agent": "Google-BigQuery"}
    try:
        connection = make(parts.hostname or "", parts.port, timeout=LIMITS.timeout_s)
        try:
            with Watch(lambda: _cut(connection), LIMITS.timeout_s, cancelled):
                connection.request("POST", target, body, headers)
                response = connection.getresponse()
                answer = response.read(MAX_ANSWER_BYTES + 1)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError):
        raise _Retry(f"The remote function endpoint {endpoint} could not be reached.") from None
    if len(answer) > MAX_ANSWER_BYTES:
        raise invalid_query("The response of the remote function is too large.")
    if response.status == 200:
        return answer
    said = _error_message(answer)
    text = f"Received response code {response.status} from the remote function endpoint"
    text += f" with error message: {said}" if said else "."
    if response.status in RETRIED:
        raise _Retry(text)
    raise invalid_query(text)


def _error_message(answer: bytes) -> str:
    try:
        body = json.loads(answer)
    except ValueError:
        return ""
    return str(body.get("errorMessage") or "") if isinstance(body, dict) else ""


def _checked(answer: bytes, calls: int) -> list[Any]:
    try:
        body = json.loads(answer)
    except ValueError:
        raise invalid_query("The response of the remote function is not valid JSON.") from None
    if not isinstance(body, dict):
        raise invalid_query("The response of the remote function is not a JSON object.")
    if body.get("errorMessage"):
        raise invalid_query(f"Error in the remote function: {body['errorMessage']}")
    replies = body.get("replies")
    if not isinstance(replies, list):
        raise invalid_query("The response of the remote function has no 'replies' array.")
    if len(replies) != calls:
        raise invalid_query(
            f"The response of the remote function has {len(replies)} replies, but {calls} were expected."
        )
    return replies


def _fitting(reply: Any, call: Call) -> Any:
    """A reply as the text or value that its type is read from."""
    kind = call.function.returns.kind.value
    if kind == "JSON":
        return None if reply is None else canonical_json(json.dumps(reply))
    if reply is None:
        return None
    if not isinstance(reply, _FORMS.get(kind, (str,))) or (kind != "BOOL" and isinstance(reply, bool)):
        raise _undecodable(reply, call)
    return reply


_NUMBER_FORMS = (int, float, str)
# The JSON forms of replies, where they may be others than strings.
_FORMS: dict[str, tuple[type, ...]] = {
    "BOOL": (bool,),
    "INT64": (int, str),
    "FLOAT64": _NUMBER_FORMS,
    "NUMERIC": _NUMBER_FORMS,
    "BIGNUMERIC": _NUMBER_FORMS,
}


def _undecodable(value: Any, call: Call) -> BigQueryError:
    return invalid_query(
        f"Failed to decode JSON value {json.dumps(value)} in replies to SQL type {call.function.returns}."
    )
