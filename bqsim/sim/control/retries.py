"""Retry tests: ordered instructions that a client's calls must use up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any

from bqsim.sim.retry_lab import HEADER, Instruction, RetryLab, RetryTest, RetryTestError
from bqsim.sim.scenario.load import record_from_tree
from bqsim.sim.scenario.model import Match
from bqsim.sim.scenario.tree import from_object

from .given import match_within, plain
from .parts import Parts


class RetryTests:
    """``sim.retry_tests``: the retry laboratory; within a scope, its tests alone."""

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
    ) -> Running:
        """Begin a test: of each method (``"jobs.insert"``) what its calls get, one after another.

        Calls carry its id in ``x-retry-test-id``, a header or gRPC metadata, or are those that ``match`` and
        ``conditions`` (``client=``, ``labels=``, ``scope=`` with the name of a port, …) say; within a scope
        all of the scope's. An instruction is an effect, or a word: a reason, a gRPC status, a network fault,
        ``ok``. In a ``with`` statement the test ends, and fails when instructions are left.

        Raises ``ScenarioError`` or ``ValueError`` for what is none.

        >>> with sim.retry_tests.create({"jobs.insert": ["backendError"]}):      # doctest: +SKIP
        ...     load_everything()
        """
        asked = {**(plain(match) or {}), **plain(conditions)}
        bound = None
        if asked or match is not None or self._scope:
            bound = record_from_tree(Match, from_object(asked, "retry_tests.create"), self._parts.known())
            bound = match_within(bound, self._scope)
        made = self.lab.create(instructions, id=id, match=bound)
        details = {"test": made.id}
        self._parts.simulation.control("retry-tests.create", scope=self._scope, details=details)
        return Running(self.lab, made)

    def get(self, id: str) -> RetryTest:
        """A test; ``BigQueryError`` ``notFound`` when there is none."""
        return self.lab.get(id)

    def list(self) -> list[RetryTest]:
        """The tests, the oldest first."""
        laboratory = self._parts.laboratory
        found = [] if laboratory is None else laboratory.list()
        return [test for test in found if not self._scope or test.scope == self._scope]

    def check(self, id: str | None = None) -> None:
        """Raise ``RetryTestError``, which names what is left, when a test (or any) is not used up."""
        if id is not None:
            self.lab.check(id)
            return
        left = [test.complaint() for test in self.list() if not test.completed]
        if left:
            raise RetryTestError("\n".join(left))

    def delete(self, id: str) -> RetryTest:
        """End a test, used up or not."""
        return self.lab.delete(id)

    def clear(self) -> int:
        """End all tests; how many there were."""
        found = self.list()
        for test in found:
            self.lab.discard(test.id)
        return len(found)


class Running:
    """A test that was begun. ``with`` checks that its instructions were used, and ends it."""

    def __init__(self, lab: RetryLab, test: RetryTest) -> None:
        self._lab = lab
        self.test = test

    @property
    def id(self) -> str:
        return self.test.id

    @property
    def headers(self) -> dict[str, str]:
        """What the calls of a client carry; its items are the metadata of a gRPC call."""
        return {HEADER: self.id}

    @property
    def completed(self) -> bool:
        """Whether every instruction was used."""
        return self.test.completed

    @property
    def taken(self) -> list[tuple[str, str]]:
        """What calls took so far: the method and the instruction in words."""
        return list(self.test.taken)

    def unspent(self) -> dict[str, list[str]]:
        """The instructions that are left, by method."""
        return self.test.unspent()

    def check(self) -> None:
        """Raise ``RetryTestError`` when instructions are left."""
        self.test.check()

    def delete(self) -> None:
        """End the test; nothing happens when it has ended."""
        self._lab.discard(self.id)

    def to_json(self) -> dict[str, Any]:
        """As the control interface shows it."""
        return self.test.to_json()

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.delete()
        # What went wrong before is the better story.
        if kind is None:
            self.check()

    def __repr__(self) -> str:
        return f"<retry test {self.id!r}>"
