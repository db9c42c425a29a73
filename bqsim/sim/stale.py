"""Reads that lag behind: what a call sees as it was some time ago.

The simulation puts a :class:`StaleView` around the service of a call; who reads for the call asks
:func:`seen`. It goes with the call to the threads that work for it. A view concerns only the methods that
read what it is about, so that no change is ever decided upon by what was.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Protocol

from .methods import READ, WRITE

_API = "bigquery."

# The methods that each view concerns (``bqsim.sim.scenario.words.STALE_VIEWS``).
METHODS: Mapping[str, frozenset[str]] = {
    "metadata": frozenset(
        f"{_API}{kind}.{verb}" for kind in ("datasets", "tables", "routines") for verb in ("get", "list")
    ),
    "table": frozenset(
        (
            f"{_API}tables.get",
            f"{_API}tabledata.insertAll",
            f"{READ}CreateReadSession",
            f"{WRITE}CreateWriteStream",
            f"{WRITE}GetWriteStream",
            f"{WRITE}AppendRows",
        )
    ),
    "rows": frozenset(
        (
            f"{_API}jobs.query",
            f"{_API}jobs.insert",
            f"{_API}tabledata.list",
            f"{READ}CreateReadSession",
        )
    ),
    "jobs": frozenset((f"{_API}jobs.get", f"{_API}jobs.getQueryResults", f"{_API}jobs.list")),
    "information_schema": frozenset((f"{_API}jobs.query", f"{_API}jobs.insert")),
}


@dataclass(frozen=True, slots=True)
class StaleView:
    """How far the reads of a call lag behind, in microseconds; 0 is not at all.

    ``metadata`` is about datasets, routines and lists, ``table`` about one table by its name, ``rows`` about
    the rows of tables, ``jobs`` about jobs, ``information_schema`` about its views.
    """

    metadata: int = 0
    table: int = 0
    rows: int = 0
    jobs: int = 0
    information_schema: int = 0


def view_of(lags_s: Mapping[str, float], method: str) -> StaleView | None:
    """The view of a call of ``method`` when each key of ``lags_s`` lags so many seconds; None for no lag."""
    lags = {what: round(lag * 1e6) for what, lag in lags_s.items() if method in METHODS[what] and lag > 0}
    if "metadata" in lags:
        lags["table"] = max(lags["metadata"], lags.get("table", 0))
    return StaleView(**lags) if lags else None


_view: ContextVar[StaleView | None] = ContextVar("bqsim_stale_view", default=None)


class _Seen(Protocol):
    def __call__(self) -> StaleView | None: ...


# The view of whatever is read here; None when all is seen as it is. Asked at each look into the catalog.
seen: _Seen = _view.get


def look_through(view: StaleView | None) -> None:
    """See what ``view`` says on this thread from here on."""
    if view is not _view.get():
        _view.set(view)


class seen_through:
    """``with seen_through(view):`` reads see what ``view`` says; None is all as it is."""

    __slots__ = ("_token", "_view")

    def __init__(self, view: StaleView | None) -> None:
        self._view = view
        self._token: Token[StaleView | None] | None = None

    def __enter__(self) -> None:
        if self._view is not _view.get():
            self._token = _view.set(self._view)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _view.reset(self._token)
            self._token = None
