"""What a query job does in its worker thread."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import DatasetRef
from bqsim.errors import BigQueryError, invalid, invalid_query, not_found
from bqsim.jobs.cache import CachedResult, ResultCache
from bqsim.jobs.config import QueryConfig
from bqsim.jobs.job import Job
from bqsim.jobs.labels import labels_of
from bqsim.jobs.legacy import LegacyTables, in_googlesql
from bqsim.jobs.locations import location_called
from bqsim.jobs.measures import charge_result
from bqsim.jobs.results import ResultSet, ResultStore, written_result
from bqsim.jobs.script import add_up, create_hidden_dataset, no_dataset, script_statistics, temporary_dataset
from bqsim.jobs.sessions import Sessions, SqlSession, running_in
from bqsim.jobs.statistics import QueryStatistics, bytes_billed, undeclared_json
from bqsim.jobs.target import named_as, write_table
from bqsim.sim.stale import seen
from bqsim.sql.plan import Context, StatementResult, TypedValue
from bqsim.sql.statements.external import defined_tables
from bqsim.types import INT64, STRING, TIMESTAMP
from bqsim.types.parse import timestamp_of_micros

if TYPE_CHECKING:
    from bqsim.catalog.resources import Dataset, Table
    from bqsim.catalog.store import Catalog
    from bqsim.engine.protocol import Session
    from bqsim.jobs.children import Children
    from bqsim.sim.clock import Clock
    from bqsim.sim.draws import Draws
    from bqsim.sql.executor import Executor, Rows
    from bqsim.sql.script import ChildStatement, Frame, ScriptRunner


class QueryRunner:
    """Runs the SQL of query jobs; ``children`` has the child jobs of scripts."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        executor: Executor,
        scripts: ScriptRunner,
        cache: ResultCache,
        results: ResultStore,
        clock: Clock,
        draws: Draws,
        children: Children,
    ) -> None:
        self._catalog = catalog
        self._executor = executor
        self._scripts = scripts
        self._cache = cache
        self._results = results
        self._clock = clock
        self._draws = draws
        self._children = children
        # Set by who knows them; what CALL BQ.ABORT_SESSION ends.
        self.sessions: Sessions | None = None

    # -- contexts

    def context(self, job: Job, config: QueryConfig, session: SqlSession | None) -> Context:
        """What the job's SQL runs in."""
        project = config.properties.get("dataset_project_id") or job.ref.project
        ctx = Context(
            project=project,
            default_dataset=config.default_dataset,
            parameters=config.named,
            positional=config.positional,
            caller=job.caller,
            groups=job.groups,
            time_zone=config.properties.get("time_zone") or "UTC",
            location=job.ref.location,
            now_us=self._clock.now_us(),
            undeclared_parameters_allowed=config.dry_run,
            pinned=defined_tables(config.definitions, project, job.ref.location),
            cancelled=_cancelled(job),
            job=job.ref.resource_name,
            afford=lambda read: self._check_limit(config.maximum_bytes_billed, bytes_billed(read)),
        )
        if self.sessions is not None:
            sessions = self.sessions
            ctx.abort_session = lambda name: sessions.abort(name or job.session_id or "", job.ref.project)
        if session is not None:
            ctx.variables = session.variables
            ctx.system_variables = session.system_variables
            ctx.temp_functions = session.temp_functions
            ctx.temp_dataset = session.temp_dataset
            ctx.time_zone = config.properties.get("time_zone") or session.time_zone
            ctx.default_dataset = config.default_dataset or session.default_dataset
        given = config.properties.get("query_label")
        texts = {"current_job_id": job.ref.job_id, "session_id": job.session_id}
        ctx.system_variables.update((name, TypedValue(STRING, value)) for name, value in texts.items())
        if given is not None:
            ctx.system_variables["query_label"] = TypedValue(STRING, given)
        return ctx

    # -- running

    def dry_run(
        self, job: Job, config: QueryConfig, session: SqlSession | None, engine: Session
    ) -> QueryStatistics:
        """Check the query or script and say what it would read."""
        ctx = self.context(job, config, session)
        config = self._in_googlesql(config, ctx, engine)
        script = self._scripts.is_script(config.sql)
        if ctx.temp_dataset is None and (script or config.create_session):
            ctx.temp_dataset = no_dataset(job)
        if script or self._scripts.is_transaction_control(config.sql):
            result = self._scripts.dry_run(config.sql, ctx, engine)
        else:
            self._check_location(job, config, ctx, engine)
            result = self._executor.dry_run(config.sql, ctx, engine)
        statistics = QueryStatistics.of(result)
        self._check_limit(config.maximum_bytes_billed, statistics.bytes_billed)
        statistics.dry_run = True
        statistics.foreseen = result
        statistics.bytes_billed = 0
        statistics.undeclared_parameters = [undeclared_json(n, t) for n, t in result.undeclared.items()]
        if result.schema or result.statement_type == "SELECT":
            statistics.schema = tuple(result.schema)
        return statistics

    def location_of(self, job: Job, config: QueryConfig, engine: Session) -> str | None:
        """Where the datasets or regions are that the query names, None when it names none or is a script or
        wrong."""
        region = self._executor.region_named(config.sql)
        if region is not None:
            return location_called(region)
        try:
            ctx = self.context(job, config, None)
            config = self._in_googlesql(config, ctx, engine)
            if self._scripts.is_script(config.sql):
                return None
            named = self._datasets_of(config, ctx, engine)
        except BigQueryError:
            return None
        return next((dataset.location for dataset in named), None)

    def _in_googlesql(self, config: QueryConfig, ctx: Context, engine: Session) -> QueryConfig:
        if not config.legacy:
            return config
        authorize = partial(self._executor.authorize, ctx=ctx, session=engine)
        return in_googlesql(config, LegacyTables(self._catalog, ctx, authorize))

    def _datasets_of(self, config: QueryConfig, ctx: Context, engine: Session) -> Sequence[Dataset]:
        result = self._executor.dry_run(config.sql, ctx, engine)
        refs = [t.dataset_ref for t in (*result.tables, result.ddl_target_table) if t is not None]
        return [d for d in map(self._catalog.find_dataset, refs) if d is not None]

    def _check_location(self, job: Job, config: QueryConfig, ctx: Context, engine: Session) -> None:
        """Datasets elsewhere are not found from the job's location."""
        if self._catalog.locations.keys() <= {job.ref.location}:
            return
        for dataset in self._datasets_of(config, ctx, engine):
            if dataset.location != job.ref.location:
                raise not_found("Dataset", dataset.ref.api_name, job.ref.location)

    def run(self, job: Job, config: QueryConfig, session: SqlSession | None, engine: Session) -> None:
        """Run the query; leaves statistics and result on the job. Raises its failure."""
        ctx = self.context(job, config, session)
        if self.sessions is not None:
            self.sessions.roll_back_abandoned(engine)
        if session is None:
            self._run(job, config, None, ctx, engine)
            return
        labels = labels_of(ctx.system_variables.get("query_label"))
        if labels:
            job.configuration = {
                **job.configuration,
                "labels": {**job.configuration.get("labels", {}), **labels},
            }
        with running_in(session, ctx, engine):
            transaction = ctx.transaction
            create_hidden_dataset(self._catalog, engine, session.temp_dataset, job)
            try:
                self._run(job, config, session, ctx, engine)
            finally:
                # A script is not part of a transaction that begins in it.
                transaction = transaction or (None if job.children else ctx.transaction)
                job.transaction_id = transaction.id if transaction is not None else None
        session.time_zone, session.default_dataset = ctx.time_zone, ctx.default_dataset

    def _run(
        self, job: Job, config: QueryConfig, session: SqlSession | None, ctx: Context, engine: Session
    ) -> None:
        config = self._in_googlesql(config, ctx, engine)
        if self._scripts.is_transaction_control(config.sql):
            self._control_transaction(job, config, session, ctx, engine)
        elif self._scripts.is_script(config.sql):
            self._run_script(job, config, session, ctx, engine)
        else:
            self._check_location(job, config, ctx, engine)
            self._run_statement(job, config, ctx, engine)

    def _control_transaction(
        self, job: Job, config: QueryConfig, session: SqlSession | None, ctx: Context, engine: Session
    ) -> None:
        """Run BEGIN, COMMIT or ROLLBACK TRANSACTION as a statement of its own."""
        if session is None:
            raise invalid_query("Transaction control statements are supported only in scripts or sessions")
        done = self._scripts.run(config.sql, ctx, engine, lambda _: None, _cancelled(job))
        job.statistics = QueryStatistics.of(done[-1])

    def _run_statement(self, job: Job, config: QueryConfig, ctx: Context, engine: Session) -> None:
        moment = self._catalog.moment()
        if config.target is not None:
            result = self._run_into_table(job, config, ctx, engine)
        else:
            result = self._executor.run(config.sql, ctx, engine)
        job.statistics = QueryStatistics.of(result)
        if result.rows is None:
            self._describe(job, result)
            return
        kept = self._keep(job, result)
        key = self.cache_key(job, config)
        if key is not None and job.session_id is None:
            self._cache.put(key, result, kept, lambda ref: self._catalog.changed_since(ref, moment))

    def _run_into_table(
        self, job: Job, config: QueryConfig, ctx: Context, engine: Session
    ) -> StatementResult:
        """Run a SELECT whose rows go to the destination table; other statements may not have one."""
        target = config.target
        assert target is not None
        job.destination = target.table
        written: list[Table] = []

        def write(rows: Rows) -> int:
            table, count = write_table(
                self._executor,
                engine,
                target,
                rows.schema,
                lambda writer: rows.write(writer, named_as(writer.table, rows.schema)),
                query=True,
                cancelled=_cancelled(job),
            )
            written.append(table)
            return count

        result = self._executor.run(config.sql, ctx, engine, destination=write)
        job.result = written_result(engine, written[0], target.partition)
        return result

    def _run_script(
        self, job: Job, config: QueryConfig, session: SqlSession | None, ctx: Context, engine: Session
    ) -> None:
        """Run a script; its result is that of the statement that ran last."""
        if config.target is not None:
            raise invalid("configuration.query.destinationTable cannot be set for scripts")
        job.statistics = total = QueryStatistics(statement_type="SCRIPT")
        limits = (config.maximum_bytes_billed, config.statement_byte_budget)
        least = min((n for n in limits if n is not None), default=None)
        ctx.afford = lambda read: self._check_limit(least, bytes_billed(read))

        open_: list[Job] = []
        self._describe_script(ctx, job, total)

        def on_start(text: str, frames: tuple[Frame, ...], evaluation_kind: str) -> None:
            query = {"query": text, "useLegacySql": False, "priority": "INTERACTIVE"}
            configuration: dict[str, Any] = {"jobType": "QUERY", "query": query}
            labels = labels_of(ctx.system_variables.get("query_label"))
            if labels:
                configuration["labels"] = labels
            child = self._children.begin(job, configuration)
            child.script_statistics = script_statistics(frames, evaluation_kind)
            open_.append(child)
            ctx.system_variables["current_job_id"] = TypedValue(STRING, child.ref.job_id)
            self._children.enter(child)

        def on_statement(statement: ChildStatement) -> None:
            child = open_.pop()
            self._fill(child, statement)
            failed = self._children.worked(child) if child.error is None else None
            if failed is not None:
                child.error, child.result = failed, None
            self._children.end(child, statement.ended_us)
            if failed is not None:
                raise failed
            ctx.system_variables["last_job_id"] = TypedValue(STRING, child.ref.job_id)
            ctx.system_variables["current_job_id"] = TypedValue(STRING, job.ref.job_id)
            if child.query_statistics is not None:
                add_up(total, child.query_statistics)
            self._describe_script(ctx, job, total)
            if statement.evaluation_kind == "STATEMENT":
                job.result, job.destination = child.result, child.destination

        try:
            if session is not None:
                self._scripts.run(config.sql, ctx, engine, on_statement, _cancelled(job), on_start)
                return
            hidden = DatasetRef(job.ref.project, f"_script{self._draws.hex_id('script-dataset', 24)}")
            with temporary_dataset(self._catalog, engine, hidden, job) as ctx.temp_dataset:
                self._scripts.run(config.sql, ctx, engine, on_statement, _cancelled(job), on_start)
        finally:
            for child in open_:
                self._children.end(child)

    def _describe_script(self, ctx: Context, job: Job, total: QueryStatistics) -> None:
        """Tell a script about itself in ``@@script``."""
        numbers = {
            "bytes_billed": total.bytes_billed,
            "bytes_processed": total.bytes_processed,
            "num_child_jobs": len(job.children),
            "slot_ms": 0,
        }
        variables = ctx.system_variables
        variables.update((f"script.{name}", TypedValue(INT64, value)) for name, value in numbers.items())
        variables["script.job_id"] = TypedValue(STRING, job.ref.job_id)
        created = timestamp_of_micros(job.timeline.created_us)
        variables["script.creation_time"] = TypedValue(TIMESTAMP, created)

    def _fill(self, child: Job, statement: ChildStatement) -> None:
        """Give a child job the statistics, result and failure of its statement."""
        child.error = statement.error
        child.transaction_id = statement.transaction_id
        result = statement.result
        if result is None:
            return
        child.statistics = QueryStatistics.of(result)
        if result.rows is not None:
            self._keep(child, result)
        else:
            self._describe(child, result)

    def _describe(self, job: Job, result: StatementResult) -> None:
        """DDL that answers with a schema has a result without rows."""
        if result.schema and result.ddl_target_table is not None:
            from bqsim.types.arrow import empty_table

            schema = tuple(result.schema)
            job.result = ResultSet(schema, empty_table(schema), result.ddl_target_table, self._clock.now_us())
            job.destination = result.ddl_target_table

    def _keep(self, job: Job, result: StatementResult) -> ResultSet:
        charge_result(result.rows)
        dataset = self._results.hidden_dataset(job.ref.project, job.caller, job.ref.location)
        ref = dataset.table(f"anon{self._draws.hex_id('anonymous-table')}")
        now_us = self._clock.now_us()
        kept = self._results.add(tuple(result.schema), result.rows, ref, now_us, job.ref.location)
        if result.protected:
            kept.only_for = job.caller
        job.result = kept
        job.destination = ref
        return kept

    def _check_limit(self, limit: int | None, billed: int) -> None:
        if limit is not None and billed > limit:
            raise BigQueryError(
                "bytesBilledLimitExceeded",
                f"Query exceeded limit for bytes billed: {limit}. {billed} or higher required.",
            )

    # -- the cache

    def cache_key(self, job: Job, config: QueryConfig) -> Hashable | None:
        """What identifies the query in the result cache; None when it may not come from there."""
        if not config.use_cache or config.target is not None or config.dry_run or seen() is not None:
            return None
        properties = tuple(sorted(config.properties.items()))
        return (
            config.sql,
            config.legacy,
            job.ref.project,
            job.ref.location,
            job.caller,
            config.default_dataset,
            config.parameters_text,
            properties,
        )

    @property
    def restricted(self) -> bool:
        """Whether a policy decides what callers may read."""
        return self._executor.access.policy() is not None

    def authorize(self, job: Job, config: QueryConfig, engine: Session) -> None:
        """Raises the denial when the caller may not read what the query of a cached result reads."""
        ctx = self.context(job, config, None)
        self._executor.authorize(self._in_googlesql(config, ctx, engine).sql, ctx, engine)

    def answer_from_cache(self, job: Job, hit: CachedResult) -> None:
        """Finish the work of a job with a cached result."""
        job.statistics = QueryStatistics(statement_type=hit.statement_type, cache_hit=True, route=hit.route)
        job.result = hit.result
        job.destination = hit.result.ref


def _cancelled(job: Job) -> Callable[[], bool]:
    token = job.cancel_token
    return lambda: token is not None and token.cancelled
