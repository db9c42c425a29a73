"""The policy of a simulator, which can be set, changed and taken away while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

from bqsim.sim.clock import Clock
from bqsim.sim.scenario.access import IamSetup
from bqsim.sim.scenario.durations import parse_duration
from bqsim.sim.timers import Timer

from .gate import Enforcement
from .load import check_binding, check_permission, load
from .methods import FindJob, no_jobs
from .model import Binding, DenyRule
from .policy import Carried, Policy, nothing
from .setup import policy_of

Duration = str | float | timedelta
SOURCE = "python"


class Iam:
    """Without a ``policy`` everybody may do everything.

    Changes take ``after``, a duration on the simulation's clock (``"90m"``, seconds, ``timedelta``), to
    come into force later: the :class:`Timer` that they answer then can be cancelled.
    """

    def __init__(
        self,
        clock: Clock,
        policy: Policy | None = None,
        *,
        carried: Carried = nothing,
        find_job: FindJob = no_jobs,
    ) -> None:
        """``carried`` tells what resources carry themselves, ``find_job`` whose job a path is."""
        self._clock = clock
        self._carried = carried
        self._find_job = find_job
        self._enforcement: Enforcement | None = None
        # Told of every change: what was done (``iam.grant``), and to what.
        self.listeners: list[Callable[[str, str], object]] = []
        self._follows = False
        self._before = policy
        if policy is not None:
            self._enforced(policy)

    @property
    def policy(self) -> Policy | None:
        """What is enforced."""
        return None if self._enforcement is None else self._enforcement.policy

    @policy.setter
    def policy(self, policy: Policy | None) -> None:
        if policy is None:
            self._enforcement = None
        else:
            self._enforced(policy)
        self._tell("iam.policy" if policy is not None else "iam.clear")

    @property
    def enforcement(self) -> Enforcement | None:
        """The check of calls; None without a policy."""
        return self._enforcement

    def load(self, path: str | Path) -> Policy:
        """Enforce the policy in a file from now on. Raises ``PolicyError``."""
        self.policy = policy = load(Path(path))
        return policy

    def follow(self, setup: IamSetup | None) -> None:
        """Enforce what a scenario says; what was enforced before the first one when it says nothing.

        Raises ``PolicyError`` for a policy file, and changes nothing then.
        """
        policy = None if setup is None else policy_of(setup)
        if policy is None and not self._follows:
            return
        if not self._follows:
            self._before = self.policy
        self._follows = policy is not None
        self.policy = policy if policy is not None else self._before

    def clear(self) -> None:
        """Enforce nothing from now on."""
        self.policy = None

    def grant(
        self, member: str, role: str, resource: str = "*", *, after: Duration | None = None
    ) -> Timer | None:
        """Give a role on a resource (a path, of which segments may be globs, or ``*``) to a member.

        Without a policy before, nobody else may do anything then. Raises ``PolicyError``, a ``ValueError``,
        for a member, a role or a resource that cannot be.
        """
        check_binding(member, role, resource, self.policy)
        binding = Binding(role, (member,), resource, SOURCE)
        return self._do("iam.grant", lambda policy: policy.grant(binding), after, member, role, resource)

    def revoke(
        self,
        member: str,
        role: str | None = None,
        resource: str | None = None,
        *,
        after: Duration | None = None,
    ) -> Timer | None:
        """Take a role from a member; None stands for every role, and for every resource it is bound on."""
        check_binding(member, role, resource, self.policy)
        return self._do(
            "iam.revoke", lambda policy: policy.revoke(member, role, resource), after, member, role, resource
        )

    def deny(
        self,
        member: str,
        permissions: str | Iterable[str],
        resource: str = "*",
        *,
        after: Duration | None = None,
        lasts: Duration | None = None,
    ) -> Timer | None:
        """Take permissions (globs) from a member on a resource, whatever is granted; ``lasts`` so long."""
        check_binding(member, None, resource, self.policy)
        named = (permissions,) if isinstance(permissions, str) else tuple(permissions)
        for permission in named:
            check_permission(permission)
        rule = DenyRule(named, (member,), resource=resource, source=SOURCE)

        def begin(policy: Policy) -> None:
            policy.deny(rule)
            if lasts is not None:
                self._do("iam.undeny", lambda now: now.undeny(rule), lasts, member, *named, resource)

        return self._do("iam.deny", begin, after, member, *named, resource)

    def _do(
        self, action: str, change: Callable[[Policy], object], after: Duration | None, *words: str | None
    ) -> Timer | None:
        def now() -> None:
            policy = self.policy
            if policy is None:
                policy = self._enforced(Policy())
            change(policy)
            self._tell(action, " ".join(filter(None, words)))

        if after is None:
            now()
            return None
        return self._clock.call_later(parse_duration(after), now)

    def _enforced(self, policy: Policy) -> Policy:
        policy.carried = self._carried
        self._enforcement = Enforcement(policy, self._find_job)
        return policy

    def _tell(self, action: str, what: str = "") -> None:
        for listener in tuple(self.listeners):
            listener(action, what)
