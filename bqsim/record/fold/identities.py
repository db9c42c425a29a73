"""What names things anew in every run, and the symbols that stand for it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bqsim.record.symbols import Symbol, escaped

TOKEN = re.compile(r"[A-Za-z0-9_\-]+")

# Members that tell times, in any API here.
_TIMES = frozenset(
    [
        "creationTime",
        "startTime",
        "endTime",
        "lastModifiedTime",
        "expirationTime",
        "finalizedTime",
        "updateTime",
        "createTime",
        "expireTime",
        "commitTime",
        "startMs",
        "endMs",
        "oldestEntryTime",
        "lastRefreshTime",
        "lastModificationTime",
        "snapshotTime",
        "timeCreated",
        "updated",
        "timeFinalized",
        "timeStorageClassUpdated",
        "timeDeleted",
        "softDeleteTime",
        "hardDeleteTime",
        "retentionExpirationTime",
        "trainingStartTime",
        "deleteTime",
        "maxCreationTime",
        "minCreationTime",
        "last-modified",
        "cloneTime",
        "refreshWatermark",
    ]
)
_ASKED_TIMES = frozenset(("maxCreationTime", "minCreationTime"))
# Members that tell figures which differ from run to run.
_MEASURES = frozenset(
    [
        "totalSlotMs",
        "slotMs",
        "waitMsAvg",
        "waitMsMax",
        "readMsAvg",
        "readMsMax",
        "computeMsAvg",
        "computeMsMax",
        "writeMsAvg",
        "writeMsMax",
        "waitRatioAvg",
        "waitRatioMax",
        "readRatioAvg",
        "readRatioMax",
        "computeRatioAvg",
        "computeRatioMax",
        "writeRatioAvg",
        "writeRatioMax",
        "timeline",
        "finalExecutionDurationMs",
        "elapsedMs",
        "durationMs",
        "avgPreviousExecutionMs",
        "reservationUsage",
        "estimatedRunnableUnits",
        "completedUnits",
        "activeUnits",
        "pendingUnits",
        "jobCreationDelayMs",
    ]
)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?: ?UTC|Z|[+-]\d\d:?\d\d)")
_DIGITS = re.compile(r"(?<![\w.])\d{13}(?:\d{3})?(?![\w.])")
_NOT_IN_PATH = re.compile(r"[^A-Za-z0-9_.\-]+")
_HOST = re.compile(
    r"https?://[^/\s\"']+(?=/(?:bigquery|storage|upload|download|discovery|resumable|batch|b)/)"
)
# Where identities stand that may be words, too.
_IDENTITIES = frozenset(
    {
        "jobId",
        "parentJobId",
        "queryId",
        "sessionId",
        "transactionId",
        "generation",
        "tableId",
        "datasetId",
        "routineId",
        "x-goog-generation",
    }
)
_BEFORE_JOB = re.compile(r"(?:(?:jobs|queries|streams|sessions)/|=|[Jj]ob |:[A-Za-z0-9\-]+\.)$")
_BEFORE_OTHER = re.compile(r"(?:/|=|[.`:])$")
_UNITS = {10: ("s", 1), 13: ("ms", 10**3), 16: ("us", 10**6), 19: ("ns", 10**9)}
# Times that requests tell count as times of this run so far from its beginning.
_PAST_S, _FUTURE_S = 2 * 86400, 400 * 86400
_SPAN_S = 100 * 365 * 86400


@dataclass(frozen=True, slots=True)
class Identity:
    """What a text names: ``before`` and ``after`` are parts of it that stay."""

    group: int
    kind: str
    which: str = ""
    before: str = ""
    after: str = ""


@dataclass(slots=True)
class Identities:
    """What was found in a recording that began at ``began_us``, by its text."""

    began_us: int = 0
    project: str = ""
    known: dict[str, Identity] = field(default_factory=dict)
    # Those of the whole cassette, by text: what stands for them.
    names: dict[str, str] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    etags: dict[str, list[int]] = field(default_factory=dict)

    def add(self, text: str, group: int, kind: str, which: str = "") -> None:
        """``text`` names what group ``group`` made. The first that made it is right."""
        if text and text not in self.known:
            self.known[text] = Identity(group, kind, which)

    def made(self, name: str, group: int, taken: list[str]) -> None:
        """A name that the application gave to what ``group`` made; ``taken`` counts its random ones."""
        for found in TOKEN.finditer(name):
            token = found.group()
            span = random_part(token, self.began_us)
            if span is None or token in self.known or token == self.project or token in self.names:
                continue
            taken.append(token)
            which = str(len(taken)) if len(taken) > 1 else ""
            before, after = token[: span[0]], token[span[1] :]
            self.known[token] = Identity(group, "random", which, before, after)

    def relative_s(self, time_us: int) -> float:
        """Seconds since the recording began."""
        return (time_us - self.began_us) / 1e6


_UUID = re.compile(r"[0-9a-fA-F]{8}([-_]?)[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{12}")
_HEX = re.compile(
    r"(?<![A-Za-z0-9])(?=[0-9a-fA-F]*[0-9])(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,}(?![A-Za-z0-9])"
)
_STAMP = re.compile(r"(?<![A-Za-z0-9])(?:20\d{6}[_\-T]?\d{4,12}|1\d{9}|1\d{12}|1\d{15})(?![A-Za-z0-9])")
_SHORT = re.compile(
    r"(?<![A-Za-z0-9])(?=[0-9a-z]*[0-9])(?=[0-9a-z]*[a-z])[0-9a-z]{4,}(?![A-Za-z0-9])", re.IGNORECASE
)
_DAY = re.compile(r"(?<![A-Za-z0-9])(20\d\d)[_\-]?([01]\d)[_\-]?([0-3]\d)(?![A-Za-z0-9])")
_PASSING = re.compile(r"(?:^|[_\-])(?:tmp|temp|test|staging|stg|scratch)(?:[_\-]|$)", re.IGNORECASE)


def random_part(name: str, began_us: int) -> tuple[int, int] | None:
    """Where the part of a name is that an application makes anew for each run; None when it has none.

    Conservative: a UUID; eight or more hex digits, letters among them; a point in time near the recording;
    four or more letters and digits beside the day of the recording or a word like ``tmp``.
    """
    spans = [found.span() for found in _UUID.finditer(name)] or [f.span() for f in _HEX.finditer(name)]
    spans += [f.span() for f in _STAMP.finditer(name) if _is_near(f.group(), began_us)]
    days = [f.span() for f in _DAY.finditer(name) if _is_near("".join(f.groups()), began_us)]
    if not spans and (days or _PASSING.search(name)):
        inside = [f.span() for f in _SHORT.finditer(name)]
        spans = [s for s in inside if not any(d[0] <= s[0] < d[1] for d in days)]
    if not spans:
        return None
    spans += days
    return min(s[0] for s in spans), max(s[1] for s in spans)


def _is_near(text: str, began_us: int) -> bool:
    """Whether a stamp is of about the time of the recording."""
    digits = re.sub(r"\D", "", text)
    began = dt.datetime.fromtimestamp(began_us / 1e6, dt.UTC)
    if digits.startswith("20") and len(digits) != 10:
        try:
            day = dt.datetime.strptime(digits[:8], "%Y%m%d").replace(tzinfo=dt.UTC)
        except ValueError:
            return False
        return abs((day - began).total_seconds()) < 2 * 86400
    unit = _UNITS.get(len(digits))
    return unit is not None and abs(int(digits) / unit[1] - began_us / 1e6) < 2 * 86400


class Symboliser:
    """Writes the JSON of one group with symbols; ``values`` are what times and measures were.

    Symbols of what another group made end in ``@#<group>``: groups have no names yet.
    """

    def __init__(self, identities: Identities, group: int, started_s: float) -> None:
        self._identities, self._group = identities, group
        self._started_s = started_s
        self.values: dict[str, Any] = {}
        self._etags: dict[str, str] = {}

    def request(self, value: Any) -> Any:
        """What was asked, with symbols."""
        return self._value(value, "request", "", True)

    def result(self, value: Any) -> Any:
        """What came of it, with symbols."""
        return self._value(value, "", "", False)

    def resource(self, name: str) -> str:
        """The name of a resource (``table:p.d.t``), with symbols."""
        kind, _, rest = name.partition(":")
        return f"{kind}:{self._text(rest, 'projectId' if kind == 'project' else '', '', True)}"

    def figures(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Times and measures that are in no JSON, by where they stood, as values."""
        aside = Symboliser(self._identities, self._group, self._started_s)
        for path, value in told.items():
            aside._value(value, path, path.rpartition(".")[2], False)
        return aside.values

    def _value(self, value: Any, path: str, key: str, asked: bool) -> Any:
        if isinstance(value, dict):
            if "$blob" in value:
                return value
            return {
                self._text(name, "", path, asked) if len(name) > 2 else name: self._value(
                    item, f"{path}.{name}" if path else name, name, asked
                )
                for name, item in value.items()
            }
        if key in _MEASURES and not asked and value is not None:
            return self._measure(value, path)
        if isinstance(value, list):
            return [self._value(item, f"{path}.{n}", key, asked) for n, item in enumerate(value)]
        if key in _TIMES or key.endswith("Time"):
            told = self._time(value, path, asked)
            if told is not None:
                return told
        if isinstance(value, str):
            return self._text(value, key, path, asked)
        return value

    def _measure(self, value: Any, path: str) -> str:
        which = _NOT_IN_PATH.sub("-", path)
        if not isinstance(value, str):
            which += ".json"
        self.values[which] = value
        return str(Symbol("measure", which))

    def _time(self, value: Any, path: str, asked: bool) -> str | None:
        """The symbol of a time; None for what is none."""
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            return None
        text = str(int(value)) if isinstance(value, float) else str(value)
        unit, at_s = "", 0.0
        if text.isdigit() and len(text) in _UNITS:
            unit, divisor = _UNITS[len(text)]
            at_s = int(text) / divisor
        elif isinstance(value, str):
            at = _instant(value)
            if at is not None:
                unit, at_s = at
        began_s = self._identities.began_us / 1e6
        near = abs(at_s - began_s) < _SPAN_S
        if asked:
            near = -_PAST_S < at_s - began_s < _FUTURE_S
        if not unit or not near:
            return None
        which = f"{_NOT_IN_PATH.sub('-', path)}.{unit}"
        if not isinstance(value, str):
            which += ".json"
        self.values[which] = round(at_s - began_s - self._started_s, 6)
        return str(Symbol("time", which))

    def _text(self, text: str, key: str, path: str, asked: bool) -> str:
        if key in ("etag", "if-match", "if-none-match", "eTag") and text and text != "*":
            return self._etag(text, asked)
        if key in ("message", "debugInfo") and not asked:
            text, times = self._timeless(text, path)
        else:
            times = []
        identities = self._identities
        pieces: list[str] = []
        at = 0
        project = identities.project
        for found in TOKEN.finditer(text):
            token = found.group()
            if token != project:
                stands = self._symbol(token)
                made = identities.known.get(token) if stands is not None else None
                if made and not _stands_out(token) and not _is_identity(text, found, key, made.kind):
                    stands = None
            else:
                stands = "${project}" if _is_project(text, found, key) else None
            if stands is None:
                continue
            pieces += (escaped(text[at : found.start()]), stands)
            at = found.end()
        out = "".join(pieces) + escaped(text[at:]) if pieces else escaped(text)
        if ":" in project or "." in project:
            out = out.replace(escaped(project), "${project}")
        if "://" in out:
            out = _HOST.sub("${host}", out)
        for number, symbol in enumerate(times):
            out = out.replace(f"\0{number}\0", symbol)
        return out

    def _symbol(self, token: str) -> str | None:
        identities = self._identities
        known = identities.known.get(token)
        if known is not None:
            of = "" if known.group == self._group else f"@#{known.group}"
            which = f":{known.which}" if known.which else ""
            return f"{known.before}${{{known.kind}{which}{of}}}{known.after}"
        if token in identities.hidden:
            return "${dataset}"
        return identities.names.get(token)

    def _etag(self, text: str, asked: bool) -> str:
        bare = text.removeprefix("W/").strip('"')
        if not asked:
            if bare not in self._etags:
                self._etags[bare] = f":{len(self._etags) + 1}" if self._etags else ""
            return "${etag" + self._etags[bare] + "}"
        makers = self._identities.etags.get(bare)
        return f"${{etag@#{makers[0]}}}" if makers else escaped(text)

    def _timeless(self, text: str, path: str) -> tuple[str, list[str]]:
        """A message with marks for its times, and their symbols."""
        symbols: list[str] = []

        def mark(found: re.Match[str]) -> str:
            told = self._time(found.group(), f"{path}.{len(symbols)}", True)
            if told is None:
                return found.group()
            symbols.append(told)
            return f"\0{len(symbols) - 1}\0"

        text = text.replace("\0", "")
        return _DIGITS.sub(mark, _RFC3339.sub(mark, text)), symbols


def _stands_out(token: str) -> bool:
    """Whether a text is surely no word that means something else elsewhere."""
    return len(token) >= 20 or (len(token) >= 8 and any(c.isdigit() for c in token))


def _is_identity(text: str, found: re.Match[str], key: str, kind: str) -> bool:
    """Whether a token stands where identities of its kind do."""
    if key in _IDENTITIES and found.group() == text:
        return True
    if kind == "sqlsession" and key == "value":
        return True
    before = text[max(0, found.start() - 40) : found.start()]
    places = _BEFORE_OTHER if kind in ("table", "generation", "random") else _BEFORE_JOB
    return places.search(before) is not None


def _is_project(text: str, found: re.Match[str], key: str) -> bool:
    """Whether a token that is the project's name stands where names of projects do."""
    if key in ("projectId", "project", "project_id", "parent") and found.group() == text:
        return True
    before, after = text[: found.start()][-9:], text[found.end() : found.end() + 2]
    if before.endswith("projects/"):
        return True
    if not after[:1] or after[0] not in ".:`":
        return False
    return after[0] != "`" or after[1:2] == "." or before.endswith("`")


def _instant(text: str) -> tuple[str, float] | None:
    """The form of a time that is told as text, and its seconds since the epoch."""
    if len(text) > 40:
        return None
    if _RFC3339.fullmatch(text):
        plain = text.replace(" UTC", "+00:00").replace("UTC", "+00:00").replace("Z", "+00:00")
        whole, dot, rest = plain.partition(".")
        digits = re.match(r"\d*", rest)
        fraction = digits.group() if digits else ""
        zone = rest[len(fraction) :] if dot else ""
        try:
            at = dt.datetime.fromisoformat(whole + zone)
        except ValueError:
            return None
        places = ("iso3" if len(fraction) <= 3 else "iso6") if fraction else "iso"
        return places, at.timestamp() + (float(f"0.{fraction}") if fraction else 0.0)
    if text.endswith("GMT"):
        from email.utils import parsedate_to_datetime

        try:
            return "http", parsedate_to_datetime(text).timestamp()
        except (ValueError, TypeError, OverflowError):
            return None
    return None


def names_of(given: Mapping[str, str]) -> dict[str, str]:
    """By the text that the recording has: the symbol of a name that the user has given."""
    return {text: "${name:" + name + "}" for name, text in given.items() if text}
