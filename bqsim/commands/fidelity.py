"""``bqsim fidelity``: what is exact, approximated, supplied and absent."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import textwrap
from collections.abc import Iterator

from bqsim.fidelity import STATUSES, Manifest, load
from bqsim.sim.scenario.spelling import nearest

_INDENT = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "subject",
        nargs="*",
        help="a family, a part of a subject's name or a glob: function, tables.patch, 'limit:streaming*'",
    )
    parser.add_argument("--status", choices=tuple(STATUSES), help="only subjects of this status")
    parser.add_argument("--tests", action="store_true", help="also the tests that show it")
    parser.add_argument("--json", action="store_true", help="the manifest as JSON")


def run(arguments: argparse.Namespace) -> int:
    whole = load()
    found = whole.select(*arguments.subject)
    if arguments.status:
        found = Manifest(found.families, tuple(e for e in found.entries if e.status == arguments.status))
    if arguments.json:
        print(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    if not found.entries:
        print(_nothing(whole, arguments.subject), file=sys.stderr)
        return 1
    if not arguments.json:
        width = shutil.get_terminal_size((110, 24)).columns
        print("\n".join(lines(found, width, tests=arguments.tests)))
    return 0


def lines(manifest: Manifest, width: int, *, tests: bool = False) -> Iterator[str]:
    """The table: a block of rows by family, what differs below each row, and how many there are."""
    counts = manifest.counts()
    for family, title in manifest.families.items():
        rows = [e for e in manifest.entries if e.family == family]
        if not rows:
            continue
        tally = ", ".join(f"{count} {status}" for status, count in counts[family].items() if count)
        yield f"{family}: {title} ({tally})"
        names = max(len(e.name) for e in rows)
        for entry in rows:
            about = " ".join([entry.title, *entry.routes]).strip()
            yield f"  {entry.status:<12}  {entry.name:<{names}}  {about}".rstrip()[: max(width, 60)]
            for sentence in entry.differs:
                yield from _wrapped(sentence, width)
            if tests:
                yield from (" " * _INDENT + f"  {test}" for test in entry.tests)
        yield ""
    yield "; ".join(f"{count} {status}" for status, count in manifest.totals().items())


def _wrapped(sentence: str, width: int) -> list[str]:
    margin = " " * _INDENT
    return textwrap.wrap(
        sentence, max(width, 60), initial_indent=f"{margin}- ", subsequent_indent=f"{margin}  "
    )


def _nothing(manifest: Manifest, asked: list[str]) -> str:
    if not asked:
        return "no subject has this status"
    names = [e.subject for e in manifest.entries]
    near = nearest(asked[0], names) or nearest(asked[0], [name.partition(":")[2] for name in names])
    hint = f"; did you mean {near}?" if near else "; families: " + ", ".join(manifest.families)
    return f"no subject matches {' '.join(asked)}{hint}"
