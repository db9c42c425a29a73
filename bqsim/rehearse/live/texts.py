"""The texts that jobs of histories and cassettes run themselves, found by the class of a job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bqsim.history import HistoryError
from bqsim.record.cassette.errors import CassetteError
from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.model import Generated, Plan, Recorded
from bqsim.rehearse.workloads.building import Joined
from bqsim.rehearse.workloads.model import JobClass
from bqsim.workload.items import Item, load, renamed

from .calls import Own

_Key = tuple[object, ...]


def by_class(joined: Joined) -> tuple[Joined, tuple[tuple[int, JobClass], ...]]:
    """The same jobs with a source for each class, so that a job tells of which it is; the classes, each with
    the number of its part."""
    classes: list[tuple[int, JobClass]] = []
    parts = []
    for number, (part, numbers) in enumerate(joined.parts):
        first = len(classes)
        classes += [(number, one) for one in part.classes]
        parts.append((part, replace(numbers, source=np.arange(first, len(classes), dtype=np.int32))))
    return replace(joined, parts=tuple(parts), sources=tuple(one.source for _, one in classes)), tuple(
        classes
    )


@dataclass(slots=True)
class OwnTexts:
    """Texts by class. Jobs of a class run its texts in the order that they were recorded in, over and over.

    ``found`` counts recorded jobs that have one, ``left_out`` those without, by reason.
    """

    found: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    _classes: Sequence[tuple[int, JobClass]] = ()
    _texts: dict[_Key, list[Own]] = field(default_factory=dict)
    _of: list[list[Own]] = field(default_factory=list)

    def __call__(self, source: int, turn: int) -> Own | None:
        texts = self._of[source]
        return texts[turn % len(texts)] if texts else None

    def texts(self) -> Iterator[tuple[str, Own]]:
        """All texts that are run, each with the project of its jobs."""
        for (_, one), texts in zip(self._classes, self._of, strict=True):
            for text in texts:
                yield one.project, text


def own_texts(
    plan: Plan, folder: Path, classes: Sequence[tuple[int, JobClass]], projects: Mapping[str, str]
) -> OwnTexts:
    """The texts of a plan's histories and cassettes. Raises :class:`RehearsalError`."""
    made = OwnTexts(_classes=classes)
    for number, part in enumerate(plan.workload):
        origin = part.origin
        if isinstance(origin, Generated):
            continue
        files = [origin.path] if isinstance(origin, Recorded) else origin.files
        try:
            workload = load([folder / one for one in files])
        except (HistoryError, CassetteError) as error:
            raise RehearsalError(str(error)) from None
        made.left_out.update(workload.left_out)
        made.found += len(workload.items)
        for item in workload.items:
            own = _own(renamed(item, projects))
            for key in _keys(number, item.recorded.fingerprint, item.recorded.user, item.recorded.labels):
                made._texts.setdefault(key, []).append(own)
    made._of = [_texts_of(made._texts, number, one) for number, one in classes]
    return made


def _keys(number: int, kind: str, principal: str, labels: Mapping[str, str]) -> Iterator[_Key]:
    """What a text is found by, the most specific first."""
    if kind:
        yield number, kind, principal, frozenset(labels.items())
        yield number, kind, principal
        yield number, kind


def _texts_of(texts: Mapping[_Key, list[Own]], number: int, one: JobClass) -> list[Own]:
    return next(
        (texts[key] for key in _keys(number, one.kind, one.principal, one.labels) if key in texts), []
    )


def _own(item: Item) -> Own:
    configuration: dict[str, Any] = {k: v for k, v in item.configuration.items() if k != "jobType"}
    if item.kind == "query":
        # Sessions of the recording are not there; jobs run without.
        query = dict(configuration.get("query") or {})
        query.pop("createSession", None)
        kept = [
            one for one in query.pop("connectionProperties", None) or () if one.get("key") != "session_id"
        ]
        if kept:
            query["connectionProperties"] = kept
        configuration["query"] = query
    recorded = item.recorded
    return Own(item.kind, configuration, recorded.location, len(recorded.tables), recorded.statement_type)
