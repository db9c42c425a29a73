"""Copy and extract jobs on their way in: read, and given to what runs them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bqsim.jobs.job import Job, JobType
from bqsim.jobs.making import JobMaker, job_type_of

if TYPE_CHECKING:
    from bqsim.engine.protocol import Session
    from bqsim.jobs.copy import CopyRunner
    from bqsim.jobs.extract import ExtractRunner
    from bqsim.jobs.runner import Work
    from bqsim.sql.executor import Executor


class Transfers:
    """Makes copy and extract jobs. What runs them is imported when the first one comes."""

    def __init__(self, executor: Executor, maker: JobMaker) -> None:
        self._executor = executor
        self._maker = maker

    def job(
        self, project: str, configuration: Mapping[str, Any], reference: Mapping[str, Any], caller: str
    ) -> tuple[Job, Work, Work]:
        """The job of a configuration, its work, and what a dry run does instead; 400 for a bad one."""
        make = self._extract if job_type_of(configuration) is JobType.EXTRACT else self._copy
        return make(project, configuration, reference, caller)

    @cached_property
    def copies(self) -> CopyRunner:
        from bqsim.jobs.copy import CopyRunner

        return CopyRunner(self._executor)

    @cached_property
    def extracts(self) -> ExtractRunner:
        from bqsim.jobs.extract import ExtractRunner

        return ExtractRunner(self._executor)

    def _copy(
        self, project: str, configuration: Mapping[str, Any], reference: Mapping[str, Any], caller: str
    ) -> tuple[Job, Work, Work]:
        from bqsim.jobs.copy import parse_copy

        config = parse_copy(configuration["copy"], project)
        job = self._maker.job(JobType.COPY, project, configuration, reference, caller, config.target)

        def work(session: Session) -> None:
            self.copies.run(job, config, session)

        def check(session: Session) -> None:
            self.copies.check(job, config, session)

        return job, work, check

    def _extract(
        self, project: str, configuration: Mapping[str, Any], reference: Mapping[str, Any], caller: str
    ) -> tuple[Job, Work, Work]:
        from bqsim.jobs.extract import parse_extract

        config = parse_extract(configuration["extract"], project)
        dataset = config.source.table.dataset_ref
        job = self._maker.job(JobType.EXTRACT, project, configuration, reference, caller, None, dataset)

        def work(session: Session) -> None:
            self.extracts.run(job, config, session)

        def check(session: Session) -> None:
            self.extracts.check(job, config, session)

        return job, work, check
