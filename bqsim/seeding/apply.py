"""Seeds into a server, by calls of its API."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from bqsim.catalog.shadow import ShadowStatistics
from bqsim.sim.scenario.tree import Place, Problem

from . import model as m
from .api import Api, ApiError
from .bodies import dataset_body, description_body, matching, plain_options, put_shadows, settings_body
from .folders import SEEDS, RowFile, read_folder
from .loading import load_files, load_rows
from .read import Loaded, SeedError, TableParts, fields_of, read_seed
from .statistics import statistics_of

Source = str | Path | Mapping[str, Any]
# Settings that load jobs give to tables that they make.
_OF_LOADS = frozenset({"timePartitioning", "rangePartitioning", "clustering"})


class Existing(StrEnum):
    """What becomes of tables, views and routines that are there already."""

    REFUSE = "refuse"
    REPLACE = "replace"
    KEEP = "if-missing"


@dataclass(slots=True)
class Report:
    """What was done: ``tables`` have their rows by ``dataset.table``, ``kept`` are those left alone."""

    datasets: list[str] = field(default_factory=list)
    tables: dict[str, int] = field(default_factory=dict)
    views: list[str] = field(default_factory=list)
    routines: list[str] = field(default_factory=list)
    policies: int = 0
    scripts: int = 0
    kept: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """One line about it."""
        counts = (
            (len(self.tables), "table"),
            (len(self.views), "view"),
            (len(self.routines), "routine"),
            (self.policies, "policy"),
            (self.scripts, "script"),
        )
        made = [f"{n} {what if n == 1 else _plural(what)}" for n, what in counts if n]
        kept = f"; {len(self.kept)} left as they were" if self.kept else ""
        return f"made {', '.join(made) or 'nothing'}{kept}"


def _plural(noun: str) -> str:
    return f"{noun[:-1]}ies" if noun.endswith("cy") else f"{noun}s"


def seed(
    api: Api,
    *sources: Source,
    existing: Existing | str = Existing.REFUSE,
    random_seed: int = 0,
    say: Callable[[str], object] = lambda text: None,
) -> Report:
    """Put seeds into a server: YAML files or texts, objects, SQL scripts (``.sql``) and folders.

    All sources are read before anything is written. Definitions come in an order in which each finds what it
    refers to; scripts come last. Raises :class:`SeedError` with file and line, also for what the server
    refuses.
    """
    work = Work(api, Existing(existing), random_seed, say)
    for step in [step for source in sources for step in _read(work, source)]:
        step()
    work.define()
    for run in work.late:
        run()
    return work.report


def check(*sources: Source) -> None:
    """Read seeds, and change nothing. Raises :class:`SeedError`."""
    nowhere = Work(Api("", ""), Existing.REFUSE, 0, lambda text: None)
    for source in sources:
        _read(nowhere, source)


def _read(work: Work, source: Source) -> list[Callable[[], None]]:
    if isinstance(source, Mapping) or (isinstance(source, str) and ("\n" in source or "{" in source)):
        return [partial(work.seed, read_seed(source))]
    path = Path(source)
    if path.is_dir():
        folder = read_folder(path)
        if not (folder.tables or folder.seeds or folder.scripts):
            text = "there is nothing to seed in this folder: put files at DATASET/TABLE.csv (or .parquet, …)"
            raise SeedError([Problem(Place(str(path)), text)])
        steps: list[Callable[[], None]] = [partial(work.seed, read_seed(one)) for one in folder.seeds]
        for (dataset, table), files in folder.tables.items():
            schema = _schema_file(folder.schemas.get((dataset, table)))
            steps.append(partial(work.folder_table, dataset, table, files, schema, path))
        return steps + [partial(work.script, one, dataset) for one, dataset in folder.scripts]
    if path.suffix.lower() == ".sql":
        return [partial(work.script, path, None)]
    if path.suffix.lower() in SEEDS or path.suffix.lower() == ".json":
        return [partial(work.seed, read_seed(path))]
    text = "a seed is a .yaml file, a .sql script or a folder" if path.exists() else "there is no such file"
    raise SeedError([Problem(Place(str(path)), text)])


def _schema_file(path: Path | None) -> list[dict[str, Any]] | None:
    if path is None:
        return None
    try:
        found = json.loads(path.read_text("utf-8-sig"))
    except ValueError as error:
        raise SeedError([Problem(Place(str(path)), f"this is not valid JSON: {error}")]) from None
    fields = found.get("fields") if isinstance(found, dict) else found
    if not isinstance(fields, list):
        raise SeedError([Problem(Place(str(path)), "a list of the fields of a schema is wanted")])
    return fields


@dataclass(slots=True)
class _Definition:
    """A view or routine, which may need others that come later."""

    name: str
    place: Place
    make: Callable[[], object]
    done: list[str]


class Work:
    """Seeds on their way into a server."""

    def __init__(self, api: Api, existing: Existing, seed: int, say: Callable[[str], object]) -> None:
        self.api = api
        self.report = Report()
        self.late: list[Callable[[], None]] = []
        self._existing = existing
        self._seed = seed
        self._say = say
        self._definitions: list[_Definition] = []
        self._shadows: dict[tuple[str, str], ShadowStatistics] = {}

    def seed(self, loaded: Loaded) -> None:
        """The datasets and tables of a seed; its views and routines are kept for :meth:`define`."""
        given = loaded.seed
        api = self.api
        if given.project is not None and given.project != api.project:
            self.api = api.within(given.project)
        for dataset_id, dataset in given.datasets.items():
            place = loaded.place(dataset)
            self.put_dataset(dataset_id, place, dataset_body(dataset, given.location))
            for table_id, table in dataset.tables.items():
                self._table(loaded, dataset_id, table_id, table)
            for name, view in dataset.views.items():
                self._view(dataset_id, name, view, loaded.place(view))
            for name, routine in dataset.routines.items():
                path, at = f"datasets/{dataset_id}/routines/{name}", loaded.place(routine)
                make = partial(self.api.query, routine.sql, dataset_id)
                self._define(path, f"{dataset_id}.{name}", at, make, self.report.routines)
        for script in given.sql:
            if script.file is not None:
                self.script(loaded.base / script.file, None)
            elif script.text is not None:
                self.late.append(partial(self._run, self.api, script.text, None, loaded.place(script)))
        self.api = api

    # Datasets and tables

    def put_dataset(self, dataset: str, place: Place, body: dict[str, Any]) -> None:
        """A dataset of an API resource, unless it is there."""
        with _told(place, f"dataset {dataset}"):
            there = self.api.find(f"datasets/{dataset}")
            if there is None:
                reference = {"projectId": self.api.project, "datasetId": dataset}
                self.api.call("POST", "datasets", {"datasetReference": reference, **body})
                self.report.datasets.append(dataset)
            elif body and self._existing is Existing.REPLACE:
                body.pop("location", None)
                self.api.call("PATCH", f"datasets/{dataset}", body)

    def _table(self, loaded: Loaded, dataset: str, name: str, table: m.Table) -> None:
        parts, place = loaded.parts[dataset, name], loaded.place(table)
        if not self._admit(f"datasets/{dataset}/tables/{name}", f"{dataset}.{name}", place):
            return
        settings = settings_body(table)
        with _told(place, f"table {dataset}.{name}"):
            if parts.schema is not None:
                self._create(dataset, name, parts.schema, {**settings, **description_body(table)})
            rows = self._fill(loaded, dataset, name, table, parts, settings)
            if parts.schema is None:
                more = {key: value for key, value in settings.items() if key not in _OF_LOADS}
                self.api.call(
                    "PATCH", f"datasets/{dataset}/tables/{name}", {**more, **description_body(table)}
                )
            if table.expiration_s is not None:
                self._expire(dataset, name, table.expiration_s)
        for policy in table.policies:
            self._policy(dataset, name, policy, loaded.place(policy))
        self._filled(dataset, name, rows)

    def _fill(
        self,
        loaded: Loaded,
        dataset: str,
        name: str,
        table: m.Table,
        parts: TableParts,
        settings: Mapping[str, Any],
    ) -> int:
        """The rows of a table: those in the seed, of files, generated ones; or statistics instead."""
        count, schema = 0, parts.schema
        settings = {key: value for key, value in settings.items() if key in _OF_LOADS}
        if parts.rows:
            count += load_rows(self.api, dataset, name, parts.rows, schema, settings)
        for files in table.files:
            found = matching(loaded, files)
            options = None if files.options is None else plain_options(files)
            if schema is None and count:
                schema = self.api.call("GET", f"datasets/{dataset}/tables/{name}")["schema"]["fields"]
            with _told(loaded.place(files), f"table {dataset}.{name}"):
                count += load_files(self.api, dataset, name, found, schema, settings, options)
        if parts.generate is not None:
            body = {"project": self.api.project, "seed": self._seed}
            body["tables"] = {f"{dataset}.{name}": parts.generate}
            count += self.api.control("POST", "data", body)["rows"][f"{dataset}.{name}"]
        if parts.statistics is not None:
            partitioned = table.partition_by is not None
            told = statistics_of(fields_of(parts), parts.statistics, partitioned=partitioned)
            put_shadows(self.api, {(dataset, name): told})
        return count

    def folder_table(
        self,
        dataset: str,
        name: str,
        files: Sequence[RowFile],
        schema: list[dict[str, Any]] | None,
        root: Path,
    ) -> None:
        """A table of files that lie in a folder."""
        place = Place(str(files[0].path if len(files) == 1 else root / dataset / name))
        self.put_dataset(dataset, place, {})
        if not self._admit(f"datasets/{dataset}/tables/{name}", f"{dataset}.{name}", place):
            return
        with _told(place, f"table {dataset}.{name}"):
            if schema is not None:
                self._create(dataset, name, schema, {})
            rows = load_files(self.api, dataset, name, files, schema, {})
        self._filled(dataset, name, rows)

    def _create(self, dataset: str, name: str, schema: list[dict[str, Any]], body: dict[str, Any]) -> None:
        reference = {"projectId": self.api.project, "datasetId": dataset, "tableId": name}
        table = {"tableReference": reference, "schema": {"fields": schema}, **body}
        self.api.call("POST", f"datasets/{dataset}/tables", table)

    def _expire(self, dataset: str, name: str, seconds: float) -> None:
        path = f"datasets/{dataset}/tables/{name}"
        created_ms = int(self.api.call("GET", path)["creationTime"])
        self.api.call("PATCH", path, {"expirationTime": str(created_ms + round(seconds * 1000))})

    def _admit(self, path: str, name: str, place: Place) -> bool:
        """Whether a table or view is to be made; what is there already is removed, or refused."""
        with _told(place, name):
            if self.api.find(path) is None:
                return True
            if self._existing is Existing.KEEP:
                self.report.kept.append(name)
                return False
            if self._existing is Existing.REPLACE:
                self.api.call("DELETE", path)
                return True
        text = f"{name} is there already: --replace takes its place, --if-missing leaves it as it is"
        raise SeedError([Problem(place, text)])

    def _filled(self, dataset: str, name: str, rows: int) -> None:
        self.report.tables[f"{dataset}.{name}"] = rows
        self._say(f"{dataset}.{name}: {rows} row{'' if rows == 1 else 's'}")

    def _policy(self, dataset: str, table: str, policy: m.Policy, place: Place) -> None:
        grantees = ", ".join(map(json.dumps, policy.grantees))
        on = f"`{self.api.project}.{dataset}.{table}`"
        to = f"GRANT TO ({grantees}) FILTER USING ({policy.filter})"
        sql = f"CREATE ROW ACCESS POLICY `{policy.name}` ON {on} {to}"
        with _told(place, f"policy {policy.name}"):
            self.api.query(sql, dataset)
        self.report.policies += 1

    # Resources of the API

    def put_table(
        self, dataset: str, name: str, body: Mapping[str, Any], shadow: ShadowStatistics | None
    ) -> None:
        """A table of an API resource; with statistics it becomes a shadow table by :meth:`define`."""
        place = Place(f"{dataset}.{name}")
        if not self._admit(f"datasets/{dataset}/tables/{name}", f"{dataset}.{name}", place):
            return
        with _told(place, "table"):
            reference = {"projectId": self.api.project, "datasetId": dataset, "tableId": name}
            self.api.call("POST", f"datasets/{dataset}/tables", {**body, "tableReference": reference})
        if shadow is not None:
            self._shadows[dataset, name] = shadow
        self.report.tables[f"{dataset}.{name}"] = 0 if shadow is None else shadow.rows

    def put_view(self, dataset: str, name: str, body: Mapping[str, Any]) -> None:
        """A view of an API resource, made by :meth:`define`."""
        path = f"datasets/{dataset}/tables"
        reference = {"projectId": self.api.project, "datasetId": dataset, "tableId": name}
        make = partial(self.api.call, "POST", path, {**body, "tableReference": reference})
        place = Place(f"{dataset}.{name}")
        self._define(f"{path}/{name}", f"{dataset}.{name}", place, make, self.report.views)

    def put_routine(self, dataset: str, name: str, ddl: str) -> None:
        """A routine of its DDL, made by :meth:`define`."""
        path, place = f"datasets/{dataset}/routines/{name}", Place(f"{dataset}.{name}")
        make = partial(self.api.query, ddl, dataset)
        self._define(path, f"{dataset}.{name}", place, make, self.report.routines)

    # Definitions and scripts

    def _view(self, dataset: str, name: str, view: m.View, place: Place) -> None:
        member = "materializedView" if view.materialized else "view"
        query = {"query": view.query} | ({} if view.materialized else {"useLegacySql": False})
        reference = {"projectId": self.api.project, "datasetId": dataset, "tableId": name}
        body = {"tableReference": reference, member: query, **description_body(view)}
        make = partial(self.api.call, "POST", f"datasets/{dataset}/tables", body)
        path = f"datasets/{dataset}/tables/{name}"
        self._define(path, f"{dataset}.{name}", place, make, self.report.views)

    def _define(
        self, path: str, name: str, place: Place, make: Callable[[], object], done: list[str]
    ) -> None:
        if self._admit(path, name, place):
            self._definitions.append(_Definition(name, place, make, done))

    def define(self) -> None:
        """Make views and routines: those that refer to others after these; and shadow tables."""
        put_shadows(self.api, self._shadows)
        self._shadows = {}
        left, self._definitions = self._definitions, []
        while left:
            failed: list[tuple[_Definition, ApiError]] = []
            for one in left:
                try:
                    one.make()
                except ApiError as error:
                    failed.append((one, error))
                else:
                    one.done.append(one.name)
            if len(failed) == len(left):
                raise SeedError([Problem(one.place, f"{one.name}: {error}") for one, error in failed])
            left = [one for one, _ in failed]

    def script(self, path: Path, dataset: str | None) -> None:
        """A script, to be run at the end."""
        place = Place(str(path))
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "the file is not UTF-8 text"
            raise SeedError([Problem(place, f"cannot be read: {reason}")]) from None
        if dataset is not None:
            self.put_dataset(dataset, place, {})
        self.late.append(partial(self._run, self.api, text, dataset, place))

    def _run(self, api: Api, text: str, dataset: str | None, place: Place) -> None:
        done = self.report
        if self._existing is Existing.KEEP and done.kept and not (done.tables or done.views or done.routines):
            # Nothing was missing: what the script adds is there as well.
            return
        with _told(place, ""):
            api.query(text, dataset)
        self.report.scripts += 1


class _told:
    """Tells of failed calls where the seed has what they are about."""

    def __init__(self, place: Place, what: str) -> None:
        self._place = place
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ApiError):
            text = f"{self._what}: {error}" if self._what and error.code else str(error)
            raise SeedError([Problem(self._place, text)]) from None
