"""Queries of SQL files: one a file, named by its path."""

from __future__ import annotations

import re
from pathlib import Path

from bqsim.cost.bench import fingerprinted
from bqsim.cost.errors import CostError
from bqsim.cost.model import Query, Workload

SUFFIXES = frozenset({".sql", ".bqsql"})
# What template languages leave in a text that was not rendered.
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def read_sql(path: Path) -> Workload:
    """The queries of a file or of all files below a folder. Raises :class:`CostError` with file and line."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES)
    queries, notes = [], []
    for file in files:
        text = text_of(file)
        if not _statements(text):
            notes.append(f"{file}: there is no statement in it")
            continue
        queries.append(query_of(file, text))
    return Workload(path.stem, tuple(queries), tuple(notes))


def query_of(file: Path, text: str, name: str = "") -> Query:
    """The query of a file."""
    template = _TEMPLATE.search(text)
    if template is not None:
        line = text.count("\n", 0, template.start()) + 1
        raise CostError(
            f"{file}:{line}: {template[0][:40]!r} is not rendered: name compiled SQL, as dbt's target/ has"
        )
    shown = file.as_posix()
    return fingerprinted(Query(name or shown, text.strip("\ufeff\n"), file=shown, line=_first_line(text)))


def text_of(file: Path) -> str:
    """The text of a file. Raises :class:`CostError`."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CostError(f"{file}: {error}") from None


def _statements(text: str) -> bool:
    from bqsim.sim.rules.sqltext import normal_sql

    return bool(normal_sql(text).strip(" ;"))


def _first_line(text: str) -> int:
    """The line on which the first statement begins, past comments."""
    at = 0
    skipped = re.compile(r"\s+|--[^\n]*|#[^\n]*|/\*.*?\*/", re.DOTALL)
    while found := skipped.match(text, at):
        at = found.end()
    return text.count("\n", 0, at) + 1
