"""The circuit breaker: an endpoint that fails again and again is left alone for a while."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from bqclient.errors import BigQueryError, CircuitOpenError, ServiceUnavailableError, TransportError
from bqclient.runtime import Runtime

from .policies import Resilience


class State(enum.Enum):
    """Whether calls pass."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(slots=True)
class Breaker:
    """The breaker of one endpoint.

    Only failures of the way and of the service count; an error that names a mistake is an answer. Failures
    count one after another: a success forgets them.
    """

    endpoint: str
    settings: Resilience
    runtime: Runtime
    state: State = State.CLOSED
    failures: int = 0
    successes: int = 0
    opened_at: float = 0.0
    probing: bool = False

    def enter(self) -> bool:
        """Before an attempt; whether it is the one that probes. Raises CircuitOpenError while the endpoint is
        left alone, and while another probe is on its way."""
        if self.state is State.CLOSED:
            return False
        waited = self.runtime.monotonic() - self.opened_at
        if self.state is State.OPEN:
            if waited < self.settings.breaker_open_s:
                raise self._open(self.settings.breaker_open_s - waited)
            self.state, self.successes, self.probing = State.HALF_OPEN, 0, False
        if self.probing:
            raise self._open(1.0)
        self.probing = True
        return True

    def leave(self, error: BaseException | None, probe: bool | None = None) -> None:
        """After an attempt that :meth:`enter` let pass, with what it said: unless given, an attempt that ends
        while a probe is on its way is taken for that."""
        if probe is None:
            probe = self.state is State.HALF_OPEN and self.probing
        if probe:
            self.probing = False
        elif self.state is not State.CLOSED:
            # It was sent before the circuit opened: what became of it is no news.
            return
        if counts(error):
            self.failures += 1
            if probe or self.failures >= self.settings.breaker_failures:
                self.state, self.opened_at = State.OPEN, self.runtime.monotonic()
        elif error is None or isinstance(error, BigQueryError):
            self.failures = 0
            if probe:
                self.successes += 1
                if self.successes >= self.settings.breaker_successes:
                    self.state = State.CLOSED

    def _open(self, wait: float) -> CircuitOpenError:
        return CircuitOpenError(
            f"The circuit of {self.endpoint} is open after {self.failures} failures: "
            f"the next attempt may be made in {wait:.0f} s.",
            retry_after=wait,
        )


def counts(error: BaseException | None) -> bool:
    """Whether an error is one of the endpoint rather than of what was asked of it."""
    return isinstance(error, (TransportError, ServiceUnavailableError))


@dataclass(slots=True)
class Breakers:
    """Breakers by endpoint."""

    settings: Resilience
    runtime: Runtime
    of: dict[str, Breaker] = field(default_factory=dict)

    def __getitem__(self, endpoint: str) -> Breaker:
        """The breaker of an endpoint, made when it is first asked for."""
        found = self.of.get(endpoint)
        if found is None:
            found = self.of[endpoint] = Breaker(endpoint, self.settings, self.runtime)
        return found
