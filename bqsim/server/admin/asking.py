"""One control request: what it asks, and about which scope."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bqsim.errors import BigQueryError, invalid
from bqsim.sim.control.control import Scope
from bqsim.sim.control.parts import Ending
from bqsim.sim.scenario.durations import parse_duration
from bqsim.sim.scenario.spelling import unknown

if TYPE_CHECKING:
    from bqsim.server.core import Core

    from .listening import Listeners

_TRUE = frozenset({"true", "1", "yes", ""})
_NAMES: Mapping[Any, str] = {str: "text", bool: "true or false", int: "a whole number"}


class Remote(Scope):
    """Control by HTTP."""

    source = "rest"


@dataclass(slots=True)
class Ask:
    """A request: ``path`` has the variables of its path, ``data`` its body as it came.

    ``scope`` is the name in its ``x-bqsim-scope`` header or of its port; '' is everything.
    """

    core: Core
    listeners: Listeners
    verb: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    data: bytes = b""
    scope: str = ""
    _body: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def control(self) -> Remote:
        """The simulation, or the scope that the request is about."""
        return Remote(self.core.parts, self.scope)

    @property
    def text(self) -> str:
        """The body as text."""
        try:
            return self.data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise invalid("The body is not UTF-8 text.") from None

    @property
    def body(self) -> dict[str, Any]:
        """The body as a JSON object; empty without one."""
        if self._body is None:
            self._body = self._read()
        return self._body

    def _read(self) -> dict[str, Any]:
        if not self.data.strip():
            return {}
        try:
            found = json.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise invalid(f"The body is not JSON: {error}") from None
        if not isinstance(found, dict):
            raise invalid("The body must be a JSON object.")
        return found

    def fields(self, **kinds: Any) -> dict[str, Any]:
        """The members of the body by name, each of its type; those that are not there are left out.

        400 for a member that is not among ``kinds``, or of another type.
        """
        for name, value in self.body.items():
            if name not in kinds:
                raise invalid(unknown("field", name, tuple(kinds)).capitalize(), name)
            kind = kinds[name]
            if value is not None and not _is_of(value, kind):
                raise invalid(f"The field {name} must be {_names(kind)}.", name)
        return {name: value for name, value in self.body.items() if value is not None}

    def needed(self, name: str, /, **kinds: Any) -> Any:
        """The member of that name. 400 without it."""
        found = self.fields(**kinds)
        if name not in found:
            raise BigQueryError("required", f"The body needs the field {name}.", location=name)
        return found[name]

    def parameter(self, name: str, read: Callable[[str], Any] = str) -> Any:
        """A query parameter; None without it."""
        value = self.query.get(name)
        if value is None or (value == "" and read is not flag):
            return None
        try:
            return read(value)
        except ValueError:
            raise invalid(f"Invalid value for the parameter {name}: {value[:60]}", name) from None

    @property
    def ttl_s(self) -> float | None:
        """When what is changed ends by itself: as the request says (``ttl``), else as the server does."""
        given = self.query.get("ttl")
        if given is None:
            return self.core.settings.fault_ttl_s
        try:
            return parse_duration(given)
        except ValueError as error:
            raise invalid(f"Invalid value for ttl: {error}", "ttl") from None

    def later(self, what: str, undo: Callable[[], object]) -> None:
        """Undo a change of ``what`` when its time is over; a change takes the place of the one before it.

        What a change finds that is to end itself is not what comes after it: the first ``undo`` counts.
        """
        endings, key = self.core.parts.endings, (what, self.scope)
        before = self.lasting(what)
        if self.ttl_s is not None:
            undo = undo if before is None else before
            endings[key] = Ending(self.core.clock.call_later(self.ttl_s, undo), undo)

    def lasting(self, what: str) -> Callable[[], object] | None:
        """Let ``what`` not end by itself any more; what would have been done then."""
        found = self.core.parts.endings.pop((what, self.scope), None)
        return found.undo if found is not None and found.timer.cancel() else None


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a value of JSON is of a type or of one of several: true is no number."""
    if kind is Any:
        return True
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, kind)


def flag(text: str) -> bool:
    """A query parameter that is on or off."""
    return text.lower() in _TRUE


def _names(kind: Any) -> str:
    if isinstance(kind, tuple):
        return " or ".join(_names(one) for one in kind if one is not float or int not in kind)
    return _NAMES.get(kind, {list: "a list", dict: "an object", float: "a number"}.get(kind, "a value"))
