"""The bench that queries are measured on: a simulator with shadow tables, asked for estimates.

Nothing is sent anywhere: the tables are what ``bqsim import`` makes of exports of INFORMATION_SCHEMA
(``bqsim cost import-query`` prints the queries), or seeds with ``statistics``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bqsim.sim.rules.sqltext import normal_sql, sql_fingerprint

from .errors import CostError
from .model import LOWER_BOUND, UNKNOWN, Estimate, Measured, Query, TableRead, Workload
from .rehearsal import CONTROL, Rehearsal, Stage
from .volatile import volatile_functions

if TYPE_CHECKING:
    from bqsim.engine.protocol import Session
    from bqsim.seeding import Api
    from bqsim.server.core import Core

# Queries in one request.
AT_ONCE = 100
PROJECT = "bqsim-cost"
_SEEDS = frozenset({".yaml", ".yml", ".sql"})


@dataclass(slots=True)
class Bench:
    """Estimates queries. ``streamed`` are patterns of tables (``project.dataset.table``) that have rows in
    the streaming buffer all the time, as those with steady inserts do: their results are not cached. ``at``
    is the time that queries are told. On a ``stage`` scripts are rehearsed; without one they are what a dry
    run of the whole tells."""

    api: Api
    streamed: Sequence[str] = ()
    stage: Stage | None = None
    at: dt.datetime | None = None
    _known: dict[Any, Estimate] = field(default_factory=dict)

    def measure(self, workload: Workload) -> list[Measured]:
        """Every query with its estimate, in order; those that fail have the error."""
        return [
            Measured(q, e) for q, e in zip(workload.queries, self.estimates(workload.queries), strict=True)
        ]

    def estimates(self, queries: Sequence[Query]) -> list[Estimate]:
        """The estimates of queries; the same query is asked once."""
        keys = [_key(query) for query in queries]
        missing = {key: query for key, query in zip(keys, queries, strict=True) if key not in self._known}
        by_project: dict[str, list[tuple[Any, Query]]] = {}
        for key, query in missing.items():
            by_project.setdefault(query.project or self.api.project, []).append((key, query))
        for project, asked in by_project.items():
            for start in range(0, len(asked), AT_ONCE):
                part = asked[start : start + AT_ONCE]
                told = self._told(project, [query for _, query in part])
                for (key, query), one in zip(part, told, strict=True):
                    self._known[key] = self._finished(query, one)
        return [self._known[key] for key in keys]

    def _told(self, project: str, queries: Sequence[Query]) -> list[Mapping[str, Any]]:
        body = {"queries": [{"query": _configuration(query)} for query in queries]}
        answer: list[Mapping[str, Any]]
        answer = self.api.control("POST", f"projects/{project}/estimate", body)["estimates"]
        return answer

    def _asked(self, queries: Sequence[Query]) -> list[Estimate]:
        """The estimates of queries of one project as the tables are now."""
        told = self._told(queries[0].project or self.api.project, queries)
        return [estimate_of(one) for one in told]

    def _finished(self, query: Query, told: Mapping[str, Any]) -> Estimate:
        found = estimate_of(told)
        if found.error:
            return found
        notes = list(found.notes)
        if found.statement_type == "SCRIPT" and self.stage is not None:
            found = self._script(query, found, self.stage)
            notes = list(found.notes)
        reasons = tuple(_uncacheable(query, found, told, self.streamed))
        return replace(found, uncacheable=reasons, notes=tuple(notes))

    def _script(self, query: Query, whole: Estimate, stage: Stage) -> Estimate:
        """A script statement by statement: a dry run of the whole ends at its first DDL statement."""
        nodes = stage.parse(query.sql)
        if len(nodes) < 2 and not any(str(node.kind) in CONTROL for node in nodes):
            return whole
        changed = partial(changed_by, query, project=self.api.project)
        done = Rehearsal(self.api, stage, query, self._asked, changed).run(nodes)
        if not done.found:
            return replace(whole, notes=tuple(done.notes), accuracy=done.accuracy or whole.accuracy)
        all_ = joined(done.found, "SCRIPT")
        accuracy = done.accuracy or all_.accuracy
        best = all_
        if accuracy == LOWER_BOUND and all_.bytes_processed < whole.bytes_processed:
            best = whole
        return replace(best, accuracy=accuracy, notes=tuple(done.notes))


def changed_by(query: Query, sql: str, project: str) -> set[str]:
    """The table that a DML statement changes."""
    from bqsim.jobs.charges import changed_table

    default = None
    if query.dataset:
        owner, _, dataset = query.dataset.rpartition(".")
        default = {"datasetId": dataset, **({"projectId": owner} if owner else {})}
    found = changed_table(sql, query.project or project, default)
    return set() if found is None else {f"{found.project}.{found.dataset}.{found.table}"}


def joined(estimates: Iterable[Estimate], statement_type: str) -> Estimate:
    """The estimate of several statements together."""
    found = list(estimates)
    partitions = [e.partitions for e in found if e.partitions is not None]
    accuracies = {e.accuracy for e in found} - {"PRECISE"}
    accuracy = "PRECISE" if not accuracies else accuracies.pop() if len(accuracies) == 1 else UNKNOWN
    return Estimate(
        statement_type,
        sum(e.bytes_processed for e in found),
        sum(e.bytes_billed for e in found),
        sum(e.bytes_at_most for e in found),
        accuracy,
        sum(partitions) if partitions else None,
        tuple(t for e in found for t in e.tables),
        tuple(dict.fromkeys(v for e in found for v in e.views)),
        tuple(dict.fromkeys(r for e in found for r in e.routines)),
        tuple(w for e in found for w in e.wildcards),
        found[-1].output_columns if found else (),
        all(e.deterministic for e in found),
    )


def _key(query: Query) -> Any:
    return (query.sql, query.project, query.dataset, repr(sorted(query.configuration.items(), key=str)))


def _configuration(query: Query) -> dict[str, Any]:
    body: dict[str, Any] = {"useLegacySql": False, **query.configuration, "query": query.sql}
    # The guard is compared here, so that its refusal does not hide how much the query would read.
    body.pop("maximumBytesBilled", None)
    if query.dataset:
        project, _, dataset = query.dataset.rpartition(".")
        reference = {"datasetId": dataset}
        if project:
            reference["projectId"] = project
        body["defaultDataset"] = reference
    return body


def estimate_of(told: Mapping[str, Any]) -> Estimate:
    """What the control API tells of a query."""
    if "error" in told:
        return Estimate(error=str(told["error"]["message"]))
    columns = {name: tuple(c) for name, c in told.get("columnsRead", {}).items()}
    pruned = {_name(one["table"]): one for one in told.get("pruning", ())}
    names = dict.fromkeys([*map(_name, told.get("referencedTables", ())), *columns, *pruned])
    told_sizes = told.get("bytesOfTables", ())
    sizes = {one["tables"][0]: int(one["bytes"]) for one in told_sizes if len(one["tables"]) == 1}
    if len(told_sizes) == 1 == len(names):
        sizes = {next(iter(names)): int(told_sizes[0]["bytes"])}
    return Estimate(
        str(told.get("statementType") or ""),
        int(told.get("bytesProcessed") or 0),
        int(told.get("bytesBilled") or 0),
        int(told.get("bytesAtMost") or 0),
        str(told.get("accuracy") or UNKNOWN),
        told.get("partitions"),
        tuple(_table(name, columns.get(name, ()), pruned.get(name), sizes.get(name)) for name in names),
        tuple(map(_name, told.get("views", ()))),
        tuple(told.get("routines", ())),
        tuple(tuple(one) for one in told.get("wildcards", ())),
        tuple(told.get("outputColumns", ())),
        bool(told.get("deterministic", True)),
    )


def _table(
    name: str, columns: tuple[str, ...], told: Mapping[str, Any] | None, size: int | None
) -> TableRead:
    if told is None:
        return TableRead(name, size, columns)
    parts = {n: (told[n]["read"], told[n]["total"]) for n in ("partitions", "blocks") if n in told}
    filters = tuple(tuple((f["column"], f["filtering"]) for f in scan) for scan in told["scans"])
    return TableRead(
        name, int(told["bytesRead"]), columns, parts.get("partitions"), parts.get("blocks"), filters
    )


def _name(reference: Mapping[str, str]) -> str:
    return f"{reference['projectId']}.{reference['datasetId']}.{reference['tableId']}"


def _uncacheable(
    query: Query, found: Estimate, told: Mapping[str, Any], streamed: Sequence[str]
) -> Iterator[str]:
    """Why results are not cached, in words (page *Use cached query results*)."""
    normal = normal_sql(query.sql)
    if found.statement_type != "SELECT":
        yield f"a {found.statement_type} statement is not cached"
        return
    if query.destination:
        yield "a destination table is set"
    if query.configuration.get("useQueryCache") is False:
        yield "the cache is switched off"
    functions = volatile_functions(normal)
    if functions:
        yield f"{', '.join(functions)} differs from run to run"
    elif not found.deterministic:
        yield "a view or a function that it uses differs from run to run"
    if found.wildcards or _wildcard(normal):
        yield "it reads a wildcard table"
    if " TABLESAMPLE " in f" {normal} ":
        yield "it reads a sample"
    if "INFORMATION_SCHEMA" in normal:
        yield "it reads INFORMATION_SCHEMA"
    if told.get("external"):
        yield "it reads an external table"
    if told.get("rowLevelSecurity"):
        yield "a table has row access policies"
    for table in found.tables:
        if any(fnmatchcase(table.table, one) or fnmatchcase(table.table, f"*.{one}") for one in streamed):
            yield f"{table.table} has rows in its streaming buffer"


def _wildcard(normal: str) -> bool:
    return "_TABLE_SUFFIX" in normal


@dataclass(slots=True)
class Tables:
    """Tables to measure on, as they were read: exports of INFORMATION_SCHEMA and seeds."""

    exports: Any = None
    seeds: list[Path] = field(default_factory=list)

    @classmethod
    def read(cls, given: Sequence[str | Path]) -> Tables:
        """The tables of files and folders. Raises :class:`CostError`."""
        from bqsim.seeding import SeedError
        from bqsim.seeding.exports import read_exports

        found, exports = cls(), []
        for path in map(Path, given):
            if not path.exists():
                raise CostError(f"{path}: there is no such file or folder of tables")
            inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
            found.seeds += [p for p in inside if p.suffix in _SEEDS]
            if any(p.suffix not in _SEEDS for p in inside):
                exports.append(path)
        try:
            found.exports = read_exports(exports) if exports else None
        except SeedError as error:
            raise CostError(f"the tables cannot be read: {error}") from None
        return found

    def newest(self) -> dt.datetime | None:
        """Noon of the day of the newest partition, which CURRENT_DATE is then; None without any."""
        days = [day for id_ in self._partition_ids() if (day := _day(id_)) is not None]
        if not days:
            return None
        return dt.datetime.combine(max(days), dt.time(12), dt.UTC)

    def _partition_ids(self) -> Iterator[str]:
        for row in (self.exports or {}).get("PARTITIONS", ()):
            if int(row.get("total_rows") or 0):
                yield str(row.get("partition_id") or "")
        from bqsim.seeding.read import SeedError, read_seed

        for path in self.seeds:
            if path.suffix == ".sql":
                continue
            try:
                parts = read_seed(path).parts.values()
            except SeedError as error:
                raise CostError(f"the tables cannot be read: {error}") from None
            for one in parts:
                if one.statistics is not None:
                    yield from one.statistics.partitions or ()

    def put(self, api: Api, say: Callable[[str], object]) -> None:
        """Put them into a simulator. Raises SeedError and ApiError."""
        from bqsim.seeding import seed
        from bqsim.seeding.importing import import_project
        from bqsim.seeding.project import assemble

        if self.exports is not None:
            import_project(api, assemble(self.exports), say=say)
        for one in self.seeds:
            seed(api, one)


def _day(partition_id: str) -> dt.date | None:
    digits = partition_id[:8]
    if len(partition_id) not in (8, 10) or not partition_id.isdigit():
        return None
    try:
        found = dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
    # Ranges of integers look like days, too.
    return found if 2005 <= found.year <= 2100 else None


def stage_of(core: Core) -> Stage:
    """A simulator of this process as a stage."""
    from bqsim.catalog.refs import TableRef
    from bqsim.catalog.shadow import as_shadow, shadow_of

    def given(source: str, target: str, session: Session) -> bool:
        refs = [TableRef(*name.split(".")) for name in (source, target)]
        catalog = core.catalog
        with catalog.lock(*refs), catalog.change(session) as change:
            statistics = shadow_of(catalog.table(refs[0]))
            if statistics is not None:
                change.put_table(as_shadow(catalog.table(refs[1]), statistics))
        return statistics is not None

    def twin(source: str, target: str) -> bool:
        done: bool = core.pool.submit(partial(given, source, target)).result()
        return done

    def remote() -> bool:
        catalog = core.catalog
        datasets = (d.ref for project in catalog.projects() for d in catalog.datasets(project))
        return any("remoteFunctionOptions" in r.body for ref in datasets for r in catalog.routines(ref))

    return Stage(core.googlesql.parse_script, twin, remote)


@contextmanager
def bench(
    tables: Sequence[str | Path] = (),
    *,
    project: str = "",
    url: str = "",
    at: dt.datetime | None = None,
    streamed: Sequence[str] = (),
    say: Callable[[str], object] = lambda text: None,
) -> Iterator[Bench]:
    """A bench with these tables: exports of INFORMATION_SCHEMA (files or folders), seeds (YAML, SQL). ``url``
    is a running simulator to ask instead. ``at`` is the time that CURRENT_DATE tells; by default noon of the
    day of the newest partition, so that a query of the last days finds them whenever it is measured.

    Raises :class:`CostError` for what cannot be read.
    """
    from bqsim.seeding import Api, ApiError, SeedError

    if url:
        yield Bench(Api(url, project or PROJECT), streamed)
        return
    from bqsim.simulator import Simulator, start

    read = Tables.read(tables)
    at = at or read.newest()
    scenario = None
    if at is not None:
        shown = at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
        scenario = {"clock": {"mode": "manual", "start": shown}}
    simulator: Simulator
    with start(scenario=scenario, project=project or PROJECT) as simulator:
        api = Api(simulator.url, project or PROJECT)
        try:
            read.put(api, say)
        except (SeedError, ApiError) as error:
            raise CostError(f"the tables cannot be read: {error}") from None
        core = simulator.core
        assert core is not None

        moment = dt.datetime.fromtimestamp(core.clock.now_us() // 1_000_000, dt.UTC)
        yield Bench(api, streamed, stage_of(core), moment)


def fingerprinted(query: Query) -> Query:
    """The query with its fingerprint."""
    return query if query.fingerprint else replace(query, fingerprint=sql_fingerprint(query.sql))
