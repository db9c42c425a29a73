"""Contract checks: the operations of a cassette or a suite sent to endpoints, and their answers compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bqsim.record.cassette.cassette import Cassette
from bqsim.record.model import Operation

from .bound import Bound
from .comparing import Difference
from .judging import Judge
from .rules import Rule, RuleBook, rule_book
from .sending import Sender
from .suites import Suite, is_suite
from .targets import Target, opened

EQUAL, ALLOWED, DIFFERS, SKIPPED, BROKEN = "equal", "allowed", "differs", "skipped", "broken"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one endpoint did with one operation: ``verdict`` is one of the constants above, ``why`` tells of
    what was skipped or broken. ``differences`` include those that rules allow."""

    operation: str
    kind: str
    title: str
    endpoint: str
    verdict: str
    differences: tuple[Difference, ...] = ()
    why: str = ""

    @property
    def failing(self) -> list[Difference]:
        """The differences that no rule allows."""
        return [d for d in self.differences if not d.rule]


@dataclass(slots=True)
class Result:
    """All outcomes, by operation in their order, then by endpoint in the order given."""

    source: str
    endpoints: list[str]
    outcomes: list[Outcome] = field(default_factory=list)
    unused: list[Rule] = field(default_factory=list)
    expired: list[Rule] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing differs but what rules allow, nothing broke, and no rule has expired."""
        return not self.expired and all(o.verdict not in (DIFFERS, BROKEN) for o in self.outcomes)

    @property
    def exit_code(self) -> int:
        """0 when all is well, else 1."""
        return 0 if self.ok else 1

    def count(self, verdict: str, endpoint: str = "") -> int:
        """How many outcomes have a verdict."""
        return sum(o.verdict == verdict and endpoint in ("", o.endpoint) for o in self.outcomes)

    def text(self) -> str:
        """The report for a terminal."""
        from .report import text

        return text(self)

    def json(self) -> str:
        """The report as JSON."""
        from .report import as_json

        return as_json(self)

    def junit(self) -> str:
        """The report as JUnit XML."""
        from .report import junit

        return junit(self)

    def html(self) -> str:
        """The report as a page."""
        from .report import page

        return page(self)


def check(
    source: str | Path | Cassette | Suite,
    targets: Sequence[str | Target],
    rules: str | Path | Mapping[str, Any] | RuleBook | None = None,
    *,
    project: str = "",
    names: Mapping[str, str] | None = None,
    form: bool = True,
) -> Result:
    """Send the operations of a cassette (its folder) or a suite (its YAML file) to ``targets``
    (:func:`bqsim.contract.targets.opened`) and compare what they answer with what was recorded or
    is expected.

    ``rules`` allow differences (:mod:`bqsim.contract.rules`); ``names`` are what the names of the cassette
    are called here (``{"orders": "orders_ci"}``); ``form``: answers must also be as the API's schema says.
    :class:`bqsim.contract.errors.ContractError` for what cannot be used.
    """
    book = rules if isinstance(rules, RuleBook) else rule_book(rules)
    given = _opened_source(source)
    with ExitStack() as stack:
        texts = [target for target in targets if isinstance(target, str)]
        made = iter(stack.enter_context(opened(texts, project)))
        places = [next(made) if isinstance(target, str) else target for target in targets]
        result = Result(given.name, [place.name for place in places], rules=book.own)
        found = {place.name: _run(given, place, book, names or {}, form) for place in places}
        for at in range(len(given.operations)):
            result.outcomes += [found[place.name][at] for place in places]
    result.unused, result.expired = book.unused, book.expired
    return result


@dataclass(slots=True)
class _Source:
    """``rows`` gives the expected rows of an operation, None when it tells none."""

    name: str
    operations: list[Operation]
    titles: dict[str, str]
    blob: Any
    names: Mapping[str, str]
    partial: bool

    def rows(self, operation: Operation, schema: Any) -> Any:
        """``schema`` is the one that is taken where none was recorded: reads of tables tell none."""
        from bqsim.replay.rows import RecordedRows

        stretches = operation.result.get("rows")
        if not stretches:
            return None
        return RecordedRows(_Blobs(self.blob), stretches, operation.result.get("schema") or schema)


class _Blobs:
    def __init__(self, blob: Any) -> None:
        self.blob = blob


def _opened_source(source: str | Path | Cassette | Suite) -> _Source:
    if isinstance(source, (str, Path)):
        source = Suite.load(source) if is_suite(Path(source)) else Cassette.open(source)
    if isinstance(source, Suite):
        titles = {o.name: title for o, title in zip(source.operations, source.titles, strict=True)}
        return _Source(source.name, source.operations, titles, source.blob, source.names, True)
    operations = causal(source.operations())
    titles = {operation.name: title_of(operation) for operation in operations}
    return _Source(source.folder.name, operations, titles, source.blob, source.header.names, False)


def causal(operations: Iterable[Operation]) -> list[Operation]:
    """Operations in an order in which each finds the changes done that it found when it was recorded: as they
    began where the recording's figures are there, else by the changes that they tell of."""
    waiting = list(operations)
    begun = {o.name: (o.measures.get("at") or {}).get("start_s") for o in waiting}
    if all(isinstance(start, (int, float)) for start in begun.values()):
        return sorted(waiting, key=lambda o: float(begun[o.name] or 0))
    done: dict[str, int] = {}
    out = []
    while waiting:
        # Those that read what is there now come before those that change it.
        ready = [o for o in waiting if all(done.get(name, 0) >= n for name, n in o.order.items())]
        readers = (o for o in ready if not o.changes)
        following = next(readers, None) or next(iter(ready), waiting[0])
        waiting.remove(following)
        for name in following.changes:
            done[name] = done.get(name, 0) + 1
        out.append(following)
    return out


def _run(
    source: _Source, target: Target, book: RuleBook, names: Mapping[str, str], form: bool
) -> list[Outcome]:
    from bqsim.sim.draws import Draws

    known = {name.removeprefix("name:"): value for name, value in {**source.names, **names}.items()}
    bound = Bound(target.project, known, Draws(None))
    sender, judge = Sender(target, bound, source.blob), Judge(bound, source.partial)
    out = []
    for operation in source.operations:
        seen = sender.send(operation)
        differences: tuple[Difference, ...] = ()
        if seen.broken:
            verdict, why = BROKEN, seen.broken
        elif seen.skipped:
            verdict, why = SKIPPED, seen.skipped
        else:
            found = [*judge.differences(operation, seen, source.rows(operation, seen.result.get("schema")))]
            if form:
                found += judge.form(seen)
            differences = tuple(book.apply(d, operation, target.name) for d in found)
            failing = any(not d.rule for d in differences)
            verdict = DIFFERS if failing else ALLOWED if _by_user(differences, book) else EQUAL
            why = ""
        title = source.titles[operation.name]
        out.append(Outcome(operation.name, operation.kind, title, target.name, verdict, differences, why))
    return out


def _by_user(differences: Iterable[Difference], book: RuleBook) -> bool:
    own = {rule.id for rule in book.own}
    return any(difference.rule in own for difference in differences)


def title_of(operation: Operation) -> str:
    """What an operation is about, in a line."""
    request = operation.request
    sql = request.get("sql")
    if sql:
        line = " ".join(str(sql).split())
        return line if len(line) <= 100 else line[:99] + "…"
    if operation.kind in ("metadata", "object"):
        return f"{request.get('method', '')} {request.get('resource', '')}".strip()
    if request.get("table"):
        return f"{operation.kind} {request['table']}"
    work = (request.get("configuration") or {}).get(operation.kind) or {}
    target = work.get("destinationTable") or work.get("sourceTable") or {}
    parts = [str(target[name]) for name in ("datasetId", "tableId") if name in target]
    if parts:
        return f"{operation.kind} {'.'.join(parts)}"
    return str(request.get("target") or operation.kind)
