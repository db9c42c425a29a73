"""Rules: which effects a scenario has on which calls and jobs."""

from .book import BookState, Hit, RuleBook, RuleStatus, Verdict
from .classes import events_of, group_of, states_of
from .counters import MAX_REQUESTS
from .facts import CALL, CANCEL, JOB, STREAM, Facts, call_facts, job_facts, stream_facts
from .fingerprint import request_fingerprint
from .sqltext import normal_sql, sql_fingerprint, statement_type

__all__ = [
    "CALL",
    "CANCEL",
    "JOB",
    "MAX_REQUESTS",
    "STREAM",
    "BookState",
    "Facts",
    "Hit",
    "RuleBook",
    "RuleStatus",
    "Verdict",
    "call_facts",
    "events_of",
    "group_of",
    "job_facts",
    "normal_sql",
    "request_fingerprint",
    "sql_fingerprint",
    "statement_type",
    "states_of",
    "stream_facts",
]
