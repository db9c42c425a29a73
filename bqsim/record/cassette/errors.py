"""What is wrong with a cassette."""

from __future__ import annotations

from pathlib import Path


class CassetteError(ValueError):
    """A cassette cannot be read: ``where`` (file and line), what is wrong, and what to do."""

    def __init__(self, place: Path, problem: str, remedy: str, line: int | None = None) -> None:
        self.place, self.problem, self.remedy, self.line = place, problem, remedy, line
        where = f"{place}:{line}" if line else str(place)
        super().__init__(f"{where}: {problem}. {remedy}")
