"""What is wrong with a rehearsal, in the user's words."""

from __future__ import annotations


class RehearsalError(Exception):
    """A rehearsal that cannot be run: a plan, a workload or a setting that is wrong, or a part that is not
    installed."""
