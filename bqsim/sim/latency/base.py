"""What a latency model is: a value that turns keyed uniforms and the load of an operation into seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bqsim.sim.draws import Uniforms

LONGEST_S = 100 * 366 * 86_400.0


@dataclass(frozen=True, slots=True)
class Load:
    """What an operation handles.

    ``slot_ms`` is None when it is not known. ``time_s`` are seconds since the scenario was loaded;
    ``statement_type`` is the job's, as the service spells it.
    """

    bytes: int = 0
    rows: int = 0
    slot_ms: float | None = None
    time_s: float = 0.0
    statement_type: str = ""


NO_LOAD = Load()


class Latency(Protocol):
    """A latency model: an immutable value, equal when its parameters are."""

    @property
    def ordered(self) -> bool:
        """Whether successive values belong together, so that draws must be keyed by a running count."""
        ...

    def draw(self, u: Uniforms, context: Load) -> float:
        """Seconds, never negative: a pure function of the key of ``u`` and of ``context``."""
        ...


class Distribution:
    """A model that draws by inverting its distribution function.

    What would be negative is 0, what would be longer than 100 years is that.
    """

    __slots__ = ()

    @property
    def ordered(self) -> bool:
        return False

    def quantile(self, p: float) -> float:
        """The value in seconds that a share ``p`` (0 < p < 1) of the distribution does not exceed."""
        raise TypeError(f"{type(self).__name__} has no quantiles")

    def draw(self, u: Uniforms, context: Load) -> float:
        value = self.quantile(u.take())
        if 0.0 < value < LONGEST_S:
            return value
        return LONGEST_S if value > 0.0 else 0.0
