"""Secrets in histories: what tells who asked, and what texts of queries and errors hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .model import JobRecord


def redacted(job: JobRecord, text: Callable[[str], str]) -> JobRecord:
    """A job whose user, text, error and labels have passed ``text``; its id, when it names somebody. The
    fingerprint stays that of the text as it was."""
    return replace(
        job,
        user=text(job.user) if job.user else "",
        sql=text(job.sql) if job.sql else "",
        error_message=text(job.error_message) if job.error_message else "",
        labels={key: text(value) for key, value in job.labels.items()} if job.labels else {},
        job_id=text(job.job_id) if "@" in job.job_id else job.job_id,
    )
