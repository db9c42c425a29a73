"""Rows of insertAll that fail because a rule says so."""

from __future__ import annotations

from bqsim.sim.draws import Uniforms
from bqsim.sim.scenario.model import InsertErrors


class RowErrors:
    """Which rows of one request fail, and how: drawn row by row, or those that the rule lists."""

    def __init__(self, effect: InsertErrors, uniforms: Uniforms) -> None:
        self._effect = effect
        self._uniforms = uniforms

    def indexes(self, count: int) -> dict[int, dict[str, str]]:
        """The ErrorProto of each failing row of ``count``, by its index."""
        effect = self._effect
        if effect.share is None:
            chosen = [i for i in effect.indexes if i < count]
        else:
            share = effect.share
            chosen = [i for i in range(count) if self._uniforms.take() < share]
        return {i: self._error() for i in chosen}

    def _error(self) -> dict[str, str]:
        effect = self._effect
        return {
            "reason": effect.reason,
            "location": effect.location,
            "debugInfo": "",
            "message": TEXTS.get(effect.reason, "") if effect.message is None else effect.message,
        }


# What the service says of a row, by reason.
TEXTS = {
    "invalid": "no such field: bqsim_fault.",
    "stopped": "",
    "backendError": "Backend error. Please retry.",
    "internalError": "An internal error occurred and the request could not be completed.",
    "timeout": "The request timed out.",
    "quotaExceeded": "Quota exceeded: Your table exceeded quota for streaming inserts.",
    "rateLimitExceeded": "Exceeded rate limits: too many rows per second for this table.",
}
