"""Time zone offsets from the IANA database, for whole batches.

A zone is an IANA name (case sensitive) or an offset ``[UTC]+H[H][[:]M[M]]`` up to 14 hours. Named zones come
from the TZif files of the ``tzdata`` package; their rules repeat every 400 years, so times after the
file's last
transition are looked up in an equivalent year.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import cache
from typing import Any

from bqsim.errors import invalid_query

from .kernel import Kernel

_OFFSET = re.compile(r"(?:UTC)?([+-])(\d{1,2})(?::?(\d{1,2}))?", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")
_RULE = re.compile(
    r"(?:<[^>]+>|[A-Za-z]+)([-+]?[\d:]+)(?:(?:<[^>]+>|[A-Za-z]+)([-+]?[\d:]+)?,([^,]+),([^,]+))?"
)
_CYCLE = 400 * 31556952  # seconds of 400 Gregorian years
_MAX_OFFSET_MINUTES = 14 * 60


@dataclass(frozen=True, slots=True)
class Zone:
    """``starts[i]`` (UTC seconds) begins ``offsets[i + 1]`` seconds; ``local[i]`` does on local clocks.

    On local clocks a skipped or repeated time has the offset in force before the transition.
    ``limit`` is the time from which the rules only repeat.
    """

    starts: Any
    offsets: Any
    local: Any
    limit: int | None

    def at(self, seconds: Any) -> Any:
        """Offsets at UTC times."""
        return self._look_up(seconds, self.starts)

    def at_local(self, seconds: Any) -> Any:
        """Offsets to subtract from local times."""
        return self._look_up(seconds, self.local)

    def _look_up(self, seconds: Any, starts: Any) -> Any:
        import numpy as np

        if self.limit is not None:
            late = seconds >= self.limit
            if late.any():
                seconds = np.where(late, self.limit + (seconds - self.limit) % _CYCLE, seconds)
        return self.offsets[np.searchsorted(starts, seconds, side="right")]


@cache
def zone(name: str) -> Zone:
    """The zone of a name or an offset; ``Invalid time zone`` when there is none."""
    if not name:
        raise invalid_query("Invalid empty time zone")
    match = _OFFSET.fullmatch(name)
    if match is not None:
        hours = int(match[2])
        minutes = int(match[3] or 0)
        if minutes < 60 and hours * 60 + minutes <= _MAX_OFFSET_MINUTES:
            seconds = hours * 3600 + minutes * 60
            return _fixed(-seconds if match[1] == "-" else seconds)
    elif _NAME.fullmatch(name):
        data = _load(name)
        if data is not None:
            return _parse(data)
    raise invalid_query(f"Invalid time zone: {name}")


def _load(name: str) -> bytes | None:
    from importlib import resources

    path = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return data if data.startswith(b"TZif") else None


def _fixed(seconds: int) -> Zone:
    import numpy as np

    none = np.array([], dtype=np.int64)
    return Zone(none, np.array([seconds], dtype=np.int64), none, None)


def _parse(data: bytes) -> Zone:
    """A zone from a TZif file (RFC 8536); the 64-bit block and the footer's rule are used."""
    import numpy as np

    def header(at: int) -> tuple[int, ...]:
        return struct.unpack_from(">6l", data, at + 20)

    isut, isstd, leap, times, types, chars = header(0)
    at = 44 + times * 5 + types * 6 + chars + leap * 8 + isstd + isut
    isut, isstd, leap, times, types, chars = header(at)
    at += 44
    starts = list(struct.unpack_from(f">{times}q", data, at))
    at += times * 8
    indexes = data[at : at + times]
    at += times
    kinds = [struct.unpack_from(">lBB", data, at + i * 6) for i in range(types)]
    at += types * 6 + chars + leap * 12 + isstd + isut
    first = next((k[0] for k in kinds if not k[1]), kinds[0][0]) if times else kinds[0][0]
    offsets = [kinds[0][0] if times and indexes[0] != 0 else first, *(kinds[i][0] for i in indexes)]
    limit = _extend(starts, offsets, data[at:].strip(b"\n").decode())
    s, o = np.array(starts, dtype=np.int64), np.array(offsets, dtype=np.int64)
    return Zone(s, o, s + np.maximum(o[:-1], o[1:]), limit)


def _extend(starts: list[int], offsets: list[int], rule: str) -> int | None:
    """Append 401 years of the footer's daylight rule; the time from which it only repeats, if it has one."""
    match = _RULE.fullmatch(rule)
    if match is None:
        return None
    standard = -_clock(match[1])
    if not match[3]:
        if offsets[-1] != standard:
            starts.append(starts[-1] if starts else 0)
            offsets.append(standard)
        return None
    daylight = -_clock(match[2]) if match[2] else standard + 3600
    last = starts[-1] if starts else 0
    begin = 1971 + last // 31556952
    for year in range(begin - 1, begin + 402):
        changes = sorted(
            (
                (_change(year, match[3]) - standard, daylight),
                (_change(year, match[4]) - daylight, standard),
            )
        )
        for start, offset in changes:
            if start > last:
                starts.append(start)
                offsets.append(offset)
    return _days(begin + 1, 1, 1) * 86400


def _clock(text: str) -> int:
    """Seconds of ``[+-]hh[:mm[:ss]]``."""
    sign = -1 if text.startswith("-") else 1
    parts = [int(p) for p in text.lstrip("+-").split(":")]
    return sign * sum(p * unit for p, unit in zip(parts, (3600, 60, 1), strict=False))


def _days(year: int, month: int, day: int) -> int:
    import datetime

    return datetime.date(year, month, day).toordinal() - 719163


def _change(year: int, rule: str) -> int:
    """Local seconds of a POSIX TZ change date: ``Mm.w.d``, ``Jn`` or ``n``, each with ``/time``."""
    date, _, time = rule.partition("/")
    seconds = _clock(time) if time else 7200
    if date.startswith("M"):
        month, week, weekday = (int(p) for p in date[1:].split("."))
        first = _days(year, month, 1)
        day = first + (weekday - (first + 4) % 7) % 7 + (week - 1) * 7
        following = _days(year + month // 12, month % 12 + 1, 1)
        return (day if day < following else day - 7) * 86400 + seconds
    start = _days(year, 1, 1)
    if not date.startswith("J"):
        return (start + int(date)) * 86400 + seconds
    leap = _days(year, 12, 31) - start == 365
    n = int(date[1:])
    return (start + n - 1 + (1 if leap and n >= 60 else 0)) * 86400 + seconds


def _offsets(times: Any, zones: Any, local: bool) -> Any:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    seconds = _numpy(pc.cast(times, pa.int64())) // 1_000_000
    names = pc.unique(zones).to_pylist()
    out = np.zeros(len(seconds), dtype=np.int64)
    for name in names:
        one = zone(name)
        of = one.at_local if local else one.at
        if len(names) == 1:
            out = of(seconds)
        else:
            rows = _numpy(pc.equal(zones, name))
            out[rows] = of(seconds[rows])
    return pa.array(out, type=pa.int64())


def _numpy(column: Any) -> Any:
    """Values of a column without NULLs."""
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return column.to_numpy(zero_copy_only=False)


def _at(times: Any, zones: Any) -> Any:
    return _offsets(times, zones, local=False)


def _at_local(times: Any, zones: Any) -> Any:
    return _offsets(times, zones, local=True)


KERNELS = (
    # Seconds to add to a UTC time, and to subtract from a local time.
    Kernel("bq_zone_offset_at", ("TIMESTAMP", "VARCHAR"), "BIGINT", _at),
    Kernel("bq_zone_offset_at_local", ("TIMESTAMP", "VARCHAR"), "BIGINT", _at_local),
)

MACROS = (
    """CREATE MACRO bq_zone_offset(ts, zone) AS
       CASE WHEN zone = 'UTC' THEN 0 ELSE bq_zone_offset_at(ts, zone) END""",
    """CREATE MACRO bq_zone_offset_local(ts, zone) AS
       CASE WHEN zone = 'UTC' THEN 0 ELSE bq_zone_offset_at_local(ts, zone) END""",
    # The local time of a UTC time, and the UTC time of a local time (neither range-checked).
    "CREATE MACRO bq_zone_local(ts, zone) AS ts + to_seconds(bq_zone_offset(ts, zone))",
    "CREATE MACRO bq_zone_utc(ts, zone) AS ts - to_seconds(bq_zone_offset_local(ts, zone))",
)
