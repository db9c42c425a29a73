"""One API call: its parameters, its body and its caller."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, unquote

from bqsim.errors import BigQueryError, invalid
from bqsim.sim.gate import Call
from bqsim.sim.iam.gate import Member, visible

if TYPE_CHECKING:
    from bqsim.server.core import Core
    from bqsim.server.http import Request as HttpRequest
    from bqsim.server.identity import Caller
    from bqsim.settings import Settings

T = TypeVar("T")

# BigQuery page "Quotas and limits": a request is at most 10 MB.
MAX_BODY_BYTES = 10 * 1024 * 1024
# The one query parameter that may be repeated; its values are joined by commas.
REPEATED = "stateFilter"
_TRUE = frozenset({"true", "1", "yes", "t"})
_FALSE = frozenset({"false", "0", "no", "f", ""})
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}\Z")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(slots=True)
class Request:
    """A call of one API method.

    ``path`` has the decoded path variables, ``query`` the query parameters (the last wins), ``body`` the JSON
    object of the request.
    """

    core: Core
    method: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    caller: Caller
    body: dict[str, Any] = field(default_factory=dict)
    http: HttpRequest | None = None
    path_prefix: str = ""

    def call(self, resource: str, raw: bytes = b"") -> Call:
        """The call as the gate sees it: about ``resource``, with the body that came as ``raw``."""
        scope = self.http.head.scope if self.http is not None else ""
        return Call(
            "rest",
            self.method,
            resource,
            self.caller.email,
            self.body,
            self.headers,
            self.caller.groups,
            scope,
            len(raw),
            raw=raw,
            query=self.query,
        )

    def text(self, name: str) -> str | None:
        """A query parameter; an empty one counts as not given."""
        return self.query.get(name) or None

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean query parameter, in any of the spellings clients use."""
        value = self.query.get(name)
        if value is None:
            return default
        folded = value.lower()
        if folded in _TRUE:
            return True
        if folded in _FALSE:
            return False
        raise invalid(f"Invalid value at '{snake(name)}' (TYPE_BOOL), \"{_short(value)}\"", name)

    def integer(self, name: str, *, low: int = 0, high: int = (1 << 63) - 1) -> int | None:
        """An integer query parameter between ``low`` and ``high``."""
        value = self.query.get(name)
        if value is None or value == "":
            return None
        if not _INTEGER.match(value):
            raise invalid(f"Invalid value at '{snake(name)}' (TYPE_INT64), \"{_short(value)}\"", name)
        number = int(value)
        if not low <= number <= high:
            raise invalid(f"Invalid value {number} for {name}: it must be between {low} and {high}.", name)
        return number

    def visible(self, permission: str, items: Iterable[T], path_of: Callable[[T], str]) -> list[T]:
        """Those of the items of a list on which the caller has a permission."""
        caller = Member(self.caller.email, self.caller.groups)
        return visible(self.core.iam.policy, caller, permission, items, path_of)

    def base_url(self) -> str:
        """The address of the server as the client wrote it."""
        return base_url(self.headers, self.core.settings)

    def link(self, path: str) -> str:
        """The ``selfLink`` of the resource at ``path`` below ``/bigquery/v2``."""
        return f"{self.base_url()}/bigquery/v2/{path}"


def base_url(headers: Mapping[str, str], settings: Settings) -> str:
    """The address of the server as the client wrote it."""
    host = headers.get("host") or f"{settings.host}:{settings.port}"
    scheme = "https" if headers.get("x-forwarded-proto") == "https" else "http"
    return f"{scheme}://{host}"


def snake(name: str) -> str:
    """The field name of the service's messages: ``maxResults`` → ``max_results``."""
    return re.sub(r"([A-Z])", lambda m: "_" + m[1].lower(), name)


def _short(value: object) -> str:
    return str(value)[:100]


def split_target(target: str) -> tuple[str, str]:
    """The raw path and the query string of a request target, also of the absolute form."""
    if not target.startswith("/"):
        _, _, rest = target.partition("://")
        slash = rest.find("/")
        target = rest[slash:] if slash >= 0 else "/"
    path, _, query = target.partition("?")
    return path, query


def parse_query(text: str) -> dict[str, str]:
    """The query parameters; of repeated ones the last counts."""
    if not text:
        return {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=500)
        repeated = [value for name, value in pairs if name == REPEATED]
        return {**dict(pairs), REPEATED: ",".join(repeated)} if repeated else dict(pairs)
    except ValueError:
        raise invalid("Too many query parameters.") from None


def decode_segment(segment: str) -> str:
    """A path segment without its percent encoding."""
    return unquote(segment) if "%" in segment else segment


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)


def parse_json(data: bytes, empty_allowed: bool = True) -> dict[str, Any]:
    """The JSON object in a body; 400 ``parseError`` for anything else. An empty body is an empty object."""
    if not data:
        if empty_allowed:
            return {}
        raise _parse_error("Unexpected end of stream : expected '{'")
    try:
        value = _decoder.decode(data.decode("utf-8-sig"))
        if _SURROGATE.search(data):
            # Half a surrogate pair is no text; it would fail where the value is used.
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeError:
        raise _parse_error("The text is not valid UTF-8.") from None
    except RecursionError:
        raise _parse_error("Message too deep. Max recursion depth reached.") from None
    except ValueError as e:
        position = getattr(e, "pos", 0)
        near = data.decode("utf-8", "replace")[position : position + 40]
        raise _parse_error(f"Unexpected token.\n{near}\n^" if near else "Unexpected end of string.") from None
    if not isinstance(value, dict):
        raise _parse_error("Root element must be a message.")
    return value


def _parse_error(detail: str) -> BigQueryError:
    return BigQueryError("parseError", f"Invalid JSON payload received. {detail}")
