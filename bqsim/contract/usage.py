"""Which fields of answers an application really reads.

Answers that Google's Python client (and ``bqclient``) decode are replaced by dictionaries and lists that note
what is taken from them: by the application, or by the client for it. A copy of an answer is no read of it.
"""

from __future__ import annotations

import functools
import importlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

# Path, and whether there was anything.
Note = Callable[[str, bool], None]
_MISSING = object()


class Usage:
    """What was read so far: fields and reasons of failures by method, each with the tests that read them;
    ``found`` are the fields that were there at least once. ``test`` is the one that runs. Thread-safe."""

    def __init__(self) -> None:
        self.fields: dict[str, dict[str, set[str]]] = {}
        self.found: dict[str, set[str]] = {}
        self.errors: dict[str, dict[str, set[str]]] = {}
        self.test = ""
        self._lock = threading.Lock()

    def read(self, method: str, path: str, there: bool = True) -> None:
        """``path`` (``schema.fields[].name``) of an answer of ``method`` was asked for, ``there`` or not."""
        self._add(self.fields, method, path)
        if there:
            with self._lock:
                self.found.setdefault(method, set()).add(path)

    def failed(self, method: str, reason: str) -> None:
        """A call was refused for a reason, and the application was told."""
        self._add(self.errors, method, reason)

    def tracked(self, method: str, body: Any) -> Any:
        """``body``, noting what is read of it."""
        with self._lock:
            self.fields.setdefault(method, {})
        return _tracked(body, "", lambda path, there: self.read(method, path, there))

    def _add(self, place: dict[str, dict[str, set[str]]], method: str, what: str) -> None:
        with self._lock:
            tests = place.setdefault(method, {}).setdefault(what, set())
            if self.test:
                tests.add(self.test)


def _tracked(value: Any, path: str, note: Note) -> Any:
    if type(value) is dict:
        inside = {
            name: _tracked(item, f"{path}.{name}" if path else name, note) for name, item in value.items()
        }
        return Answer(inside, path, note)
    if type(value) is list:
        return Listed([_tracked(item, f"{path}[]", note) for item in value], path, note)
    return value


class Answer(dict[str, Any]):
    """A JSON object that notes what is read of it. Objects and lists in it note for themselves: that they
    were looked into is no read of them as a whole, unless they are empty or not there."""

    __slots__ = ("_note", "_path")

    def __init__(self, members: Mapping[str, Any], path: str, note: Note) -> None:
        super().__init__(members)
        self._path, self._note = path, note

    def _read(self, name: Any) -> None:
        if isinstance(name, str):
            value = dict.get(self, name, _MISSING)
            if not isinstance(value, (Answer, Listed)) or not value:
                self._note(f"{self._path}.{name}" if self._path else name, value is not _MISSING)

    def __getitem__(self, name: Any) -> Any:
        self._read(name)
        return super().__getitem__(name)

    def get(self, name: Any, default: Any = None) -> Any:
        self._read(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self._read(name)
        return super().__contains__(name)

    def pop(self, name: Any, *default: Any) -> Any:
        self._read(name)
        return super().pop(name, *default)

    def setdefault(self, name: Any, default: Any = None) -> Any:
        self._read(name)
        return super().setdefault(name, default)

    def items(self) -> Any:
        for name in self:
            self._read(name)
        return super().items()

    def values(self) -> Any:
        for name in self:
            self._read(name)
        return super().values()

    def copy(self) -> Answer:
        return Answer(self, self._path, self._note)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Answer:
        import copy

        inside = {name: copy.deepcopy(dict.__getitem__(self, name), memo) for name in self}
        return Answer(inside, self._path, self._note)

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


class Listed(list[Any]):
    """A JSON list whose scalars are read when it is looked into."""

    __slots__ = ("_note", "_path")

    def __init__(self, items: list[Any], path: str, note: Note) -> None:
        super().__init__(items)
        self._path, self._note = path, note

    def _read(self, value: Any) -> Any:
        if not isinstance(value, (Answer, Listed)):
            self._note(f"{self._path}[]", True)
        return value

    def __iter__(self) -> Iterator[Any]:
        for value in super().__iter__():
            yield self._read(value)

    def __getitem__(self, index: Any) -> Any:
        value = super().__getitem__(index)
        return Listed(value, self._path, self._note) if isinstance(index, slice) else self._read(value)

    def __len__(self) -> int:
        if not super().__len__():
            self._note(self._path, True)
        return super().__len__()

    def copy(self) -> Listed:
        return Listed(list.__getitem__(self, slice(None)), self._path, self._note)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Listed:
        import copy

        return Listed([copy.deepcopy(v, memo) for v in list.__iter__(self)], self._path, self._note)

    def __reduce__(self) -> Any:
        return list, (list(self),)


@contextmanager
def tracking(usage: Usage) -> Iterator[Usage]:
    """Note meanwhile what is read of the answers that clients in this process decode."""
    with ExitStack() as stack:
        _track_google(usage, stack)
        _track_bqclient(usage, stack)
        yield usage


def method_of(verb: str, path: str) -> str:
    """The API method of a call; '' for what is none."""
    from bqsim.server.rest.methods import NoMethod, match

    raw = urlsplit(path).path
    for prefix in ("/bigquery/v2/", "/upload/bigquery/v2/", "/resumable/upload/bigquery/v2/", "/"):
        if raw.startswith(prefix):
            try:
                return match(verb.upper(), raw.removeprefix(prefix)).method.id
            except (NoMethod, ValueError):
                return ""
    return ""


def _track_google(usage: Usage, stack: ExitStack) -> None:
    try:
        from google.api_core import exceptions
        from google.cloud import _http
    except ModuleNotFoundError:
        return
    original = _http.JSONConnection.api_request

    @functools.wraps(original)
    def api_request(self: Any, method: str, path: str, *given: Any, **options: Any) -> Any:
        found = method_of(method, path)
        try:
            answer = original(self, method, path, *given, **options)
        except exceptions.GoogleAPICallError as error:
            if found:
                first: Any = next(iter(error.errors or ()), {})
                usage.failed(found, str(first.get("reason") or error.code))
            raise
        return usage.tracked(found, answer) if found and isinstance(answer, dict) else answer

    _replace(_http.JSONConnection, "api_request", api_request, stack)
    try:
        from google.cloud.bigquery.query import _QueryResults
    except ModuleNotFoundError:
        return
    fill = _QueryResults._set_properties

    def set_properties(self: Any, api_response: Any) -> None:
        fill(self, api_response)
        if isinstance(api_response, Answer):
            # The client has put all of it into a dictionary of its own, which notes nothing.
            self._properties = api_response.copy()

    _replace(_QueryResults, "_set_properties", set_properties, stack)


def _track_bqclient(usage: Usage, stack: ExitStack) -> None:
    # Only where the application has it: nothing here needs it.
    try:
        rest: Any = importlib.import_module("bqclient.transport.rest")
    except ModuleNotFoundError:
        return
    original, error_of = rest.__dict__["_decoded"], rest.__dict__["error_of"]

    def method_id(operation: str) -> str:
        return operation if operation.startswith("bigquery.") else f"bigquery.{operation}"

    def decoded(operation: str, data: bytes) -> Any:
        return usage.tracked(method_id(operation), original(operation, data))

    def refused(operation: str, code: int, *given: Any) -> Any:
        error = error_of(operation, code, *given)
        usage.failed(method_id(operation), str(getattr(error, "reason", "") or code))
        return error

    _replace(rest, "_decoded", decoded, stack)
    _replace(rest, "error_of", refused, stack)


def _replace(place: Any, name: str, value: Any, stack: ExitStack) -> None:
    original = getattr(place, name)
    setattr(place, name, value)
    stack.callback(setattr, place, name, original)
