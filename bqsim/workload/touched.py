"""What a statement changes and reads, as its text tells: for jobs whose exports do not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_LONGEST = 200_000


@dataclass(frozen=True, slots=True)
class Touched:
    """Resources: ``project.dataset.table``, and ``project.dataset`` for datasets, and routines in them."""

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()


NOTHING = Touched()


@lru_cache(maxsize=4096)
def touched(sql: str, project: str) -> Touched:
    """What a text touches; names without a dataset are not told. Of a text that cannot be read, nothing."""
    if not sql or len(sql) > _LONGEST:
        return NOTHING
    import logging

    import sqlglot
    from sqlglot import exp

    reads: set[str] = set()
    writes: set[str] = set()
    log = logging.getLogger("sqlglot")
    before = log.disabled
    log.disabled = True
    try:
        statements = sqlglot.parse(sql, dialect="bigquery")
    except (sqlglot.errors.SqlglotError, RecursionError):
        return Touched(frozenset(_called(sql, project)))
    finally:
        log.disabled = before
    for statement in statements:
        if statement is None:
            continue
        named = [_name(table, project) for table in statement.find_all(exp.Table)]
        kind = str(statement.args.get("kind") or "").upper()
        changes = not isinstance(statement, exp.Query | exp.Export | exp.Command)
        target = named[0] if named and changes else ""
        if target and kind in ("FUNCTION", "PROCEDURE", "TABLE FUNCTION"):
            # Routines are found by the dataset that they are in.
            target = target.rpartition(".")[0] if target.count(".") > 1 else target
        if target:
            writes.add(target)
            named = named[1:]
        reads.update(name for name in named if name)
    reads.update(_called(sql, project))
    datasets = {name.rpartition(".")[0] for name in reads | writes if name.count(".") >= 2}
    return Touched(frozenset((reads | datasets) - writes), frozenset(writes))


def _name(table: object, project: str) -> str:
    db, name = str(table.db), str(table.name)  # type: ignore[attr-defined]
    catalog = str(table.catalog) or project  # type: ignore[attr-defined]
    if not db:
        return ""
    if not name:
        return db if "." in db else f"{catalog}.{db}"
    # Views of INFORMATION_SCHEMA tell of all that is in a dataset.
    return f"{catalog}.{db}" if name.upper().startswith("INFORMATION_SCHEMA") else f"{catalog}.{db}.{name}"


_CALL = re.compile(r"(?<![\w`.])`?(?:([\w\-]+)`?\.)?`?(\w+)`?\.`?\w+`?\s*\(")


def _called(sql: str, project: str) -> set[str]:
    """The datasets whose routines a text may call."""
    return {f"{found[1] or project}.{found[2]}" for found in _CALL.finditer(sql)}
