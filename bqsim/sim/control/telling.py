"""What rules say to a call, in words."""

from __future__ import annotations

from bqsim.sim.rules.book import Verdict


class Explanation(list[Verdict]):
    """The verdict of every rule, in order; its text has a line for each."""

    @property
    def fires(self) -> list[str]:
        """The ids of the rules that would fire."""
        return [verdict.rule.id for verdict in self if verdict.matches]

    def __str__(self) -> str:
        return "\n".join(map(told, self)) if self else "there are no rules"


def told(verdict: Verdict) -> str:
    """One verdict: ``rule 'a' fires: call 1`` or ``rule 'b' does not fire: method: wants …, got …``."""
    rule = verdict.rule
    source = f" ({rule.source})" if ":" in rule.source else ""
    if verdict.matches:
        return f"rule '{rule.id}'{source} fires: {verdict.why}"
    return f"rule '{rule.id}'{source} does not fire: {verdict.condition}: {verdict.why}"
