"""The book of a replay: recorded operations by what they mean, where their resources stand, what was used."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bqsim.errors import BigQueryError
from bqsim.record.cassette.cassette import OPERATIONS, Cassette, Entry
from bqsim.record.model import Operation
from bqsim.record.symbols import symbols_of
from bqsim.sim.clock import Clock, RealClock
from bqsim.sim.gate import note
from bqsim.sim.recorder import RECORDING

from .bindings import Bindings, Play
from .matching import CONTENTS, Matching, content_digest
from .near import LOOKED_AT, NearMiss, Recorded, near_misses, short, title_of
from .report import (
    CONTENT,
    DRIFT,
    ORDER,
    REPEATED,
    UNEXPECTED,
    UNUSED,
    Finding,
    Report,
    merged,
)

if TYPE_CHECKING:
    from bqsim.record.redact.redactor import Redactor

# Project that clients are told where nobody chose one and the cassette keeps it secret.
PROJECT = "replayed-project"
# The calls that follow work which was begun before.
FOLLOWING = frozenset(
    {
        "bigquery.jobs.get",
        "bigquery.jobs.getQueryResults",
        "bigquery.jobs.cancel",
        "google.cloud.bigquery.storage.v1.BigQueryRead.ReadRows",
    }
)
# Requests whose meanings are remembered, and how long they may be.
_REMEMBERED, _REMEMBERED_CHARS = 10_000, 4096
# Unused operations that a report names.
_UNUSED_SHOWN = 50


class Unrecorded(BigQueryError):
    """A request that no recorded operation answers; ``near`` are those that are nearest."""

    def __init__(
        self, kind: str, request: Mapping[str, Any], near: Sequence[NearMiss], why: str = ""
    ) -> None:
        self.kind, self.request, self.near, self.why = kind, request, tuple(near), why
        lines = [f"Not recorded: {kind} {title_of(request)}" + (f" ({why})" if why else "")]
        for miss in near:
            lines += miss.lines()
        super().__init__("invalid", "\n".join(lines), location="replay")


class Failed(Exception):
    """A recorded passing failure is to be answered now: ``failure`` is one of an operation's ``failures``."""

    def __init__(self, failure: Mapping[str, Any], operation: str) -> None:
        super().__init__(f"{operation} failed when it was recorded")
        self.failure, self.operation = failure, operation


def is_change(operation: Operation) -> bool:
    """Whether an operation changes something: it is done as often as it was recorded."""
    if operation.changes:
        return True
    if operation.kind != "query" or operation.result.get("error"):
        return False
    # Of queries that were followed by nothing the service tells no more than their statements' types.
    told = (operation.result.get("answer") or {}).get("statementType") or "SELECT"
    return str(told).startswith(_CHANGING)


def _makes(operation: Operation) -> bool:
    """Whether an operation makes what it changes."""
    result = operation.result
    if result.get("error"):
        return False
    if operation.kind == "metadata":
        return str(operation.request.get("method")).endswith(".insert")
    told = ((result.get("job") or {}).get("statistics") or {}).get("query") or result.get("answer") or {}
    return str(told.get("statementType")).startswith("CREATE")


_CHANGING = ("INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "CREATE", "DROP", "ALTER", "LOAD", "EXPORT")


@dataclass(slots=True)
class Recording:
    """A recorded operation in the book: how often it was ``used`` and how many of its passing failures have
    been answered since."""

    cassette: int
    entry: Entry
    used: int = 0
    failed: int = 0
    # Whether no other recording has the same key.
    alone: bool = False
    operation: Operation | None = None
    # The rows of its result, which all uses share.
    result: Any = None

    @property
    def name(self) -> str:
        return f"{self.entry.key}.{self.entry.occurrence}"


@dataclass(frozen=True, slots=True)
class Found:
    """The operation that answers a request, and this use of it."""

    operation: Operation
    play: Play
    recording: Recording

    @property
    def name(self) -> str:
        return self.operation.name


@dataclass(slots=True)
class Book:
    """The operations of cassettes, answered by what requests mean. Thread-safe.

    Operations are parsed when they are asked for first. Of several with one key the one counts whose
    resources stand where the replay's do; those without any in the order of the recording, the last for all
    further requests. ``repeats`` limits how often an operation answers beyond the first time (None: any
    number, but changes are done once, as recorded, unless ``strict`` is off). ``failures`` is
    ``"recorded"`` when passing failures are to be played as well.
    """

    cassettes: Sequence[Cassette]
    project: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    matching: Matching = field(default_factory=Matching)
    strict: bool = True
    repeats: int | None = None
    failures: str = "none"
    clock: Clock = field(default_factory=RealClock)
    mode: str = "none"
    # Whether somebody else answers what was not recorded: then that is no finding.
    open_ended: bool = False
    bindings: Bindings = field(init=False)
    recorded_new: int = 0
    _lock: Any = field(default_factory=threading.RLock, repr=False)
    _index: dict[tuple[str, str], list[Recording]] = field(default_factory=dict, repr=False)
    _by_kind: dict[str, list[Recording]] = field(default_factory=dict, repr=False)
    _cursors: dict[str, int] = field(default_factory=dict, repr=False)
    _findings: list[Finding] = field(default_factory=list, repr=False)
    # By resource, the operation that made it; found when it is asked for.
    _makers: dict[str, str] | None = field(default=None, repr=False)
    _played: int = 0
    _chosen_project: bool = False
    _redactors: list[Redactor] = field(default_factory=list, repr=False)
    # What requests that were found mean, by their texts.
    _known: dict[str, tuple[Any, list[Recording]]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.failures not in ("none", "recorded"):
            raise ValueError(f'failures are "none" or "recorded", not {self.failures!r}')
        recorded: dict[str, str] = {}
        for cassette in self.cassettes:
            named = cassette.header.names.items()
            recorded.update({name.removeprefix("name:"): text for name, text in named})
        self._chosen_project = bool(self.project)
        told = next((c.project for c in self.cassettes if c.project), "")
        self.bindings = Bindings(self.project or told or PROJECT, self.clock, self.names, recorded)
        self.project = self.bindings.project
        for number, cassette in enumerate(self.cassettes):
            for entry in cassette.entries:
                self._by_kind.setdefault(entry.kind, []).append(Recording(number, entry))
        self._build_index()

    @classmethod
    def open(cls, *folders: str | Path, **options: Any) -> Book:
        """The book of the cassettes in folders. ``CassetteError`` for one that cannot be read."""
        return cls([Cassette.open(folder) for folder in folders], **options)

    def _build_index(self) -> None:
        for kind, recordings in self._by_kind.items():
            for recording in recordings:
                key = recording.entry.key
                if not self.matching.plain:
                    key = self.matching.key(kind, self.load(recording).request)
                self._index.setdefault((kind, key), []).append(recording)
        for same in self._index.values():
            if len(same) == 1:
                same[0].alone = True
            else:
                same.sort(key=lambda r: (r.cassette, r.entry.occurrence))

    # Reading

    def know_project(self, project: str) -> None:
        """The client calls the project of its calls so: it is the replay's, where nobody has chosen one."""
        if not self._chosen_project and project and project != self.project:
            self._chosen_project = True
            self.project = project
            self.bindings.rename(project)

    def load(self, recording: Recording) -> Operation:
        """The operation of a recording."""
        operation = recording.operation
        if operation is None:
            with self._lock:
                operation = recording.operation
                if operation is None:
                    operation = self.cassettes[recording.cassette].operation(recording.entry)
                    self.bindings.own(operation, recording.cassette)
                    recording.operation = operation
        return operation

    def cassette_of(self, found: Found) -> Cassette:
        """The cassette that has a found operation, with its blobs."""
        return self.cassettes[found.recording.cassette]

    def operations(self, kind: str) -> Iterator[Operation]:
        """All recorded operations of a kind."""
        return (self.load(recording) for recording in self._by_kind.get(kind, ()))

    def recordings(self, kind: str) -> Sequence[Recording]:
        """All recordings of a kind, in the order of their cassettes."""
        return self._by_kind.get(kind, ())

    def has(self, kind: str, request: Mapping[str, Any], project: str = "") -> bool:
        """Whether a request was recorded."""
        asked = self.bindings.symbolised(dict(request), project)
        return bool(self._same(kind, asked) or self._without_secrets(kind, asked)[1])

    # Finding

    def find(self, kind: str, request: Mapping[str, Any], *, project: str = "", quiet: bool = False) -> Found:
        """The operation that answers ``request`` (as clients name things now), used once more.

        ``project`` is what the client calls the project of its calls. Raises :class:`Unrecorded`, also as a
        finding unless ``quiet``, and :class:`Failed` where a passing failure is to be answered.
        """
        text = repr((kind, project, request))
        known = self._known.get(text)
        words: Mapping[str, str] = {}
        if known is not None:
            asked, same = known
        else:
            asked = self.bindings.symbolised(dict(request), project)
            same = self._same(kind, asked)
            if not same:
                asked, same = self._without_secrets(kind, asked)
            if same and len(text) <= _REMEMBERED_CHARS and len(self._known) < _REMEMBERED:
                self._known[text] = asked, same
            if not same:
                random, words = self.bindings.with_random(asked)
                if words:
                    same = self._same(kind, random)
                    asked = random if same else asked
        with self._lock:
            if not same:
                raise self._unrecorded(kind, asked, "", quiet)
            found = self._use(self._chosen(kind, asked, same, quiet))
            if words:
                self.bindings.take_random(found.play, words)
            return found

    def answers_always(self, recording: Recording) -> bool:
        """Whether what a recording has answered is answered by it for ever."""
        if not recording.alone or self.repeats is not None or self.failures != "none":
            return False
        if recording.entry.kind in CONTENTS:
            return False
        return not (self.strict and is_change(self.load(recording)))

    def use(self, recording: Recording) -> Found:
        """Use an operation that was found by other means."""
        with self._lock:
            return self._use(recording)

    def use_again(self, recording: Recording) -> Found:
        """Use an operation that :meth:`answers_always`, and that was used before."""
        operation = recording.operation
        if operation is None or operation.order or operation.changes:
            return self.use(recording)
        with self._lock:
            recording.used += 1
            self._played += 1
            play = self.bindings.begin(operation, recording.used, self.clock.now_us())
        return Found(operation, play, recording)

    def _without_secrets(self, kind: str, asked: Mapping[str, Any]) -> tuple[Any, list[Recording]]:
        """A request as recordings have it, from which secrets were removed before it was written; as it is
        when it has none."""
        for redactor in self._removing():
            hidden = redactor.value(asked)
            if hidden != asked and (same := self._same(kind, hidden)):
                return hidden, same
        return asked, []

    def _removing(self) -> Sequence[Redactor]:
        """What removed secrets from the cassettes, for each of their policies."""
        from bqsim.record.redact.policy import Policy, PolicyError
        from bqsim.record.redact.redactor import Redactor

        if not self._redactors:
            policies: list[Policy] = []
            for cassette in self.cassettes:
                try:
                    policy = Policy.of(cassette.header.redaction)
                except PolicyError:
                    policy = Policy.default()
                if policy not in policies:
                    policies.append(policy)
            # Rows are no part of requests' keys, so that no key of theirs is needed.
            self._redactors = [Redactor(replace(p, rows=(), rows_default="keep")) for p in policies]
        return self._redactors

    def _same(self, kind: str, asked: Mapping[str, Any]) -> list[Recording]:
        return self._index.get((kind, self.matching.key(kind, asked)), [])

    def _chosen(self, kind: str, asked: Mapping[str, Any], same: list[Recording], quiet: bool) -> Recording:
        if len(same) == 1:
            fresh, chosen = same[0].used == 0, same[0]
        else:
            chosen, fresh = self._among(kind, asked, same)
        operation = self.load(chosen)
        if not fresh:
            if self.strict and is_change(operation):
                why = f"recorded {len(same)} time{'s' if len(same) > 1 else ''}, done as often already"
                raise self._unrecorded(kind, asked, why, quiet)
            if self.repeats is not None and chosen.used > self.repeats:
                self._tell(
                    Finding(REPEATED, chosen.name, title_of(operation.request), f"limit {self.repeats}")
                )
                raise self._unrecorded(kind, asked, f"repeated more than {self.repeats} times", True)
        if kind in CONTENTS:
            self._check_content(kind, asked, chosen, operation)
        return chosen

    def _among(self, kind: str, asked: Mapping[str, Any], same: list[Recording]) -> tuple[Recording, bool]:
        """The recording of several with one key that fits, and whether it is used for the first time."""
        named = {symbol for symbol in symbols_of(dict(asked)) if symbol.of}
        if named:
            # What they name tells those apart whose texts are the same.
            same = [r for r in same if named <= symbols_of(self.load(r).request)] or same
        digest = content_digest(kind, asked) if kind in CONTENTS else ""
        if digest:
            equal = [r for r in same if content_digest(kind, self.load(r).request) == digest]
            same = equal or same
        unused = [r for r in same if not r.used]
        fitting = next((r for r in unused if self.stands(self.load(r))), None)
        if fitting is not None:
            return fitting, True
        used = next((r for r in reversed(same) if r.used and self.stands(self.load(r))), None)
        if used is not None and not is_change(self.load(used)):
            return used, False
        if unused:
            return unused[0], True
        return max(same, key=lambda r: (r.used > 0, r.entry.occurrence)), False

    def stands(self, operation: Operation) -> bool:
        """Whether all resources of an operation stand where they did before it."""
        return all(self._cursors.get(name, 0) == version for name, version in operation.order.items())

    def _check_content(
        self, kind: str, asked: Mapping[str, Any], chosen: Recording, operation: Operation
    ) -> None:
        was, now = content_digest(kind, operation.request), content_digest(kind, asked)
        if not was or not now or was == now:
            return
        detail = f"recorded with other content: {was[:12]}… then, {now[:12]}… now"
        self._tell(Finding(CONTENT, chosen.name, title_of(operation.request), detail))

    def _use(self, recording: Recording) -> Found:
        operation = self.load(recording)
        failures = self.failures_of(operation, first=True)
        if recording.failed < len(failures):
            failure = failures[recording.failed]
            recording.failed += 1
            raise Failed(failure, operation.name)
        recording.failed = 0
        note(**{RECORDING: operation.name})
        recording.used += 1
        self._played += 1
        if not self.stands(operation):
            self._tell(Finding(ORDER, operation.name, title_of(operation.request), self._moved(operation)))
        elif early := self._early(operation):
            self._tell(Finding(ORDER, operation.name, title_of(operation.request), early))
        for resource in operation.changes:
            self._cursors[resource] = (
                max(self._cursors.get(resource, 0), operation.order.get(resource, 0)) + 1
            )
        play = self.bindings.begin(operation, recording.used, self.clock.now_us())
        return Found(operation, play, recording)

    def _early(self, operation: Operation) -> str:
        """What an operation adds to that is not made yet, though it was when it was recorded; '' for all
        others. What only adds has no number for it: additions go together in any order."""
        added = [r for r in operation.changes if r not in operation.order and not self._cursors.get(r)]
        if not added:
            return ""
        if self._makers is None:
            self._makers = dict(self._found_makers())
        return "; ".join(
            f"{resource} was made by {self._makers[resource]} before it was used then, it is not made now"
            for resource in added
            if self._makers.get(resource, operation.name) != operation.name
        )

    def _found_makers(self) -> Iterator[tuple[str, str]]:
        """The resources that operations of the recording made first of all, and the names of these."""
        for number, cassette in enumerate(self.cassettes):
            written = (cassette.folder / OPERATIONS).read_bytes()
            for kind, word in (("metadata", b".insert"), ("query", b'"CREATE')):
                for recording in self._by_kind.get(kind, ()):
                    entry = recording.entry
                    if recording.cassette != number or written.find(word, entry.start, entry.end) < 0:
                        continue
                    operation = recording.operation or self._peek(recording)
                    if _makes(operation):
                        for resource in operation.changes:
                            if operation.order.get(resource) == 0:
                                yield resource, operation.name

    def failures_of(self, operation: Operation, *, first: bool) -> list[Mapping[str, Any]]:
        """The passing failures of an operation that are to be answered: to the ``first`` call of it, or to
        those that follow its work."""
        if self.failures == "none":
            return []
        failures = operation.result.get("failures") or []
        return [f for f in failures if (f.get("method") in FOLLOWING) is not first]

    def _moved(self, operation: Operation) -> str:
        shown = [
            f"{name} had seen {version} changes then, {self._cursors.get(name, 0)} now"
            for name, version in operation.order.items()
            if self._cursors.get(name, 0) != version
        ]
        return "; ".join(shown)

    # Telling

    def _unrecorded(self, kind: str, asked: Mapping[str, Any], why: str, quiet: bool) -> Unrecorded:
        if quiet or self.open_ended:
            return Unrecorded(kind, asked, (), why)
        near = [] if why else self.near(kind, asked)
        error = Unrecorded(kind, asked, near, why)
        self._tell(Finding(UNEXPECTED, "", f"{kind} {title_of(asked)}", why, near=tuple(near)))
        return error

    def near(self, kind: str, asked: Mapping[str, Any]) -> list[NearMiss]:
        """The recorded operations that are most like a request, which is written with symbols."""
        candidates = []
        for recording in self._by_kind.get(kind, ())[:LOOKED_AT]:
            operation = self.load(recording) if recording.operation is not None else self._peek(recording)
            meaning = self.matching.meaning(kind, operation.request)
            candidates.append(Recorded(operation.name, meaning, operation.request))
        return near_misses(self.matching.meaning(kind, asked), asked, candidates)

    def _peek(self, recording: Recording) -> Operation:
        """An operation that is looked at and not kept."""
        return self.cassettes[recording.cassette].operation(recording.entry)

    def _tell(self, finding: Finding) -> None:
        self._findings.append(finding)

    def tell(self, finding: Finding) -> None:
        """Add a finding to the report."""
        with self._lock:
            self._tell(finding)

    def drifted(self, operation: str, title: str, detail: str) -> None:
        """Report that the service answers otherwise now."""
        self.tell(Finding(DRIFT, operation, title, detail))

    def unexpected(self, title: str, detail: str = "") -> None:
        """Report a request that was not recorded, and that :meth:`find` was not asked for."""
        if not self.open_ended:
            self.tell(Finding(UNEXPECTED, "", title, detail))

    def report(self) -> Report:
        """What was made of the cassettes so far."""
        with self._lock:
            recordings = [r for same in self._by_kind.values() for r in same]
            unused = [r for r in recordings if not r.used]
            findings = list(self._findings)
            for recording in unused[:_UNUSED_SHOWN]:
                operation = self._peek(recording) if recording.operation is None else recording.operation
                title = f"{recording.entry.kind} {title_of(operation.request)}"
                findings.append(Finding(UNUSED, recording.name, title))
            if len(unused) > _UNUSED_SHOWN:
                rest = len(unused) - _UNUSED_SHOWN
                findings.append(Finding(UNUSED, "", short(f"{rest} further operations"), count=rest))
            return Report(
                tuple(str(c.folder) for c in self.cassettes),
                self.mode,
                len(recordings),
                len(recordings) - len(unused),
                self._played,
                merged(findings),
                self.recorded_new,
                self.strict,
            )
