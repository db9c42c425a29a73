"""The conditions of a rule that depend on the event alone, compiled to tests of its facts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Any

from bqsim.sim.scenario.model import Match, Rule

from .classes import events_of, states_of
from .facts import Facts
from .sqltext import sql_fingerprint

Test = Callable[[Facts], bool]
TextTest = Callable[[str], bool]

_HEX16 = re.compile(r"[0-9a-f]{16}")


PLACE, SQL, REST = "place", "sql", "rest"


@dataclass(frozen=True, slots=True)
class Condition:
    """``name`` is the field of the match; ``wanted`` and ``given`` are for explanations.

    ``part`` says what it depends on: PLACE is where the call goes, who makes it, its labels and headers; SQL
    is the text of its query; REST is what differs from event to event.
    """

    name: str
    wanted: str
    test: Test
    given: Callable[[Facts], Any]
    part: str = PLACE


def is_literal(glob: str) -> bool:
    """Whether ``glob`` stands for itself only."""
    return not any(c in glob for c in "*?[")


@lru_cache(maxsize=8192)
def glob_test(glob: str) -> TextTest:
    """A test of a text by a shell pattern: ``*`` any text, ``?`` one character, ``[ab]`` one of those."""
    if is_literal(glob):
        return glob.__eq__
    if glob == "*":
        return lambda text: True
    inner = glob.strip("*")
    if is_literal(inner) and "**" not in glob:
        if glob[0] == "*" == glob[-1]:
            return lambda text: inner in text
        if glob[-1] == "*":
            return lambda text: text.startswith(inner)
        return lambda text: text.endswith(inner)
    matches = re.compile(translate(glob)).match
    return lambda text: matches(text) is not None


def any_glob(globs: Iterable[str]) -> TextTest:
    """A test whether one of ``globs`` matches."""
    tests = tuple(glob_test(g) for g in globs)
    if len(tests) == 1:
        return tests[0]
    return lambda text: any(test(text) for test in tests)


def method_condition(match: Match) -> Condition:
    """The condition on the API method id, which the index has held already for its candidates."""
    test = any_glob(match.method)
    return Condition("method", _or(match.method), lambda f: test(f.method), lambda f: f.method)


def conditions_of(rule: Rule) -> tuple[Condition, ...]:
    """The conditions of ``rule`` besides its events and methods, the cheapest first."""
    match = rule.match
    return tuple(
        condition
        for make in (_addresses, _states, _texts, _offsets, _statements)
        for condition in make(rule, match)
    )


def _addresses(rule: Rule, match: Match) -> Iterable[Condition]:
    if match.transport:
        transports = frozenset(match.transport)
        yield Condition(
            "transport", _or(match.transport), lambda f: f.transport in transports, lambda f: f.transport
        )
    if match.project:
        project = any_glob(match.project)
        yield Condition("project", _or(match.project), lambda f: project(f.project), lambda f: f.project)
    if match.scope:
        scope = any_glob(match.scope)
        yield Condition("scope", _or(match.scope), lambda f: scope(f.scope), lambda f: f.scope)
    if match.resource:
        resource = any_glob(match.resource)
        yield Condition("resource", _or(match.resource), lambda f: resource(f.resource), lambda f: f.resource)
    if match.caller:
        caller = any_glob(match.caller)
        yield Condition("caller", _or(match.caller), lambda f: caller(f.caller), lambda f: f.caller)
    if match.client:
        client = any_glob(match.client)
        yield Condition(
            "client", _or(match.client), lambda f: any(map(client, f.clients)), lambda f: f.clients
        )


def _states(rule: Rule, match: Match) -> Iterable[Condition]:
    if wanted := states_of(rule):
        states = frozenset(wanted)
        yield Condition("state", _or(wanted), lambda f: f.state in states, lambda f: f.state, part=REST)


def _texts(rule: Rule, match: Match) -> Iterable[Condition]:
    for name, glob in match.headers.items():
        yield _header(name.lower(), glob)
    for name, glob in match.labels.items():
        yield _label(name, glob)


def _header(name: str, glob: str) -> Condition:
    test = glob_test(glob)

    def holds(facts: Facts) -> bool:
        value = facts.headers.get(name)
        return value is not None and test(value)

    return Condition("headers", f"{name}: {glob}", holds, lambda f: f.headers.get(name))


def _label(name: str, glob: str) -> Condition:
    test = glob_test(glob)

    def holds(facts: Facts) -> bool:
        value = facts.labels.get(name)
        return isinstance(value, str) and test(value)

    return Condition("labels", f"{name}: {glob}", holds, lambda f: f.labels.get(name))


def _offsets(rule: Rule, match: Match) -> Iterable[Condition]:
    """Rows (bytes) that are about to go hold when one of them is at the offset or behind it."""
    if match.offset_rows is not None:
        row = match.offset_rows
        yield Condition(
            "offset_rows",
            f"row {row} or later",
            lambda f: f.offset_rows is not None and f.offset_rows + max(f.rows - 1, 0) >= row,
            lambda f: f.offset_rows,
            part=REST,
        )
    if match.offset_bytes is not None:
        byte = match.offset_bytes
        yield Condition(
            "offset_bytes",
            f"byte {byte} or later",
            lambda f: f.offset_bytes is not None and f.offset_bytes + max(f.size - 1, 0) >= byte,
            lambda f: f.offset_bytes,
            part=REST,
        )


def _statements(rule: Rule, match: Match) -> Iterable[Condition]:
    # The type of a job and of its statement is known better when it runs than from the request.
    if match.job_type:
        jobs = frozenset(match.job_type)
        yield Condition(
            "job_type", _or(match.job_type), lambda f: f.job_type in jobs, lambda f: f.job_type, part=REST
        )
    if match.statement_type:
        types = frozenset(match.statement_type)
        yield Condition(
            "statement_type",
            _or(match.statement_type),
            lambda f: f.statement_type in types,
            lambda f: f.statement_type,
            part=REST,
        )
    if match.sql is not None:
        search = re.compile(match.sql).search
        yield Condition("sql", match.sql, lambda f: search(f.sql) is not None, lambda f: _short(f.sql), SQL)
    if match.fingerprint:
        prints = fingerprints_of(match)
        yield Condition(
            "fingerprint",
            _or(match.fingerprint),
            lambda f: f.sql_fingerprint in prints,
            lambda f: f.sql_fingerprint,
            SQL,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A rule ready to be asked. ``keys`` are exact values that its events must have, for the index."""

    rule: Rule
    events: tuple[str, ...]
    conditions: tuple[Condition, ...]
    method: TextTest | None
    place: tuple[Test, ...]
    sql: tuple[Test, ...]
    rest: tuple[Test, ...]
    keys: Mapping[str, Sequence[str]]

    def missed(self, facts: Facts) -> Condition | None:
        """The first condition that fails, its method's included."""
        if self.rule.match.method:
            condition = method_condition(self.rule.match)
            if not condition.test(facts):
                return condition
        return next((c for c in self.conditions if not c.test(facts)), None)


def compile_rule(rule: Rule) -> Compiled:
    """``rule`` compiled. Raises ``re.error`` for a regular expression that is none."""
    conditions = conditions_of(rule)
    match = rule.match
    return Compiled(
        rule,
        events_of(rule),
        conditions,
        any_glob(match.method) if match.method else None,
        tuple(c.test for c in conditions if c.part == PLACE),
        tuple(c.test for c in conditions if c.part == SQL),
        tuple(c.test for c in conditions if c.part == REST),
        _keys(match),
    )


def _keys(match: Match) -> dict[str, Sequence[str]]:
    """By kind of key, the most telling first: values of which the event must have one."""
    keys: dict[str, Sequence[str]] = {}
    for kind, texts in (("label", match.labels), ("header", match.headers)):
        for name, glob in texts.items():
            if is_literal(glob):
                keys[f"{kind}:{name.lower() if kind == 'header' else name}"] = (glob,)
    if match.resource and all(map(folder, match.resource)):
        keys["resource"] = tuple(dict.fromkeys(map(folder, match.resource)))
    for name, globs in (("scope", match.scope), ("project", match.project), ("caller", match.caller)):
        if globs and all(map(is_literal, globs)):
            keys[name] = tuple(dict.fromkeys(globs))
    return keys


def fingerprints_of(match: Match) -> frozenset[str]:
    """The fingerprints that ``match`` asks for, each given as such or as SQL."""
    return frozenset(v if _HEX16.fullmatch(v) else sql_fingerprint(v) for v in match.fingerprint)


def folder(glob: str) -> str:
    """The folder of all resources that ``glob`` can match: its literal beginning up to a '/'; '' if none."""
    wild = min((glob.find(c) for c in "*?[" if c in glob), default=len(glob))
    beginning = glob[:wild] if wild < len(glob) else glob + "/"
    found = beginning[: beginning.rfind("/") + 1]
    return found if found.count("/") > 1 else ""


def _or(values: Sequence[str]) -> str:
    return " or ".join(values)


def _short(sql: str) -> str:
    return sql if len(sql) <= 200 else sql[:200] + "…"
