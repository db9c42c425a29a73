"""The functions and operators that BigQuery documents, each with a call: tables by family.

A line of a table is a name, two spaces or more, and an expression or a query; lines that begin with spaces
go on with the one before. ``shown`` names the file of tests where a family's values are shown; ``notes`` say
what differs.
"""

from __future__ import annotations

from . import aggregates, geography, models, numbers, operators, security, tables, texts, times, values
from .family import Call, Family

FAMILIES: tuple[Family, ...] = (
    *operators.FAMILIES,
    *numbers.FAMILIES,
    *texts.FAMILIES,
    *times.FAMILIES,
    *values.FAMILIES,
    *aggregates.FAMILIES,
    *security.FAMILIES,
    *geography.FAMILIES,
    *tables.FAMILIES,
    *models.FAMILIES,
)

__all__ = ["FAMILIES", "Call", "Family"]
