"""Finds the calls and jobs behind what clients hold: answers, exceptions, jobs, ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from bqsim.sim.journal import CallEvent, JobEvent, explain
from bqsim.sim.progression.control import Waiting

from .journals import JournalView

# By this header, or gRPC metadata, an answer names its call in the journal.
EXPLAIN_HEADER = "x-bqsim-explain"


def explained(journal: JournalView, answer: Any, waiting: Callable[[], Iterable[Waiting]] = tuple) -> str:
    """Which rule, draw, quota or latency shaped an answer, in words.

    ``answer`` is the id itself, a mapping of headers, a response or an exception of a client, a gRPC call, or
    a job, whose calls and moves are all told, and what it waits for if it is among those ``waiting``. Raises
    ``ValueError`` when nothing is known of it.
    """
    found = answer if isinstance(answer, str) else next(_ids(answer), None)
    if found is not None:
        event = journal.call(found.lstrip("#"))
        if event is None:
            raise ValueError(f"the journal knows no call '{found}': it may have been dropped or cleared")
        return explain(event)
    job_id = getattr(answer, "job_id", None)
    if isinstance(job_id, str):
        waits = [one for one in waiting() if one.job_id == job_id]
        return "\n".join((_of_job(journal, job_id), *map(_wait, waits)))
    raise ValueError(
        f"a {type(answer).__name__} names no call: pass the text of its header {EXPLAIN_HEADER}, a response, "
        "an exception of Google's client or a job"
    )


def _wait(one: Waiting) -> str:
    from bqsim.sim.journal.explain import time_of_day

    since = time_of_day(one.since_us)
    return f"job {one.job_id} has been {one.state} since {since} and waits for: {one.why}"


def _ids(answer: Any) -> Iterator[str]:
    """The ids that an answer carries, by wherever clients keep headers."""
    for read in _PLACES:
        for name, value in _pairs(read(answer)):
            if str(name).lower() == EXPLAIN_HEADER:
                yield value if isinstance(value, str) else bytes(value).decode()


def _pairs(found: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(found, Mapping):
        return found.items()
    return found or ()


def _metadata(name: str) -> Callable[[Any], Any]:
    def read(answer: Any) -> Any:
        for one in (answer, *(getattr(answer, "errors", None) or ())):
            method = getattr(one, name, None)
            if callable(method):
                return method()
        return None

    return read


# Answers that have no such member have nothing there.
_PLACES: tuple[Callable[[Any], Any], ...] = (
    lambda answer: answer if isinstance(answer, Mapping) else None,
    lambda answer: getattr(answer, "headers", None),
    lambda answer: getattr(getattr(answer, "response", None), "headers", None),
    _metadata("trailing_metadata"),
    _metadata("initial_metadata"),
)


def _of_job(journal: JournalView, job_id: str) -> str:
    def names_it(call: CallEvent) -> bool:
        return call.job_id == job_id or call.resource.endswith(f"/{job_id}")

    told: list[tuple[int, str]] = [(c.time_us, explain(c)) for c in journal.calls() if names_it(c)]
    told += [(move.time_us, _move(move)) for move in journal.jobs(job_id)]
    if not told:
        raise ValueError(f"the journal knows no job '{job_id}': it may have been dropped or cleared")
    return "\n".join(text for _, text in sorted(told, key=lambda one: one[0]))


def _move(event: JobEvent) -> str:
    from bqsim.sim.journal.explain import decided, time_of_day

    failed = f", {event.reason}: {event.message}" if event.reason else ""
    came = f"from {event.before} to {event.after}" if event.before else f"in {event.after}"
    lines = [f"job {event.job_id} {time_of_day(event.time_us)} {came}{failed}"]
    return "\n".join([*lines, *(f"  {decided(decision)}" for decision in event.decisions)])
