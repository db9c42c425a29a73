"""Which way rows take into a table, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bqclient.errors import UsageError

from .report import Method, Thresholds

METHODS = ("auto", "stream", "load", "storage", "merge", "dml")


@dataclass(frozen=True, slots=True)
class Choice:
    """A method, and the reason in words."""

    method: str
    why: str


def choose(
    count: int | None,
    method: Method,
    thresholds: Thresholds,
    *,
    keys: Sequence[str] | None = None,
    changes: bool = False,
) -> Choice:
    """The method for ``count`` rows, ``None`` for more than were counted. Raises UsageError."""
    if method not in METHODS:
        raise UsageError(f"method is one of {', '.join(METHODS)}, not {method!r}.")
    if changes:
        if method not in ("auto", "dml"):
            raise UsageError(f"Changes are made by DML, not by {method!r}.")
        return Choice("dml", "updates and deletes by key are DML statements")
    if method == "dml":
        raise UsageError("DML is for changes: give changes=[Update(...), Delete(...)].")
    if keys:
        if method not in ("auto", "merge"):
            raise UsageError(
                f"Rows with keys are merged, not written by {method!r}: leave keys or method out."
            )
        named = ", ".join(keys)
        return Choice("merge", f"keys are given ({named}): the same rows again change nothing")
    if method == "merge":
        raise UsageError("A merge needs keys: keys=['id'].")
    if method != "auto":
        return Choice(method, "it was asked for")
    return _by_number(count, thresholds)


def _by_number(count: int | None, thresholds: Thresholds) -> Choice:
    if count is None:
        return Choice(
            "storage",
            f"at least {thresholds.storage:,} rows come one after another: Storage Write API, "
            "committed all at once",
        )
    if count >= thresholds.storage:
        return Choice(
            "storage",
            f"{count:,} rows, {thresholds.storage:,} or more: Storage Write API, committed all at once",
        )
    if count >= thresholds.load:
        return Choice(
            "load",
            f"{count:,} rows, {thresholds.load:,} or more and fewer than {thresholds.storage:,}: a load job, "
            "free of charge",
        )
    return Choice("stream", f"{count:,} rows, fewer than {thresholds.load:,}: streamed in, visible at once")
