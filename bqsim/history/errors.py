"""What is wrong with an export."""

from __future__ import annotations


class HistoryError(ValueError):
    """An export cannot be read: where (file and line, or row), what is wrong, and what to do."""

    def __init__(self, place: object, problem: str, remedy: str, line: int | None = None) -> None:
        self.place, self.problem, self.remedy, self.line = str(place), problem, remedy, line
        where = f"{place}:{line}" if line else str(place)
        super().__init__(f"{where}: {problem}. {remedy}")
