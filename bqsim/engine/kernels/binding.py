"""Macros that compute each argument once.

A macro puts the text of an argument wherever its body names it; calls in calls then grow as a power of
their depth.
"""

from __future__ import annotations


def bound(head: str, body: str) -> str:
    """CREATE MACRO for ``head`` (``bq_name(a, b)``), whose body names the arguments ``v.a``, ``v.b``."""
    parameters = head[head.index("(") + 1 : -1].split(", ")
    fields = ", ".join(f"'{p}': {p}" for p in parameters)
    return f"CREATE MACRO {head} AS list_transform([{{{fields}}}], lambda v: {body})[1]"
