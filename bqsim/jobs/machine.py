"""The life of a job: its states, the moves between them and the times at which they happened."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """The API's job states."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    DONE = "DONE"


MOVES: Mapping[State, frozenset[State]] = {
    State.PENDING: frozenset({State.RUNNING, State.DONE}),
    State.RUNNING: frozenset({State.DONE}),
    State.DONE: frozenset(),
}


class Timeline:
    """When each state was entered (epoch microseconds of the simulation clock); starts PENDING."""

    __slots__ = ("entered", "state")

    def __init__(self, created_us: int) -> None:
        self.entered: dict[State, int] = {State.PENDING: created_us}
        self.state = State.PENDING

    def move(self, state: State, now_us: int) -> None:
        """Enter ``state``; a move that :data:`MOVES` does not have is a ``ValueError``."""
        if state not in MOVES[self.state]:
            raise ValueError(f"a {self.state} job cannot become {state}")
        self.entered[state] = now_us
        self.state = state

    def ms(self, state: State) -> int | None:
        """When ``state`` was entered in epoch milliseconds, None when it was not."""
        us = self.entered.get(state)
        return None if us is None else us // 1000

    @property
    def created_us(self) -> int:
        return self.entered[State.PENDING]

    @property
    def created_ms(self) -> int:
        return self.entered[State.PENDING] // 1000

    @property
    def run_ms(self) -> int:
        """Milliseconds between start and end, 0 while either is missing."""
        start, end = self.ms(State.RUNNING), self.ms(State.DONE)
        return end - start if start is not None and end is not None else 0
