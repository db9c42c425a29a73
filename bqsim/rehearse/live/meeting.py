"""Where the processes of a live rehearsal meet: a folder in which they tell that they are ready, when all
begin, what they have done, and that all stop."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from bqsim.rehearse.errors import RehearsalError
from bqsim.sim.clock import Clock

from .progress import Now

# From when the last is ready until all begin.
_LEAD_US = 300_000
_LOOK_S = 0.02
# How long the others are waited for.
PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Meeting:
    """``folder`` is there for all drivers; a ``stop_file`` that is there stops them all."""

    folder: str
    stop_file: str = ""

    def _path(self, name: str) -> Path:
        return Path(self.folder) / name

    def _write(self, name: str, text: str) -> None:
        """A file that is there whole, or not at all."""
        made = self._path(f".{name}.{os.getpid()}")
        made.write_text(text, encoding="utf-8")
        made.replace(self._path(name))

    def _read(self, name: str) -> str | None:
        try:
            return self._path(name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def begin(self, number: int, drivers: int, clock: Clock) -> int | None:
        """Wait until all are ready; when they begin (epoch microseconds), None when they are to stop. Raises
        :class:`RehearsalError` when not all of them come."""
        self._write(f"ready-{number}", "")
        until_us = clock.now_us() + round(PATIENCE_S * 1_000_000)
        while not self.stopped:
            if clock.now_us() > until_us:
                there = sum(self._path(f"ready-{one}").exists() for one in range(drivers))
                raise RehearsalError(
                    f"only {there} of {drivers} drivers were ready within {PATIENCE_S:g} s: "
                    "is there a core for each, and do all of them see the same folder for temporary files?"
                )
            if number == 0 and all(self._path(f"ready-{one}").exists() for one in range(drivers)):
                self._write("begin", str(clock.now_us() + _LEAD_US))
            told = self._read("begin")
            if told:
                return int(told)
            clock.wait(_LOOK_S)
        return None

    @property
    def stopped(self) -> bool:
        return self._path("stop").exists() or bool(self.stop_file and Path(self.stop_file).exists())

    def stop(self, why: str = "") -> None:
        """Let all stop; the first who does says why."""
        if not self._path("stop").exists():
            self._write("stop", why)

    @property
    def why(self) -> str:
        """Why they stopped; '' when nobody said so."""
        told = self._read("stop")
        if told is None and self.stopped:
            return f"the file {self.stop_file} was there"
        return told or ""

    def tell(self, number: int, now: Now) -> None:
        """What a driver has done so far."""
        self._write(f"now-{number}", json.dumps(now.to_dict()))

    def now(self, drivers: int) -> Now | None:
        """What all have done together; None before any has begun."""
        told = [self._read(f"now-{number}") for number in range(drivers)]
        found = [Now.from_dict(json.loads(one)) for one in told if one]
        return Now.together(found) if found else None
