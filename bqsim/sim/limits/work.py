"""The job that a thread works for: what learns a size while it works can hold it against the limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from .gate import Enforcement
from .model import EMPTY, Facts, Moment

NONE: frozenset[str] = frozenset()


@dataclass(slots=True)
class Working:
    """One job at work. ``facts`` are the job's; ``session`` is what it works with.

    ``statement_type`` is that of the statement that runs, of a script's one after the other.
    """

    enforcement: Enforcement
    facts: Facts
    session: Any = None
    statement_type: str = ""

    def charge(
        self,
        moment: Moment,
        sizes: Mapping[str, int] = EMPTY,
        *,
        dataset: str = "",
        table: str = "",
        resource: str = "",
        flags: frozenset[str] = NONE,
    ) -> None:
        """Charge what changes, or only hold ``sizes`` against the caps. Raises ``BigQueryError``."""
        self.enforcement.charge(
            replace(
                self.facts,
                moment=moment,
                statement_type=self.statement_type or self.facts.statement_type,
                dataset=dataset,
                table=table,
                resource=resource,
                flags=self.facts.flags | flags,
                sizes=sizes,
            )
        )


_working: ContextVar[Working | None] = ContextVar("bqsim_working", default=None)


def working() -> Working | None:
    """The job that this thread works for, while limits hold; else None."""
    return _working.get()


@contextmanager
def works_for(work: Working) -> Iterator[None]:
    """Let this thread work for a job while the block runs."""
    token = _working.set(work)
    try:
        yield
    finally:
        _working.reset(token)
