"""What is named on a command line → one workload; what each thing is follows from itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bqsim.cost.errors import CostError
from bqsim.cost.model import Workload

from .dbt import is_dbt, read_dbt
from .histories import read_cassette, read_history, read_simulator
from .listing import read_listing
from .sql import read_sql

_SQL, _LISTS = frozenset({".sql", ".bqsql"}), frozenset({".yaml", ".yml"})


def read_workload(sources: Sequence[str | Path], name: str = "", project: str = "") -> Workload:
    """The workload of all ``sources`` together:

    * a ``.sql`` file, or a folder of them: a query each, named by its path
    * a ``.yaml`` file: a list of queries (:class:`bqsim.cost.sources.listing.Listing`)
    * a dbt project's ``target`` folder (or one with it): compiled and run models
    * a cassette: its recorded queries
    * exports of INFORMATION_SCHEMA.JOBS or audit logs: a query for each fingerprint
    * ``http://…``: the jobs that a running simulator knows

    ``project`` is the one that cassettes' symbols stand for. Raises :class:`CostError`.
    """
    if not sources:
        raise CostError("name the queries: SQL files or folders, a YAML list, a cassette or a history")
    found: Workload | None = None
    for source in sources:
        part = _read(source, project)
        found = part if found is None else found.joined(part)
    assert found is not None
    if not found.queries:
        raise CostError(f"there are no queries in {', '.join(map(str, sources))}")
    return replace(found, name=name or found.name)


def _read(source: str | Path, project: str) -> Workload:
    if str(source).startswith(("http://", "https://")):
        return read_simulator(str(source), project)
    path = Path(source)
    if not path.exists():
        raise CostError(f"{path}: there is no such file or folder")
    if path.is_dir():
        if (path / "cassette.json").exists() or _is_cassette(path):
            return read_cassette(path, project)
        if is_dbt(path):
            return read_dbt(path)
        if any(p.suffix in _SQL for p in path.rglob("*")):
            return read_sql(path)
        return read_history(path)
    if path.suffix in _SQL:
        return read_sql(path)
    if path.suffix in _LISTS:
        return read_listing(path)
    return read_history(path)


def _is_cassette(path: Path) -> bool:
    from bqsim.record.cassette.cassette import OPERATIONS

    return (path / OPERATIONS).exists()
