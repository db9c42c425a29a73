"""Scripts rehearsed: each statement is measured in the state that those before it leave behind.

The bench's tables are put back afterwards. What a statement does to tables with rows is done; tables without
rows (shadows) keep their figures, their clones and plain copies get the same ones. Conditions are evaluated
where they need no rows of shadows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .model import LOWER_BOUND, UNKNOWN, Estimate, Query
from .structure import parsed
from .temporary import Made

if TYPE_CHECKING:
    from bqsim.seeding import Api
    from bqsim.sql.googlesql.script_tree import ScriptNode

# Statements that are measured of one script; loops may have no end.
MOST = 300
# Statements that have others in them.
CONTROL = frozenset(("IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR", "BLOCK"))
_SNAPSHOT = re.compile(r"(?i)^(\s*CREATE\s+)SNAPSHOT\s+TABLE\b")
_SHADOW = "is a shadow table"
_RESULTS = ("destinationTable", "writeDisposition", "createDisposition", "createSession", "dryRun")


@dataclass(frozen=True, slots=True)
class Stage:
    """What a rehearsal needs of a simulator: ``parse`` gives the statements of a text, ``twin`` gives a
    table (``project.dataset.table``) the figures of another one, which it tells whether it has any;
    ``remote`` tells whether there are functions that call others."""

    parse: Callable[[str], Sequence[ScriptNode]]
    twin: Callable[[str, str], bool]
    remote: Callable[[], bool]


class _Left(Exception):
    """A loop, a block or the script is left: ``how`` is BREAK, CONTINUE or RETURN."""

    def __init__(self, how: str, label: str = "") -> None:
        super().__init__(how)
        self.how, self.label = how, label


@dataclass(slots=True)
class Rehearsal:
    """One script. ``ask`` measures queries as they are now."""

    api: Api
    stage: Stage
    query: Query
    ask: Callable[[Sequence[Query]], list[Estimate]]
    changed_by: Callable[[str], set[str]]
    found: list[Estimate] = field(default_factory=list)
    _session: list[dict[str, str]] = field(default_factory=list)
    _made: Made = field(default_factory=Made)
    _shadows: set[str] = field(default_factory=set)
    _changed: set[str] = field(default_factory=set)
    _count: int = 0
    _inner: int = 0
    _missed: int = 0
    _open: int = 0
    _endless: bool = False
    _kept: bool = False
    _stale: bool = False
    _last: Mapping[str, Any] = field(default_factory=dict)

    def run(self, nodes: Sequence[ScriptNode]) -> Rehearsal:
        """Go through the script, and put everything back."""
        api = self.api
        snapshot = api.control("POST", "snapshots", {})["id"]
        try:
            begun = api.query("SELECT 1", createSession=True)
            session = begun["statistics"]["sessionInfo"]["sessionId"]
            self._session = [{"key": "session_id", "value": session}]
            shadows = api.control("GET", f"shadows?project={self._project}")["tables"]
            self._shadows = {f"{self._project}.{name}" for name in shadows}
            with suppress(_Left):
                self._walk(nodes)
        finally:
            api.control("POST", f"snapshots/{snapshot}/restore", {})
            api.control("DELETE", f"snapshots/{snapshot}")
        return self

    @property
    def accuracy(self) -> str:
        """What is known of the whole, beside what the estimates of statements say; '' for nothing more."""
        if self._inner or self._missed or self._open or self._endless or self._kept:
            return LOWER_BOUND
        return UNKNOWN if self._stale else ""

    @property
    def notes(self) -> Iterator[str]:
        """What is not counted, in words."""
        if self._stale:
            yield "statements read what earlier ones change: their sizes are those before"
        if self._inner:
            yield (
                f"{self._inner} of {self._count} statements read tables of the script: these reads are not "
                "counted"
            )
        if self._missed:
            yield f"{self._missed} of {self._count} statements depend on earlier ones: they are not counted"
        if self._open:
            yield f"{self._open} conditions or loops depend on rows: what they may run is not all counted"
        if self._kept:
            yield "nothing is run while there are remote functions: effects of statements are not counted"
        if self._endless:
            yield f"the script has not ended after {MOST} statements: the others are not counted"

    @property
    def _project(self) -> str:
        return self.query.project or self.api.project

    # Control flow

    def _walk(self, nodes: Sequence[ScriptNode]) -> None:
        for node in nodes:
            step = _STEPS.get(str(node.kind))
            if step is None:
                self._statement(node.span.text)
            else:
                step(self, node)

    def _if(self, node: ScriptNode) -> None:
        operand = f"({node.expression.text}) = " if node.expression is not None else ""
        for branch in node.branches:
            if branch.condition is not None:
                true = self._truth(f"{operand}({branch.condition.text})")
                if true is None:
                    # What one of the branches reads is not known: the script reads at least the rest.
                    self._open += 1
                    return
                if not true:
                    continue
            self._walk(branch.body)
            return

    def _loop(self, node: ScriptNode) -> None:
        kind = str(node.kind)
        while not self._endless:
            if kind == "WHILE" and not self._goes_on(node):
                return
            try:
                with _labelled(node):
                    self._walk(node.body)
            except _Left as left:
                if left.how == "BREAK":
                    return
                if left.how != "CONTINUE":
                    raise
            if kind == "REPEAT" and not self._goes_on(node, ends=True):
                return
            self._bounded()

    def _goes_on(self, node: ScriptNode, ends: bool = False) -> bool:
        true = self._truth(node.expression.text) if node.expression is not None else None
        if true is None:
            self._open += 1
            return False
        return true is not ends

    def _for(self, node: ScriptNode) -> None:
        """Only what the query of the loop reads: what it finds is not known to the session."""
        if node.expression is not None:
            self._statement(node.expression.text)
        self._open += 1

    def _block(self, node: ScriptNode) -> None:
        with _labelled(node):
            self._walk(node.body)

    def _leave(self, node: ScriptNode) -> None:
        raise _Left(str(node.kind), node.label)

    def _bounded(self) -> None:
        self._count += 1
        if self._count >= MOST:
            self._endless = True
            raise _Left("RETURN")

    def _truth(self, condition: str) -> bool | None:
        """Whether a condition holds; None when that depends on rows that are not there."""
        text = f"SELECT IFNULL(({condition}), FALSE) AS c"
        one = self._asked(text)
        if one.error or self._run(f"ASSERT TRUE AS 'x'; {text}") not in ("", None):
            return None
        if one.bytes_processed:
            self.found.append(one)
        return self._run(f"ASSERT IFNULL(({condition}), FALSE)") == ""

    # Statements

    def _asked(self, text: str) -> Estimate:
        return self._all_asked([text])[0]

    def _all_asked(self, texts: Sequence[str]) -> list[Estimate]:
        configuration = {**self.query.configuration, "connectionProperties": self._session}
        return self.ask([replace(self.query, sql=t, runs=(), configuration=configuration) for t in texts])

    def _statement(self, text: str) -> None:
        self._bounded()
        one = self._asked(text)
        written = self._written_out(text) if one.error else None
        inside = self._made.take(text)
        if one.error and written is None and inside is not None:
            one = self._asked(inside)
        failed = self._run(text)
        if failed and _SHADOW in failed:
            self._stand_in(text)
        if written is not None:
            one, self._inner = written, self._inner + 1
        elif one.error:
            self._missed += 1
            return
        if not failed and not self._shadowy(one):
            one = self._measured(one)
        self._stale |= any(table.table in self._changed for table in one.tables)
        self._changed |= self.changed_by(text) & self._shadows
        # Tables of the session have names that nobody gave them.
        own = tuple(t for t in one.tables if not t.table.split(".")[1].startswith("_"))
        self.found.append(replace(one, tables=own))

    def _shadowy(self, one: Estimate) -> bool:
        return any(table.table in self._shadows for table in one.tables)

    def _measured(self, one: Estimate) -> Estimate:
        """What was processed when it ran, of tables that have all their rows."""
        told = self._last
        if "totalBytesProcessed" not in told:
            return one
        processed, billed = int(told["totalBytesProcessed"]), int(told.get("totalBytesBilled") or 0)
        if (processed, billed) == (one.bytes_processed, one.bytes_billed):
            return one
        return replace(one, bytes_processed=processed, bytes_billed=billed, bytes_at_most=processed)

    def _run(self, text: str) -> str | None:
        """Run a statement in the session; why it failed, '' when it did not."""
        from bqsim.seeding import ApiError

        if self.stage.remote():
            self._kept = True
            return "there are remote functions"
        members = {k: v for k, v in self.query.configuration.items() if k not in _RESULTS}
        members.pop("maximumBytesBilled", None)
        members |= {"connectionProperties": self._session, "useQueryCache": False}
        dataset = self.query.dataset.rpartition(".")
        if dataset[2] and "defaultDataset" not in members:
            members["defaultDataset"] = {"projectId": dataset[0] or self._project, "datasetId": dataset[2]}
        try:
            job = self.api.within(self._project).query(text, **members)
        except ApiError as error:
            return str(error) or "it failed"
        self._last = job["statistics"].get("query") or {}
        return ""

    def _stand_in(self, text: str) -> None:
        """Make the clone or plain copy of a shadow: a table like it with its figures."""
        found = copied(text)
        if found is None:
            return
        names = [self._full(found.source)]
        if self._run(f"CREATE{found.words} TABLE {_quoted(found.target)} LIKE {_quoted(found.source)}"):
            return
        names.append(self._full(found.target))
        if all(names) and self.stage.twin(*names):
            self._shadows.add(names[1])
            # What is read of it is known.
            self._made.forget(found.target)

    def _full(self, name: str) -> str:
        """A table with its project and dataset, which a session may have given it."""
        tables = self._asked(f"SELECT * FROM {_quoted(name)}").tables
        return tables[0].table if len(tables) == 1 else ""

    def _written_out(self, part: str) -> Estimate | None:
        """A statement that reads tables which the script makes of shadows: what it reads of others."""
        written = self._made.written_out(part)
        if written is None:
            return None
        text, used = written
        whole, *parts = self._all_asked([text, *used])
        if whole.error or any(e.error for e in parts):
            return None
        counted = {t.table: t.bytes or 0 for e in parts for t in e.tables}
        processed = max(0, whole.bytes_processed - sum(e.bytes_processed for e in parts))
        tables = tuple(t for t in whole.tables if (t.bytes or 0) > counted.get(t.table, -1))
        billed = max(0, whole.bytes_billed - sum(e.bytes_billed for e in parts))
        return replace(
            whole, bytes_processed=processed, bytes_billed=billed, bytes_at_most=processed, tables=tables
        )


@contextmanager
def _labelled(node: ScriptNode) -> Iterator[None]:
    """``BREAK label`` ends what has the label; ``CONTINUE label`` goes on with it."""
    try:
        yield
    except _Left as left:
        if not left.label or left.label.casefold() != node.label.casefold():
            raise
        if str(node.kind) != "BLOCK":
            raise _Left(left.how) from None


_STEPS: Mapping[str, Callable[[Rehearsal, Any], None]] = {
    "IF": Rehearsal._if,
    "CASE": Rehearsal._if,
    "LOOP": Rehearsal._loop,
    "WHILE": Rehearsal._loop,
    "REPEAT": Rehearsal._loop,
    "FOR": Rehearsal._for,
    "BLOCK": Rehearsal._block,
    "BREAK": Rehearsal._leave,
    "CONTINUE": Rehearsal._leave,
    "RETURN": Rehearsal._leave,
}


@dataclass(frozen=True, slots=True)
class Copied:
    """A table that is made as another one: ``words`` stand between CREATE and TABLE."""

    target: str
    source: str
    words: str = ""


def copied(sql: str) -> Copied | None:
    """What a statement makes a clone, a snapshot or a whole copy of; None for other statements."""
    from sqlglot import expressions as exp

    trees = parsed(_SNAPSHOT.sub(r"\1TABLE", sql))
    tree = trees[0] if len(trees) == 1 else None
    if not isinstance(tree, exp.Create) or tree.kind != "TABLE" or not isinstance(tree.this, exp.Table):
        return None
    clone, query = tree.args.get("clone"), tree.expression
    source = clone.this if clone is not None else _whole_of(query)
    if not isinstance(source, exp.Table) or source.args.get("when") or source.args.get("version"):
        return None
    properties = tree.args.get("properties")
    temporary = properties is not None and properties.find(exp.TemporaryProperty) is not None
    words = (" OR REPLACE" if tree.args.get("replace") else "") + (" TEMP" if temporary else "")
    return Copied(_name(tree.this), _name(source), words)


def _whole_of(query: Any) -> Any:
    """The table that ``SELECT * FROM t`` reads, when it does nothing else."""
    from sqlglot import expressions as exp

    if not isinstance(query, exp.Select) or not query.is_star or len(query.expressions) != 1:
        return None
    told = {name for name, value in query.args.items() if value} - {"expressions", "from", "from_", "kind"}
    source = query.args.get("from") or query.args.get("from_")
    star = query.expressions[0]
    if told or not isinstance(star, exp.Star) or any(star.args.values()):
        return None
    return source.this if source is not None and not source.this.args.get("joins") else None


def _name(table: Any) -> str:
    return ".".join(part.name for part in table.parts)


def _quoted(name: str) -> str:
    return f"`{name}`"
