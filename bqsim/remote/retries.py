"""Retry tests over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bqsim.sim.control.given import plain
from bqsim.sim.retry_lab import HEADER, Instruction, RetryTestError, complaint

from .wire import RemoteError, Wire


class RemoteRetryTest:
    """A retry test elsewhere. ``with`` checks that its instructions were used, and ends it."""

    def __init__(self, wire: Wire, found: Mapping[str, Any]) -> None:
        self._wire = wire
        self._found = found
        self._ended = False
        self.id = str(found["id"])

    @property
    def headers(self) -> dict[str, str]:
        """What the calls of a client carry; its items are the metadata of a gRPC call."""
        return {HEADER: self.id}

    @property
    def completed(self) -> bool:
        """Whether every instruction was used."""
        return bool(self.to_json()["completed"])

    @property
    def taken(self) -> list[tuple[str, str]]:
        """What calls took so far: the method and the instruction in words."""
        return _taken(self.to_json())

    def unspent(self) -> dict[str, list[str]]:
        """The instructions that are left, by method."""
        return dict(self.to_json()["instructions"])

    def check(self) -> None:
        """Raise ``RetryTestError`` when instructions are left."""
        _check([self.to_json()])

    def delete(self) -> None:
        """End the test; nothing happens when it has ended."""
        if not self._ended:
            self._ended = True
            self._found = self._wire.call("DELETE", f"retry-tests/{self.id}")

    def to_json(self) -> Mapping[str, Any]:
        """As it is now; once it has ended, as it was then."""
        return self._found if self._ended else self._wire.get(f"retry-tests/{self.id}")

    def __enter__(self) -> RemoteRetryTest:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self.delete()
        if kind is None:
            self.check()

    def __repr__(self) -> str:
        return f"<retry test {self.id!r}>"


class RemoteRetryTests:
    """``sim.retry_tests`` over HTTP."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def create(
        self,
        instructions: Mapping[str, Iterable[Instruction]],
        *,
        id: str | None = None,
        match: Any = None,
        **conditions: Any,
    ) -> RemoteRetryTest:
        """As :meth:`bqsim.sim.control.retries.RetryTests.create`."""
        asked = {**(plain(match) or {}), **plain(conditions)}
        written = {method: [_written(one) for one in listed] for method, listed in instructions.items()}
        body = {
            "instructions": written,
            "id": id,
            "match": asked if asked or match is not None else None,
        }
        told = {key: value for key, value in body.items() if value is not None}
        return RemoteRetryTest(self._wire, self._wire.call("POST", "retry-tests", told))

    def get(self, id: str) -> RemoteRetryTest:
        """A test; :class:`RemoteError` when there is none."""
        return RemoteRetryTest(self._wire, self._wire.get(f"retry-tests/{id}"))

    def list(self) -> list[RemoteRetryTest]:
        """The tests, the oldest first."""
        return [RemoteRetryTest(self._wire, found) for found in self._wire.get("retry-tests")["retryTests"]]

    def check(self, id: str | None = None) -> None:
        """Raise ``RetryTestError``, which names what is left, when a test (or any) is not used up."""
        if id is not None:
            self.get(id).check()
        else:
            _check(self._wire.get("retry-tests")["retryTests"])

    def delete(self, id: str) -> None:
        """End a test, used up or not."""
        self.get(id).delete()

    def clear(self) -> int:
        """End all tests; how many there were."""
        found = self.list()
        for test in found:
            try:
                test.delete()
            except RemoteError as error:
                # Others may end them as well.
                if error.status != 404:
                    raise
        return len(found)


def _written(instruction: Instruction) -> Any:
    kind = getattr(instruction, "kind", None)
    return {kind: plain(instruction)} if kind else plain(instruction)


def _taken(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(one["method"], one["instruction"]) for one in found["taken"]]


def _check(tests: Iterable[Mapping[str, Any]]) -> None:
    left = [complaint(t["id"], t["instructions"], _taken(t)) for t in tests if not t["completed"]]
    if left:
        raise RetryTestError("\n".join(left))
