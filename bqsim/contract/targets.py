"""Endpoints that requests are sent to, by what a user writes for them."""

from __future__ import annotations

import http.client
import json
import ssl
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from .errors import ContractError

SERVICE = "https://bigquery.googleapis.com"
SERVICE_GRPC = "bigquerystorage.googleapis.com:443"
SERVICE_STORAGE = "https://storage.googleapis.com"
_TIMEOUT_S = 90
_SCOPE = "https://www.googleapis.com/auth/bigquery"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def ok(self) -> bool:
        return self.status < 400

    @property
    def body(self) -> Any:
        """The JSON; None for none, and for what is no JSON."""
        try:
            return json.loads(self.data) if self.data else None
        except ValueError:
            return None


@dataclass(slots=True)
class Target:
    """An endpoint: ``url`` of the REST API, ``grpc`` of the Storage API and ``storage`` of Cloud Storage ('':
    it has none); ``project`` is the one of its calls."""

    name: str
    url: str
    grpc: str = ""
    storage: str = ""
    project: str = "bqsim-project"
    token: str = ""
    _connections: dict[str, http.client.HTTPConnection] = field(default_factory=dict)

    def call(
        self,
        verb: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        storage: bool = False,
    ) -> Answer:
        """One call; ``path`` begins with ``/``. OSError when there is no answer."""
        base = self.storage if storage else self.url
        sent = {"Accept-Encoding": "gzip", "User-Agent": "bqsim-contract (gzip)", **(headers or {})}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        data = content
        if body is not None:
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        target = f"{path}?{urlencode(query, doseq=True)}" if query else path
        for last in (False, True):
            connection = self._connection(base)
            try:
                connection.request(verb, target, data, sent)
                response = connection.getresponse()
                found = {name.lower(): value for name, value in response.getheaders()}
                received = response.read()
                break
            except (http.client.HTTPException, OSError):
                # A connection that was kept may have been closed meanwhile; what is new has no such excuse.
                connection.close()
                if self._connections.pop(base, None) is None or last:
                    raise
        if found.get("content-encoding") == "gzip":
            received = zlib.decompress(received, wbits=31)
        return Answer(response.status, found, received)

    def close(self) -> None:
        """Close its connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def _connection(self, base: str) -> http.client.HTTPConnection:
        kept = self._connections.get(base)
        if kept is None:
            place = urlsplit(base)
            if place.scheme == "https":
                kept = http.client.HTTPSConnection(
                    place.netloc, timeout=_TIMEOUT_S, context=ssl.create_default_context()
                )
            else:
                kept = http.client.HTTPConnection(place.netloc, timeout=_TIMEOUT_S)
            self._connections[base] = kept
        return kept


@contextmanager
def opened(texts: list[str], project: str = "") -> Iterator[list[Target]]:
    """The endpoints that ``texts`` tell, started where that is needed, and stopped at the end.

    ``[name=]what[,option=value…]``. What: ``bqsim`` (a simulator of its own; options ``seed`` (a file or
    folder of data), ``scenario``), ``cassette:FOLDER`` (its replay), ``bigquery`` (the real service, with
    application default credentials; option ``project``), or the URL of any server (options ``grpc``,
    ``storage``, ``project``, ``token``). :class:`ContractError` for what is none of these.
    """
    with ExitStack() as stack:
        found = [_opened(text, project, stack) for text in texts]
        names = [target.name for target in found]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ContractError(f"two endpoints are called {twice!r}; give them names: name=URL")
        yield found


def _opened(text: str, project: str, stack: ExitStack) -> Target:
    what, *options = text.split(",")
    name = ""
    head, sign, rest = what.partition("=")
    if sign and "://" not in head and ":" not in head:
        name, what = head, rest
    given: dict[str, str] = {}
    for option in options:
        key, sign, value = option.partition("=")
        if not sign:
            raise ContractError(f"{text}: {option!r} is no option; options are name=value")
        given[key] = value
    project = given.pop("project", "") or project
    if what == "bqsim":
        target = _simulator(given, project, stack)
    elif what.startswith("cassette:"):
        target = _replay(what.removeprefix("cassette:"), project, stack)
    elif what == "bigquery":
        target = _service(project)
    elif what.startswith(("http://", "https://")):
        target = Target("", what.rstrip("/"), project=project or "bqsim-project")
        target.grpc, target.token = given.pop("grpc", ""), given.pop("token", "")
        target.storage = given.pop("storage", "")
    else:
        raise ContractError(f"{what!r} is no endpoint; say bqsim, cassette:FOLDER, bigquery, or a URL")
    if given:
        raise ContractError(f"{text}: endpoints of this kind have no option {', '.join(sorted(given))}")
    target.name = name or what
    stack.callback(target.close)
    return target


def _simulator(given: dict[str, str], project: str, stack: ExitStack) -> Target:
    from bqsim.simulator import start

    simulator = stack.enter_context(start(given.pop("scenario", None), **_settings(project)))
    seed = given.pop("seed", "")
    if seed:
        simulator.data(seed)
    return Target(
        "", simulator.url, simulator.grpc_target, simulator.storage_url, project or simulator.project
    )


def _settings(project: str) -> dict[str, Any]:
    return {"project": project} if project else {}


def _replay(folder: str, project: str, stack: ExitStack) -> Target:
    from bqsim.replay.server import ReplayServer

    server = stack.enter_context(ReplayServer([folder], strict=False, **_settings(project)))
    return Target("", server.url, server.grpc_target, server.url, server.project)


def _service(project: str) -> Target:
    try:
        import google.auth
        import google.auth.transport.requests
    except ModuleNotFoundError:
        raise ContractError("the real service needs google-auth: pip install 'bqsim[client]'") from None
    try:
        credentials, known = google.auth.default(scopes=[_SCOPE])
        credentials.refresh(google.auth.transport.requests.Request())
    except google.auth.exceptions.GoogleAuthError as error:
        raise ContractError(f"the real service needs credentials: {error}") from None
    if not (project or known):
        raise ContractError("the real service needs a project: bigquery,project=NAME")
    return Target("", SERVICE, SERVICE_GRPC, SERVICE_STORAGE, project or known, credentials.token)
