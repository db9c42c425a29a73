"""What the marks of tests claim.

    @pytest.mark.fidelity("rest:bigquery.tables.get", "exact")
    @pytest.mark.fidelity("statement:MERGE, sql:pipe", "approximated", "what differs, in one sentence")
    @pytest.mark.fidelity("reason:{reason}/job", "exact")           # filled with the parameters of each case
    @pytest.mark.fidelity(of=claim)         # claim(parameters of the case) -> (subjects, status, note)
    pytestmark = [pytest.mark.fidelity("rest:x", "exact", tests="test_a* test_b")]      # of a module

A mark names one or more subjects (with commas between), what the test shows of them, and what
differs. ``tests`` are globs over the names of test functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import pytest

from bqsim.fidelity import STATUSES

MARK = "fidelity"


@dataclass(frozen=True, slots=True)
class Claim:
    """``test`` shows that ``subject`` has ``status``; ``note`` is what differs."""

    subject: str
    status: str
    note: str
    test: str


class BadMark(ValueError):
    """A mark that claims nothing, or nonsense; it says which."""


def claims_of(items: Iterable[pytest.Item]) -> set[Claim]:
    """The claims of all marks. Raises :class:`BadMark`."""
    found: set[Claim] = set()
    marks: dict[tuple[str, int], tuple[pytest.Mark, bool]] = {}
    for item in items:
        for node, mark in item.iter_markers_with_node(MARK):
            about = _is_about(mark, item)
            key = (node.nodeid, id(mark))
            marks[key] = (mark, about or marks.get(key, (mark, False))[1])
            if about:
                found.update(_claims(item, node, mark))
    for (nodeid, _), (mark, used) in sorted(marks.items(), key=lambda one: one[0][0]):
        if not used:
            raise BadMark(f"{nodeid}: no test is called {mark.kwargs['tests']!r}")
    return found


def _name(item: pytest.Item) -> str:
    return str(getattr(item, "originalname", None) or item.name)


def _is_about(mark: pytest.Mark, item: pytest.Item) -> bool:
    globs = mark.kwargs.get("tests")
    return globs is None or any(fnmatchcase(_name(item), glob) for glob in globs.split())


def _claims(item: pytest.Item, node: Any, mark: pytest.Mark) -> Iterator[Claim]:
    parameters: Mapping[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    whole = isinstance(node, pytest.Module) and "tests" not in mark.kwargs
    test = (node if whole else item).nodeid.partition("[")[0]
    of = mark.kwargs.get("of")
    if of is not None:
        subjects, status, note = of(parameters)
    else:
        subjects, status, note = (_filled(text, parameters, test) for text in _plain(mark, test))
    if status not in STATUSES:
        raise BadMark(f"{test}: {status!r} is none of {', '.join(STATUSES)}")
    if bool(note) is (status == "exact"):
        raise BadMark(f"{test}: what is exact differs in nothing, what is not differs in something")
    for subject in subjects.split(","):
        yield Claim(subject.strip(), status, note, test)


def _plain(mark: pytest.Mark, test: str) -> tuple[str, str, str]:
    try:
        return _signature(*mark.args, **{k: v for k, v in mark.kwargs.items() if k != "tests"})
    except TypeError as error:
        raise BadMark(f"{test}: {error}; a mark has subjects, a status and what differs") from None


def _signature(subjects: str, status: str, note: str = "") -> tuple[str, str, str]:
    return subjects, status, note


def _filled(text: str, parameters: Mapping[str, Any], test: str) -> str:
    try:
        return text.format_map(parameters)
    except (KeyError, AttributeError) as error:
        raise BadMark(f"{test}: {text!r} has a slot that is no parameter: {error}") from None
