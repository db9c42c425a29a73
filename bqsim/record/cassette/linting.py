"""What is wrong with a cassette that is kept in a repository: secrets, damage, age."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bqsim.record.model import BLOB, Operation
from bqsim.record.redact.policy import KEEP, Policy
from bqsim.record.redact.redactor import Redactor
from bqsim.record.redact.scan import leaks, shown

from .cassette import BLOBS, OPERATIONS, Cassette, measures_path
from .editing import changes_of, needed
from .errors import CassetteError
from .header import FILE
from .scanning import line_of

ERROR, WARNING = "error", "warning"
LEAK, DAMAGE, REFERENCE, ORDER, AGE, LEFT = "leak", "damage", "reference", "order", "age", "left"
_OWN = (FILE, OPERATIONS)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong: ``severity`` is error or warning, ``what`` one of leak, damage, reference, order, age
    and left (over); ``kind`` is that of the secret."""

    severity: str
    what: str
    path: str
    line: int
    message: str
    kind: str = ""

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.severity}: {self.message}"


@dataclass(frozen=True, slots=True)
class Ages:
    """How old a cassette may be: days until a warning and until an error; the API revision and the clients
    that it should be of."""

    warn_days: int | None = None
    fail_days: int | None = None
    revision: str = ""
    clients: tuple[str, ...] = ()


_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}


def days_of(text: str) -> int:
    """``90d``, ``12w``, ``6m``, ``1y`` or a number of days. ValueError for other texts."""
    found = re.fullmatch(r"(\d{1,5})([dwmy]?)", text.strip().lower())
    if not found:
        raise ValueError(f"{text!r} is no age: write 90d, 12w, 6m or 1y")
    return int(found[1]) * _DAYS[found[2] or "d"]


def lint(
    folder: str | Path, policy: Policy | None = None, *, today: dt.date, ages: Ages | None = None
) -> list[Finding]:
    """All that is wrong with the cassette in ``folder``; one that cannot be opened has one finding, and what
    its files leak."""
    place = Path(folder)
    lint_ = _Lint(place, policy or Policy.default())
    try:
        cassette = Cassette.open(place)
    except CassetteError as error:
        lint_.error(error)
        for path in (place / FILE, place / OPERATIONS):
            if path.is_file():
                lint_.raw(path)
    else:
        lint_.cassette(cassette)
        lint_.age(cassette, today, ages or Ages())
    return lint_.findings


class _Lint:
    def __init__(self, folder: Path, policy: Policy) -> None:
        # What becomes of rows is no matter any more: only what is secret by its form or name.
        self.folder, self.policy = folder, replace(policy, rows_default=KEEP, rows=())
        self.findings: list[Finding] = []
        self._found: list[tuple[str, str]] = []
        self._redactor = Redactor(
            self.policy, key=b"lint", seen=lambda kind, secret: self._found.append((kind, secret))
        )

    def add(self, severity: str, what: str, path: Path, message: str, line: int = 0, kind: str = "") -> None:
        finding = Finding(severity, what, str(path), line, message, kind)
        if finding not in self.findings:
            self.findings.append(finding)

    def error(self, error: CassetteError) -> None:
        self.add(ERROR, DAMAGE, error.place, f"{error.problem}. {error.remedy}", error.line or 0)

    def leak(self, path: Path, kind: str, secret: str, line: int, of: str = "") -> None:
        about = f" in operation {of}" if of else ""
        self.add(ERROR, LEAK, path, f"{kind}{about}: {shown(secret)}", line, kind)

    def raw(self, path: Path) -> None:
        """Look for secrets in a file, whatever it holds."""
        for leak in leaks(path.read_bytes(), "", self.policy):
            line = int(leak.where.removeprefix("line ")) if leak.where.startswith("line ") else 0
            self.add(ERROR, LEAK, path, f"{leak.kind}: {leak.shown}", line, leak.kind)

    def cassette(self, cassette: Cassette) -> None:
        self._header(cassette)
        operations: list[Operation] = []
        path = self.folder / OPERATIONS
        for entry in cassette.entries:
            try:
                operation = cassette.operation(entry)
            except CassetteError as error:
                self.error(error)
                continue
            self._operation(operation, path, entry.start, entry.end)
            operations.append(_light(operation))
        self._orders(cassette, operations)
        self._blobs(cassette)
        beside = measures_path(self.folder)
        if beside.is_file():
            self.raw(beside)
        self._left_over()

    def _header(self, cassette: Cassette) -> None:
        path = self.folder / FILE
        header = cassette.header
        # The names of rules are not secret, though they may be called as secrets are.
        members = {"clients": header.clients, "names": list(header.names.values())}
        text = path.read_bytes()
        for kind, secret in self._secrets(members):
            self.leak(path, kind, secret, _line(text, secret, 1))

    def _secrets(self, value: Any) -> list[tuple[str, str]]:
        self._found.clear()
        self._redactor.value(value)
        return list(dict.fromkeys(self._found))

    def _operation(self, operation: Operation, path: Path, start: int, end: int) -> None:
        value = [_plain(operation.request), _plain(operation.result), operation.exchanges]
        found = self._secrets({"operation": value})
        if not found:
            return
        first = line_of(path, start)
        with path.open("rb") as file:
            file.seek(start)
            text = file.read(end - start)
        for kind, secret in found:
            self.leak(path, kind, secret, _line(text, secret, first), operation.name)

    def _orders(self, cassette: Cassette, operations: list[Operation]) -> None:
        path = self.folder / OPERATIONS
        counts = changes_of(operations)
        names = {operation.name for operation in operations}
        places = {entry.name: entry.start for entry in cassette.entries}
        for operation in operations:
            for resource, number in operation.order.items():
                if (
                    not isinstance(number, int)
                    or isinstance(number, bool)
                    or not 0 <= number <= counts[resource]
                ):
                    line = line_of(path, places[operation.name]) - 1
                    message = (
                        f"operation {operation.name} stands after {number} changes of {resource}, "
                        f"of which {counts[resource]} are recorded"
                    )
                    self.add(ERROR, ORDER, path, message, line)
            for name in sorted(needed(operation) - names):
                line = line_of(path, places[operation.name]) - 1
                message = f"operation {operation.name} has symbols of {name}, which is not recorded"
                self.add(ERROR, REFERENCE, path, message, line)

    def _blobs(self, cassette: Cassette) -> None:
        """Every blob that is referred to is there and whole, and has no secrets; others are left over."""
        media: dict[str, tuple[str, str]] = {}
        for operation in cassette.operations() if not self._damaged() else ():
            for one in _references([operation.request, operation.result, operation.exchanges]):
                media.setdefault(str(one[BLOB]), (str(one.get("media", "")), operation.name))
        for digest, (kind, name) in media.items():
            try:
                data = cassette.blobs.get(digest)
            except CassetteError as error:
                self.add(ERROR, DAMAGE, error.place, f"{error.problem} (operation {name}). {error.remedy}")
                continue
            for leak in leaks(data, kind, self.policy):
                about = f" at {leak.where}" if leak.where else ""
                path = cassette.blobs.path(digest)
                self.add(
                    ERROR,
                    LEAK,
                    path,
                    f"{leak.kind}{about} of the blob (operation {name}): {leak.shown}",
                    0,
                    leak.kind,
                )
        for path in sorted((self.folder / BLOBS).rglob("*")):
            if path.is_file() and path.name.partition(".")[0] not in media and not self._damaged():
                self.add(
                    WARNING, LEFT, path, "no operation refers to this blob; bqsim cassette trim removes it"
                )

    def _damaged(self) -> bool:
        return any(f.what == DAMAGE and f.path.endswith(OPERATIONS) for f in self.findings)

    def _left_over(self) -> None:
        for path in sorted(self.folder.iterdir()):
            if path.name in _OWN or path.name == BLOBS:
                continue
            if path.is_file():
                self.add(
                    WARNING,
                    LEFT,
                    path,
                    "this file is of no cassette; a recording that was not finished is "
                    "completed by bqsim cassette recover",
                )
                self.raw(path)

    def age(self, cassette: Cassette, today: dt.date, ages: Ages) -> None:
        path, header = self.folder / FILE, cassette.header
        if ages.warn_days is not None or ages.fail_days is not None:
            try:
                days = (today - dt.date.fromisoformat(header.recorded[:10])).days
            except ValueError:
                self.add(WARNING, AGE, path, "the day of the recording is not told")
            else:
                self._old(path, days, header.recorded, ages)
        if ages.revision and header.api_revision != ages.revision:
            told = header.api_revision or "a revision that is not told"
            self.add(WARNING, AGE, path, f"recorded with {told} of the API; now it is {ages.revision}")
        for wanted in ages.clients:
            name, _, version = wanted.partition("/")
            found = [c for client in header.clients for c in re.findall(rf"{re.escape(name)}/(\S+)", client)]
            if found and version not in found:
                told = ", ".join(sorted(set(found)))
                self.add(WARNING, AGE, path, f"recorded with {name} {told}; now it is {version}")

    def _old(self, path: Path, days: int, recorded: str, ages: Ages) -> None:
        for severity, most in ((ERROR, ages.fail_days), (WARNING, ages.warn_days)):
            if most is not None and days > most:
                message = f"recorded on {recorded}, {days} days ago: more than {most}. Record anew"
                self.add(severity, AGE, path, message)
                return


def _light(operation: Operation) -> Operation:
    """What of an operation its order and references need."""
    kept = {"all": [f"${{job@{name}}}" for name in sorted(needed(operation))]}
    return Operation(
        operation.kind, operation.key, operation.occurrence, kept, {}, operation.order, operation.changes
    )


def _plain(value: Any) -> Any:
    """JSON without the digests of blobs, which look drawn by chance."""
    if isinstance(value, dict):
        if BLOB in value:
            return {"preview": value.get("preview")}
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _references(value: Any) -> Iterator[dict[str, Any]]:
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            if BLOB in one:
                yield one
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)


def _line(text: bytes, secret: str, first: int) -> int:
    """The line on which a secret stands in JSON; the first when it stands there encoded."""
    start = secret.split("\n")[0]
    for written in (start, json.dumps(start, ensure_ascii=False)[1:-1]):
        at = text.find(written.encode("utf-8", "surrogatepass"))
        if at >= 0:
            return first + text.count(b"\n", 0, at)
    return first
