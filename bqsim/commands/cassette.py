"""``bqsim cassette show|trim|merge|diff|lint|upgrade|recover``: cassettes as files of a repository.

0: done, and all is well; 1: a finding, a difference, a conflict, a damaged cassette; 2: wrong usage.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bqsim.record.cassette.cassette import Cassette
    from bqsim.record.cassette.differing import Difference
    from bqsim.record.model import Operation

_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1024, "mi": 1024**2, "gi": 1024**3}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of ``cassette``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    show = _action(actions, "show", _show, "List the operations of a cassette, or tell one in full.")
    show.add_argument("cassette", type=Path, metavar="CASSETTE")
    show.add_argument("operation", nargs="?", metavar="OPERATION", help="its name, or the beginning of it")
    show.add_argument("--kind", help="list only operations of this kind")
    show.add_argument("--measures", action="store_true", help="also its times and figures")

    trim = _action(actions, "trim", _trim, "Make a cassette smaller; totals and statistics stay true.")
    trim.add_argument("cassette", type=Path, metavar="CASSETTE")
    trim.add_argument("--out", type=Path, metavar="FOLDER", help="write another one (default: in its place)")
    trim.add_argument("--rows", type=_count, metavar="N", help="most rows that a result keeps")
    trim.add_argument("--pages", type=_count, metavar="N", help="most stretches of rows that a result keeps")
    trim.add_argument("--budget", type=_size, metavar="SIZE", help="leave out rows until it fits: 500k, 2Mi")
    trim.add_argument(
        "--only", action="append", default=[], metavar="GLOB", help="keep these: names, keys or kinds"
    )
    trim.add_argument("--drop", action="append", default=[], metavar="GLOB", help="leave these out")
    trim.add_argument(
        "--unused",
        type=Path,
        metavar="FILE",
        help="leave out what this report of a replay (JSON) has as unused",
    )

    merge = _action(actions, "merge", _merge, "Make one cassette of several.")
    merge.add_argument("cassettes", nargs="+", type=Path, metavar="CASSETTE")
    merge.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    merge.add_argument(
        "--conflicts",
        choices=("fail", "first", "last", "both"),
        default="fail",
        help="what becomes of operations that differ (default: fail, and tell them)",
    )

    diff = _action(actions, "diff", _diff, "Tell what differs: requests, results, rows, statistics.")
    diff.add_argument("first", type=Path, metavar="CASSETTE")
    diff.add_argument("second", type=Path, metavar="CASSETTE")
    diff.add_argument("--measures", action="store_true", help="also times and figures, by medians")

    lint = _action(actions, "lint", _lint, "Look for secrets, damage and age; 1 when there is any.")
    lint.add_argument("cassettes", nargs="+", type=Path, metavar="CASSETTE")
    lint.add_argument("--policy", type=Path, metavar="FILE", help="what is a secret, and what is none (YAML)")
    lint.add_argument("--max-age", type=_days, metavar="AGE", help="fail when recorded longer ago: 90d, 12w")
    lint.add_argument("--warn-age", type=_days, metavar="AGE", help="warn when recorded longer ago")
    lint.add_argument(
        "--api-revision", default="", metavar="REVISION", help="warn when recorded with another"
    )
    lint.add_argument(
        "--client",
        action="append",
        default=[],
        metavar="NAME/VERSION",
        help="warn when recorded with another version of this client: gl-python/3.12.1",
    )
    lint.add_argument("--strict", action="store_true", help="fail on warnings, too")

    upgrade = _action(actions, "upgrade", _upgrade, "Bring cassettes to the newest version of the format.")
    upgrade.add_argument("cassettes", nargs="+", type=Path, metavar="CASSETTE")

    recover = _action(actions, "recover", _recover, "Make the cassette of a recording that was killed.")
    recover.add_argument("folder", type=Path, metavar="FOLDER")


def _action(actions: Any, name: str, act: Any, help_: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=help_, description=help_)
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.set_defaults(act=act)
    return parser


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rows")
    return int(text)


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]i?)?b?", text.strip().lower())
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: write 500k, 2M or 2Mi")
    return int(float(found[1]) * _UNITS[found[2] or ""])


def _days(text: str) -> int:
    from bqsim.record.cassette.linting import days_of

    try:
        return days_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(given: argparse.Namespace) -> int:
    """Do the action."""
    from bqsim.record.cassette.errors import CassetteError
    from bqsim.record.redact.policy import PolicyError

    try:
        return int(given.act(given))
    except CassetteError as error:
        print(error, file=sys.stderr)
        return 2 if given.action == "diff" else 1
    except PolicyError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2


def _open(path: Path) -> Cassette:
    from bqsim.record.cassette.cassette import Cassette

    return Cassette.open(path)


def _print(value: Any) -> None:
    print(json.dumps(value, indent=1, ensure_ascii=False))


# --- show


def _show(given: argparse.Namespace) -> int:
    cassette = _open(given.cassette)
    if given.operation:
        return _show_one(cassette, given)
    operations = [o for o in cassette.operations() if not given.kind or o.kind == given.kind]
    told = [_told(operation) for operation in operations]
    header = cassette.header
    if given.json:
        _print({"cassette": str(cassette.folder), "header": asdict(header), "operations": told})
        return 0
    clients = f", by {', '.join(header.clients)}" if header.clients else ""
    count = len(operations)
    print(
        f"{cassette.folder}: {count} operation{'s' * (count != 1)}, "
        f"recorded {header.recorded or '?'}{clients}"
    )
    for one in told:
        print(f"{one['name']}  {one['kind']:<8}  {one['result']:<24}  {one['title']}")
    return 0


def _told(operation: Operation) -> dict[str, Any]:
    """An operation in a few words."""
    from bqsim.record.cassette.differing import title

    return {
        "name": operation.name,
        "kind": operation.kind,
        "title": title(operation),
        "result": _outcome(operation),
        "changes": list(operation.changes),
    }


def _outcome(operation: Operation) -> str:
    """What came of an operation, in a few words."""
    result = operation.result
    job = result.get("job")
    status = job.get("status") if isinstance(job, dict) else None
    failed = status.get("errorResult") if isinstance(status, dict) else None
    if isinstance(failed, dict):
        return f"failed: {failed.get('reason', '?')}"
    if "error" in result:
        error = result["error"]
        return (
            f"refused: {error.get('status') or error.get('code', '?')}"
            if isinstance(error, dict)
            else "refused"
        )
    rows = result.get("rows") or operation.request.get("rows")
    if "totalRows" in result or isinstance(rows, list):
        held = sum(int(s.get("count", 0)) for s in rows) if isinstance(rows, list) else 0
        total = result.get("totalRows", held)
        return f"{total} rows" if str(total) == str(held) else f"{total} rows, {held} kept"
    return str(result.get("status", "done"))


def _show_one(cassette: Cassette, given: argparse.Namespace) -> int:
    found = [entry for entry in cassette.entries if entry.name.startswith(given.operation)]
    exact = [entry for entry in found if entry.name == given.operation]
    if len(exact or found) != 1:
        many = f"{len(found)} operations are called so" if found else "there is no such operation"
        print(f"{cassette.folder}: {given.operation}: {many}", file=sys.stderr)
        return 2
    operation = cassette.operation((exact or found)[0])
    members: dict[str, Any] = {
        "request": operation.request,
        "result": operation.result,
        "order": operation.order,
        "changes": list(operation.changes),
        "exchanges": operation.exchanges,
    }
    if given.measures or given.json:
        members["measures"] = operation.measures
    if given.json:
        _print({"name": operation.name, "kind": operation.kind, **members})
        return 0
    print(f"{operation.kind} {operation.name}: {_outcome(operation)}")
    for name, value in members.items():
        if value:
            print(f"\n{name}")
            print("\n".join(f"  {line}" for line in _lines(value)))
    return 0


def _lines(value: Any, name: str = "") -> Iterator[str]:
    """JSON in lines that can be read: texts as they are, blobs by what they hold."""
    from bqsim.record.model import BLOB

    lead = f"{name}: " if name else ""
    if isinstance(value, str) and "\n" in value:
        yield f"{lead}|"
        yield from (f"  {line}" for line in value.split("\n"))
    elif isinstance(value, dict) and BLOB in value:
        yield f"{lead}{value.get('size')} bytes of {value.get('media') or 'unknown media'} {value[BLOB][:12]}"
        yield from (f"  {line}" for line in value.get("preview") or ())
    elif isinstance(value, dict | list) and value:
        items = (
            value.items() if isinstance(value, dict) else ((f"[{n}]", item) for n, item in enumerate(value))
        )
        if name:
            yield f"{name}:"
        for below, item in items:
            yield from (f"{'  ' if name else ''}{line}" for line in _lines(item, str(below)))
    else:
        yield f"{lead}{value if isinstance(value, str) else json.dumps(value)}"


# --- trim, merge, diff


def _trim(given: argparse.Namespace) -> int:
    from bqsim.record.cassette.trimming import chosen, trim

    unused = _unused(given.unused) if given.unused else set()
    only, drop = chosen(given.only or ["*"]), chosen(given.drop)
    done = trim(
        _open(given.cassette),
        given.out,
        rows=given.rows,
        pages=given.pages,
        budget=given.budget,
        keep=lambda o: only(o) and not drop(o) and o.name not in unused,
    )
    if given.json:
        _print(asdict(done))
        return 0
    (before, after), (was, now) = done.operations, done.size
    rows = "" if done.rows is None else f", at most {done.rows:,} rows each"
    print(f"{given.out or given.cassette}: {before} → {after} operations, {was:,} → {now:,} bytes{rows}")
    return 0


def _unused(path: Path) -> set[str]:
    """The operations that the report of a replay has as unused."""
    from bqsim.record.redact.policy import PolicyError

    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        findings = report["findings"]
        return {one["operation"] for one in findings if one["what"] == "unused"}
    except (ValueError, KeyError, TypeError):
        raise PolicyError(f"{path}: this is no report of a replay as JSON") from None


def _merge(given: argparse.Namespace) -> int:
    from bqsim.record.cassette.merging import MergeError, merge

    try:
        made = merge([_open(path) for path in given.cassettes], given.out, conflicts=given.conflicts)
    except MergeError as error:
        if given.json:
            _print({"conflicts": [asdict(conflict) for conflict in error.conflicts]})
        else:
            print(error, file=sys.stderr)
            print("--conflicts first, last or both decides", file=sys.stderr)
        return 1
    if given.json:
        _print({"cassette": str(made.folder), "operations": len(made), "conflicts": []})
    else:
        print(f"{made.folder}: {len(made)} operations of {len(given.cassettes)} cassettes")
    return 0


def _diff(given: argparse.Namespace) -> int:
    from bqsim.record.cassette.differing import diff

    found = diff(_open(given.first), _open(given.second), measures=given.measures)
    if given.json:
        _print(
            {
                "differ": bool(found),
                "header": found.header,
                "changes": [asdict(change) for change in found.changes],
                **({"measures": [asdict(m) for m in found.measures]} if given.measures else {}),
            }
        )
    else:
        _print_diff(found, given.measures)
    return 1 if found else 0


_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def _print_diff(found: Difference, measures: bool) -> None:
    for line in found.header:
        print(f"~ header {line}")
    for change in found.changes:
        print(f"{_SIGNS[change.what]} {change.kind} {change.name}  {change.title}")
        for line in change.lines:
            print(f"    {line}")
    if not found:
        print("the same operations")
    if measures:
        print("measures (medians):")
        for one in found.measures:
            samples = f"{one.samples[0]} and {one.samples[1]} samples"
            print(f"  {one.verdict:<7} {one.figure}: {one.before:g} → {one.after:g} ({samples})  {one.title}")


# --- lint, upgrade, recover


def _lint(given: argparse.Namespace) -> int:
    import datetime as dt

    from bqsim.record.cassette.linting import ERROR, Ages, lint
    from bqsim.record.redact.policy import Policy
    from bqsim.sim.clock import SimulationClock

    policy = Policy.load(given.policy) if given.policy else Policy.default()
    today = dt.datetime.fromtimestamp(SimulationClock().now_us() / 1e6, dt.UTC).date()
    ages = Ages(given.warn_age, given.max_age, given.api_revision, tuple(given.client))
    findings = [one for path in given.cassettes for one in lint(path, policy, today=today, ages=ages)]
    errors = [one for one in findings if one.severity == ERROR]
    if given.json:
        _print({"ok": not errors, "findings": [asdict(one) for one in findings]})
    else:
        for one in findings:
            print(one)
        for path in given.cassettes:
            if not any(one.path.startswith(str(path)) for one in findings):
                print(f"{path}: ok")
    return 1 if errors or (given.strict and findings) else 0


def _upgrade(given: argparse.Namespace) -> int:
    from bqsim.record.cassette.header import VERSION
    from bqsim.record.cassette.upgrades import upgrade

    done = {str(path): upgrade(path) for path in given.cassettes}
    if given.json:
        _print({"version": VERSION, "cassettes": done})
        return 0
    for path, steps in done.items():
        for step in steps:
            print(f"{path}: {step}")
        print(f"{path}: version {VERSION}" + ("" if steps else ", nothing to do"))
    return 0


def _recover(given: argparse.Namespace) -> int:
    from bqsim.record.recovery import recover

    made = recover(given.folder)
    if given.json:
        _print({"cassette": str(made.folder), "operations": len(made)})
    else:
        print(f"{made.folder}: {len(made)} operations")
    return 0
