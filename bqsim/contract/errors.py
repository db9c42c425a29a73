"""What is wrong with what a contract check was given."""

from __future__ import annotations


class ContractError(ValueError):
    """A suite, a file of rules or an endpoint cannot be used: what is wrong, and where."""
