"""Labels of jobs that SQL gives, by ``@@query_label`` (page *Adding labels*, section about sessions)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bqsim.sql.plan import TypedValue


def labels_of(query_label: TypedValue | None) -> dict[str, str]:
    """The labels of ``key:value,key:value``; none of NULL."""
    text = query_label.value if query_label is not None else None
    pairs = (part.partition(":") for part in (text or "").split(",") if part.strip())
    return {key.strip(): value.strip() for key, _, value in pairs}
