"""The baseline: what queries cost when somebody approved it, as a YAML file that is kept with them.

The file is written the same for the same content: queries in the order of their names, keys in a fixed order,
texts as they are. Sizes are bytes, times milliseconds. ``bqsim cost approve`` changes entries and says who
did it and why.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .errors import CostError
from .model import Estimate, Measured, Query, Rate, Run, TableRead, Workload
from .robust import quantile, spread

FORMAT = "bqsim_cost_baseline"
VERSION = 1
# Runs kept of a query: enough for a comparison, few enough to be reviewed.
MOST_RUNS = 40


@dataclass(frozen=True, slots=True)
class Approval:
    """Who took a change of which queries into the baseline, when and why."""

    by: str
    why: str
    on: str
    queries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A query as it was approved. ``slot_ms`` and ``duration_ms`` are those of recorded runs, in the order in
    which they ran; ``cache_hits`` is the share of recorded runs that the cache answered."""

    measured: Measured
    slot_ms: tuple[float, ...] = ()
    duration_ms: tuple[float, ...] = ()
    cache_hits: float = 0.0
    output_rows: int = 0

    @property
    def name(self) -> str:
        return self.measured.query.name


@dataclass(frozen=True, slots=True)
class Baseline:
    """``at`` is the time that the bench told queries; ``tables`` a hash of what was known of tables."""

    workload: str
    entries: Mapping[str, Entry]
    at: str = ""
    approvals: tuple[Approval, ...] = ()
    source: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)


def entry_of(measured: Measured) -> Entry:
    """The entry of a query as it was measured now."""
    runs = [r for r in measured.query.runs if not r.error]
    hits = sum(r.cache_hit for r in runs) / len(runs) if runs else 0.0
    worked = [r for r in runs if not r.cache_hit]
    rows = [r.output_rows for r in worked if r.output_rows]
    return Entry(
        measured,
        tuple(measured.slot_ms[-MOST_RUNS:]),
        tuple(measured.duration_ms[-MOST_RUNS:]),
        round(hits, 4),
        int(quantile(rows, 0.5)) if rows else 0,
    )


def baseline_of(
    workload: Workload, measured: Iterable[Measured], at: str = "", approvals: Sequence[Approval] = ()
) -> Baseline:
    """A baseline of what was measured now; queries that failed are left out."""
    entries = {m.query.name: entry_of(m) for m in measured if not m.estimate.error}
    return Baseline(workload.name, dict(sorted(entries.items())), at, tuple(approvals))


# Writing


def written(baseline: Baseline) -> str:
    """The text of the file."""
    document: dict[str, Any] = {FORMAT: VERSION, "workload": baseline.workload}
    if baseline.at:
        document["at"] = baseline.at
    document["totals"] = _totals(baseline)
    if baseline.approvals:
        document["approvals"] = [
            {"date": a.on, "by": a.by, "why": a.why, **({"queries": list(a.queries)} if a.queries else {})}
            for a in baseline.approvals
        ]
    document["queries"] = {name: _entry_json(e) for name, e in sorted(baseline.entries.items())}
    return _dumped(document)


def _totals(baseline: Baseline) -> dict[str, Any]:
    entries = baseline.entries.values()
    each = [(e.measured.estimate, e.measured.query.rate.per_month, e) for e in entries]
    out: dict[str, Any] = {
        "queries": len(baseline.entries),
        "fingerprints": len({e.measured.query.fingerprint for e in entries}),
        "bytes_processed": sum(e.bytes_processed for e, _, _ in each),
        "bytes_billed": sum(e.bytes_billed for e, _, _ in each),
        "bytes_billed_a_month": round(sum(e.bytes_billed * n * (1 - x.cache_hits) for e, n, x in each)),
    }
    slots = sum(spread(x.slot_ms).median * n * (1 - x.cache_hits) for _, n, x in each)
    if slots:
        out["slot_ms_a_month"] = round(slots)
    return out


def _entry_json(entry: Entry) -> dict[str, Any]:
    query, estimate = entry.measured.query, entry.measured.estimate
    out: dict[str, Any] = {"fingerprint": query.fingerprint}
    _put(out, file=query.file if query.file != query.name else "", line=query.line if query.line > 1 else 0)
    _put(out, owner=query.owner, labels=dict(sorted(query.labels.items())))
    out["statement"] = estimate.statement_type
    out["bytes_processed"] = estimate.bytes_processed
    out["bytes_billed"] = estimate.bytes_billed
    _put(
        out, bytes_at_most=estimate.bytes_at_most if estimate.bytes_at_most != estimate.bytes_processed else 0
    )
    out["accuracy"] = estimate.accuracy
    if estimate.partitions is not None:
        out["partitions"] = [estimate.partitions, estimate.partitions_total]
    _put(out, not_cached=list(estimate.uncacheable))
    out["runs_a_month"] = _rate_json(query.rate)
    _put(out, cache_hits=entry.cache_hits, output_rows=entry.output_rows)
    _put(out, texts=query.varied if query.varied > 1 else 0)
    for name, values in (("slot_ms", entry.slot_ms), ("duration_ms", entry.duration_ms)):
        if values:
            out[name] = _runs_json(values)
    _put(out, project=query.project, dataset=query.dataset, configuration=dict(query.configuration))
    out["tables"] = {t.table: _table_json(t) for t in sorted(estimate.tables, key=lambda t: t.table)}
    _put(out, views=list(estimate.views), wildcards=[list(w) for w in estimate.wildcards])
    out["sql"] = query.sql
    return out


def _put(out: dict[str, Any], **values: Any) -> None:
    out.update((name, value) for name, value in values.items() if value)


def _rate_json(rate: Rate) -> dict[str, Any]:
    out: dict[str, Any] = {"expected": _round(rate.per_month)}
    if (rate.low, rate.high) != (rate.per_month, rate.per_month):
        out["from"], out["to"] = _round(rate.low), _round(rate.high)
    return {**out, "by": rate.source}


def _round(value: float) -> float | int:
    rounded = round(value, 6)
    return int(rounded) if rounded == int(rounded) else rounded


def _runs_json(values: Sequence[float]) -> dict[str, Any]:
    about = spread(values)
    return {
        "median": _round(about.median),
        "mad": _round(about.mad),
        "p10": _round(about.low),
        "p90": _round(about.high),
        "runs": [_round(v) for v in values],
    }


def _table_json(table: TableRead) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if table.bytes is not None:
        out["bytes"] = table.bytes
    _put(out, columns=list(table.columns))
    if table.partitions is not None:
        out["partitions"] = list(table.partitions)
    if table.blocks is not None:
        out["blocks"] = list(table.blocks)
    if table.filters:
        out["filters"] = [dict(scan) for scan in table.filters]
    return out


def _dumped(document: Any) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):  # type: ignore[misc]
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Any, value: str) -> Any:
        # A text with spaces before a line end cannot stand as a block.
        block = "\n" in value and not any(line != line.rstrip() for line in value.split("\n"))
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if block else None)

    def listing(dumper: Any, value: list[Any]) -> Any:
        flat = all(not isinstance(v, dict | list) for v in value)
        return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=flat)

    def mapping(dumper: Any, value: dict[str, Any]) -> Any:
        flat = 0 < len(value) <= 3 and all(not isinstance(v, dict | list) for v in value.values())
        return dumper.represent_mapping(
            "tag:yaml.org,2002:map", value.items(), flow_style=flat and _short(value)
        )

    Dumper.add_representer(str, text)
    Dumper.add_representer(list, listing)
    Dumper.add_representer(dict, mapping)
    head = (
        "# What these queries cost, as approved. Written by `bqsim cost baseline` and `bqsim cost approve`:\n"
        "# change it by them, not by hand.\n"
    )
    return head + str(yaml.dump(document, Dumper=Dumper, sort_keys=False, width=110, allow_unicode=True))


def _short(value: Mapping[str, Any]) -> bool:
    return sum(len(str(k)) + len(str(v)) for k, v in value.items()) < 70 and "\n" not in str(value)


def save(baseline: Baseline, path: Path) -> None:
    """Write the file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(written(baseline), encoding="utf-8")
    beside.replace(path)


# Reading


def load(path: Path) -> Baseline:
    """The baseline of a file. Raises :class:`CostError`, which says what to do."""
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CostError(f"{path}: there is no baseline yet; write one with `bqsim cost baseline`") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CostError(f"{path}: {error}") from None
    if any(line.startswith(("<<<<<<< ", ">>>>>>> ")) for line in text.splitlines()):
        line = next(
            n for n, line in enumerate(text.splitlines(), 1) if line.startswith(("<<<<<<< ", ">>>>>>> "))
        )
        raise CostError(
            f"{path}:{line}: there are marks of a merge conflict: take either side, "
            "then approve what changed with `bqsim cost approve`"
        )
    try:
        document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CostError(f"{path}:{line}: this is no YAML: {error.problem}") from None
    if not isinstance(document, dict) or FORMAT not in document:
        raise CostError(f"{path}: this is no baseline: the key {FORMAT} is missing")
    if document[FORMAT] != VERSION:
        raise CostError(
            f"{path}: the baseline is of version {document[FORMAT]}, this bqsim reads version {VERSION}"
        )
    lines = _lines(text)
    entries = {}
    for name, told in (document.get("queries") or {}).items():
        try:
            entries[str(name)] = _entry(str(name), told)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise CostError(f"{path}:{lines.get(str(name), 1)}: the entry {name} is broken: {what}") from None
    approvals = tuple(
        Approval(
            str(a.get("by", "")), str(a.get("why", "")), str(a.get("date", "")), tuple(a.get("queries", ()))
        )
        for a in document.get("approvals") or ()
    )
    return Baseline(
        str(document.get("workload", "")), entries, str(document.get("at", "")), approvals, str(path), lines
    )


def _lines(text: str) -> dict[str, int]:
    """The line of each entry."""
    import yaml

    found: dict[str, int] = {}
    root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    for key, value in getattr(root, "value", ()):
        if key.value == "queries":
            for name, _ in value.value:
                found[name.value] = name.start_mark.line + 1
    return found


def _entry(name: str, told: Mapping[str, Any]) -> Entry:
    rate = told.get("runs_a_month") or {"expected": 1}
    expected = float(rate["expected"])
    query = Query(
        name=name,
        sql=str(told["sql"]),
        fingerprint=str(told["fingerprint"]),
        file=str(told.get("file") or ""),
        line=int(told.get("line") or 1),
        owner=str(told.get("owner") or ""),
        labels=dict(told.get("labels") or {}),
        project=str(told.get("project") or ""),
        dataset=str(told.get("dataset") or ""),
        configuration=dict(told.get("configuration") or {}),
        varied=int(told.get("texts") or 1),
        rate=Rate(
            expected,
            float(rate.get("from", expected)),
            float(rate.get("to", expected)),
            str(rate.get("by", "assumed")),
        ),
    )
    partitions = told.get("partitions")
    processed = int(told["bytes_processed"])
    estimate = Estimate(
        statement_type=str(told.get("statement") or ""),
        bytes_processed=processed,
        bytes_billed=int(told["bytes_billed"]),
        bytes_at_most=int(told.get("bytes_at_most") or processed),
        accuracy=str(told.get("accuracy") or "PRECISE"),
        partitions=int(partitions[0]) if partitions else None,
        tables=tuple(_table(n, t or {}) for n, t in (told.get("tables") or {}).items()),
        views=tuple(told.get("views") or ()),
        wildcards=tuple(tuple(w) for w in told.get("wildcards") or ()),
        uncacheable=tuple(told.get("not_cached") or ()),
    )
    return Entry(
        Measured(query, estimate),
        tuple(map(float, (told.get("slot_ms") or {}).get("runs", ()))),
        tuple(map(float, (told.get("duration_ms") or {}).get("runs", ()))),
        float(told.get("cache_hits") or 0),
        int(told.get("output_rows") or 0),
    )


def _table(name: str, told: Mapping[str, Any]) -> TableRead:
    pairs = {n: (int(told[n][0]), int(told[n][1])) for n in ("partitions", "blocks") if n in told}
    size = told.get("bytes")
    return TableRead(
        name,
        None if size is None else int(size),
        tuple(told.get("columns") or ()),
        pairs.get("partitions"),
        pairs.get("blocks"),
        tuple(tuple((str(c), str(f)) for c, f in scan.items()) for scan in told.get("filters") or ()),
    )


# Approving


def approved(
    baseline: Baseline, now: Baseline, names: Iterable[str], by: str, why: str, on: dt.date
) -> Baseline:
    """The baseline with the entries of ``names`` as they are now; those that are gone are left out."""
    entries = dict(baseline.entries)
    taken = sorted(set(names))
    for name in taken:
        if name in now.entries:
            entries[name] = _with_runs(now.entries[name], entries.get(name))
        else:
            entries.pop(name, None)
    approval = Approval(by, why, on.isoformat(), tuple(taken))
    return replace(
        baseline,
        entries=dict(sorted(entries.items())),
        at=now.at or baseline.at,
        approvals=(*baseline.approvals, approval),
    )


def _with_runs(now: Entry, before: Entry | None) -> Entry:
    """An entry without recorded runs keeps those of an entry with the same text."""
    if before is None or now.slot_ms or before.measured.query.fingerprint != now.measured.query.fingerprint:
        return now
    return replace(now, slot_ms=before.slot_ms, duration_ms=before.duration_ms, cache_hits=before.cache_hits)


def digest(text: str) -> str:
    """A short hash of a text, exactly as it is."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


__all__ = [
    "Approval",
    "Baseline",
    "Entry",
    "Run",
    "approved",
    "baseline_of",
    "entry_of",
    "load",
    "save",
    "written",
]
