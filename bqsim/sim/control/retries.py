"""Retry tests: ordered instructions that a client's calls must use up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bqsim.sim.retry_lab import Instruction, RetryLab, RetryTest
from bqsim.sim.scenario.load import record_from_tree
from bqsim.sim.scenario.model import Match
from bqsim.sim.scenario.tree import from_object

from .given import match_within, plain
from .parts import Parts


class Retries:
    """``sim.retries``: the retry laboratory."""

    def __init__(self, parts: Parts, scope: str = "") -> None:
        self._parts = parts
        self._scope = scope

    @property
    def lab(self) -> RetryLab:
        return self._parts.retry_lab()

    def create(
        self,
        instructions: Mapping[str, Iterable[Instruction]],
        *,
        id: str | None = None,
        match: Any = None,
        **conditions: Any,
    ) -> RetryTest:
        """Begin a test: of each method (``"jobs.insert"``) what its calls get, one after another.

        Calls carry its id in ``x-retry-test-id``, or are those that ``match`` and ``conditions``
        (``client=``, ``labels=``, …) say. An instruction is an effect, or a word: a reason, a gRPC status,
        ``ok``. Raises ``ScenarioError`` or ``ValueError`` for what is none.
        """
        asked = {**(plain(match) or {}), **plain(conditions)}
        bound = None
        if asked or match is not None or self._scope:
            bound = record_from_tree(Match, from_object(asked, "retries.create"), self._parts.known())
            bound = match_within(bound, self._scope)
        return self.lab.create(instructions, id=id, match=bound)

    @contextmanager
    def test(
        self, instructions: Mapping[str, Iterable[Instruction]], *, match: Any = None, **conditions: Any
    ) -> Iterator[RetryTest]:
        """A test for a while: at its end ``RetryTestError`` is raised when instructions are left."""
        made = self.create(instructions, match=match, **conditions)
        try:
            yield made
            self.lab.check(made.id)
        finally:
            self.lab.delete(made.id)

    def get(self, id: str) -> RetryTest:
        """A test; ``BigQueryError`` ``notFound`` when there is none."""
        return self.lab.get(id)

    def list(self) -> list[RetryTest]:
        """All tests, the oldest first."""
        return list(self.lab.list())

    def check(self, id: str) -> None:
        """Raise ``RetryTestError`` when instructions are left."""
        self.lab.check(id)

    def delete(self, id: str) -> RetryTest:
        """End a test, used up or not."""
        return self.lab.delete(id)
