"""``Control`` over HTTP: rules are read here and put in force there; the journal is read here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from bqsim.sim.control.control import Control
from bqsim.sim.control.journals import JournalView
from bqsim.sim.journal import Journal, Verification
from bqsim.sim.journal.events import from_json

from .jobs import RemoteJobs
from .retries import RemoteRetryTests
from .rules import RemoteFaults, RemoteLatencies
from .slots import RemoteSlots
from .wire import Wire

if TYPE_CHECKING:
    from bqsim.sim.control.loading import Scenarios
    from bqsim.sim.control.parts import Parts
    from bqsim.sim.scenario.model import Scenario


class Remote(Control):
    """The controls of a simulator elsewhere, or of one scope. What happened is read when it is asked for.

    Clock, limits, policies and worlds are not under control from here: ``RuntimeError``.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.scope_name = wire.scope
        self._journal = Journal()
        self._next = 0
        self._view = JournalView(self._journal, wire.scope)
        self._verification: Verification | None = None

    @property
    def parts(self) -> Parts:
        self._elsewhere()

    def _elsewhere(self) -> NoReturn:
        raise RuntimeError(
            f"the simulator at {self.wire.url} runs in another process: its clock, limits, policies, "
            "machines and worlds are changed there, or over HTTP"
        )

    @property
    def seed(self) -> int:
        return int(self.wire.get("seed")["seed"])

    @property
    def faults(self) -> Any:
        return RemoteFaults(self.wire)

    @property
    def latency(self) -> Any:
        return RemoteLatencies(self.wire)

    @property
    def jobs(self) -> Any:
        return RemoteJobs(self.wire)

    @property
    def capacity(self) -> Any:
        return RemoteSlots(self.wire)

    @property
    def retry_tests(self) -> Any:
        return RemoteRetryTests(self.wire)

    @property
    def scenario(self) -> Scenario | None:
        from bqsim.sim.scenario.load import from_dict

        found = self.wire.get("scenario")["scenario"]
        return None if found is None else from_dict(found, "scenario")

    def load(self, scenario: Scenarios, *more: Scenarios) -> Scenario:
        from bqsim.server.known import known
        from bqsim.sim.control.loading import scenario_of, together
        from bqsim.sim.scenario.dump import to_dict

        found = together([scenario_of(one, known()) for one in (scenario, *more)])
        self.wire.call("PUT", "scenario", to_dict(found))
        return found

    def clear(self) -> None:
        self.wire.call("DELETE", "scenario")

    def reset(self) -> None:
        self.wire.call("POST", "reset", {})
        self.journal.clear()

    @property
    def journal(self) -> JournalView:
        """What happened until now: a copy, which grows when this is asked for again."""
        while True:
            found = self.wire.get("journal", since=self._next)
            for event in found["events"]:
                self._journal.append(from_json(event))
            behind = found["next"] < found["end"] and found["next"] > self._next
            self._next = found["next"]
            if not behind:
                return self._view

    @property
    def verification(self) -> Verification:
        view = self.journal
        found = self._verification
        if found is None or found.since != view.since:
            found = Verification(view.journal, scope=self.scope_name or None, since=view.since)
            self._verification = found
        return found

    def explain(self, answer: Any) -> str:
        from bqsim.sim.control.answers import explained

        return explained(self.journal, answer)

    def scope(self, name: str = "", *, project: str = "") -> Any:
        found = name or project
        if not found:
            raise ValueError("a scope has a name: that of a project, of a port or of an x-bqsim-scope header")
        return Remote(self.wire.within(found))

    def __repr__(self) -> str:
        return f"Remote({self.wire.url!r}, {self.scope_name!r})"
