"""Imports into a server: schemas, views and routines of a real project, tables with statistics alone."""

from __future__ import annotations

from collections.abc import Callable, Collection
from fnmatch import fnmatchcase
from typing import Any

from bqsim.sim.scenario.tree import Place

from .api import Api
from .apply import Existing, Report, Work
from .project import Project
from .read import SeedError


def import_project(
    api: Api,
    project: Project,
    *,
    existing: Existing | str = Existing.REFUSE,
    into: str | None = None,
    only: Collection[str] = (),
    say: Callable[[str], object] = lambda text: None,
) -> Report:
    """Put a project into a server, under its own ids or ``into`` another project.

    ``only`` are patterns of ``dataset`` or ``dataset.table``. Views and routines that the server refuses are
    told by ``say`` and left out. Raises :class:`SeedError` for tables that it refuses.
    """
    whole = Report()
    ids = {
        key[0] for part in (project.datasets, project.tables, project.views, project.routines) for key in part
    }
    for id_ in sorted(ids):
        work = Work(api.within(into or id_ or api.project), Existing(existing), 0, say)
        _tables(work, project, id_, only)
        for key, body in project.views.items():
            if key[0] == id_ and _wanted(key, only):
                work.put_view(key[1], key[2], body)
        for key, ddl in project.routines.items():
            if key[0] == id_ and _wanted(key, only):
                work.put_routine(key[1], key[2], ddl)
        try:
            work.define()
        except SeedError as error:
            for problem in error.problems:
                say(f"left out: {problem.message}")
        _add(whole, work.report)
    for note in project.notes:
        say(f"note: {note}")
    return whole


def _tables(work: Work, project: Project, id_: str, only: Collection[str]) -> None:
    bodies: dict[str, dict[str, Any]] = {d: b for (p, d), b in project.datasets.items() if p == id_}
    keys = (*project.tables, *project.views, *project.routines)
    named = {key[1] for key in keys if key[0] == id_ and _wanted(key, only)}
    named |= {d for d in bodies if not only or any(fnmatchcase(d, one) for one in only)}
    for dataset in sorted(named):
        work.put_dataset(dataset, Place(dataset), dict(bodies.get(dataset, {})))
    for key, table in project.tables.items():
        if key[0] == id_ and _wanted(key, only):
            work.put_table(key[1], key[2], table.body, table.statistics)


def _wanted(key: tuple[str, str, str], only: Collection[str]) -> bool:
    names = (key[1], f"{key[1]}.{key[2]}")
    return not only or any(fnmatchcase(name, pattern) for name in names for pattern in only)


def _add(whole: Report, part: Report) -> None:
    whole.datasets += part.datasets
    whole.tables |= part.tables
    whole.views += part.views
    whole.routines += part.routines
    whole.kept += part.kept
