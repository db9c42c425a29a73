"""From the claims of tests to the manifest."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from bqsim.fidelity import ROUTES, Entry, Manifest

from .claims import Claim, claims_of
from .functions import RECORD, TITLES, details, outcomes, record
from .subjects import FAMILIES, SUBJECTS

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "bqsim" / "fidelity" / "manifest.json"
DOCUMENT = ROOT / "bqsim" / "fidelity" / "README.md"
RATCHET = ROOT / "tests" / "conformance" / "ratchet.json"
PARTLY = "A part of it is not there."


def manifest_of(claims: Iterable[Claim], subjects: Mapping[str, str] = SUBJECTS) -> Manifest:
    """What the claims say together, by subject. ``ValueError`` names subjects that are unknown or not shown.

    A subject is exact when all its tests say so, absent when all say so, and else approximated.
    """
    by_subject: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        by_subject[claim.subject].append(claim)
    unknown = sorted(
        f"{c.subject} ({c.test})" for s, cs in by_subject.items() for c in cs if s not in subjects
    )
    missing = sorted(subject for subject in subjects if subject not in by_subject)
    wrong = [f"no such subject: {one}" for one in unknown] + [f"no test shows: {one}" for one in missing]
    if wrong:
        raise ValueError("\n".join(wrong))
    entries = (_entry(subject, subjects[subject], by_subject[subject]) for subject in sorted(subjects))
    return Manifest(FAMILIES, tuple(entries))


def _entry(subject: str, title: str, claims: list[Claim]) -> Entry:
    statuses = {claim.status for claim in claims}
    status = statuses.pop() if len(statuses) == 1 else "approximated"
    differs = dict.fromkeys(sorted(claim.note for claim in claims if claim.note))
    tests = dict.fromkeys(sorted(claim.test for claim in claims))
    more = details(subject)
    tests |= dict.fromkeys(more.shown)
    shown = (tuple(differs), tuple(tests))
    return Entry(subject, title or more.title, status, *shown, more.group, more.routes, more.signatures)


def recorded(suite: str) -> tuple[str, str, str]:
    """The claim of a suite of recorded cases: how many of them agree, as far as it may not get worse."""
    counts = json.loads(RATCHET.read_text(encoding="utf-8"))[suite]
    passed, total = counts["passed"], counts["total"]
    if passed == total:
        return f"suite:{suite}", "exact", ""
    return f"suite:{suite}", "approximated", f"{passed} of {total} cases agree ({passed / total:.1%})."


def texts(items: list[pytest.Item]) -> dict[Path, str]:
    """The files that the marks of ``items`` make, with their texts. ``ValueError`` for wrong marks."""
    manifest = manifest_of(claims_of(items))
    return {MANIFEST: written(manifest), DOCUMENT: document(manifest)}


def anew() -> None:
    """Run the calls of all functions and record which routes they take. ``ValueError`` for unclear ones."""
    RECORD.write_text(record(), encoding="utf-8")
    outcomes.cache_clear()


def written(manifest: Manifest) -> str:
    """The text of ``manifest.json``."""
    return json.dumps(manifest.to_json(), indent=1, ensure_ascii=False) + "\n"


def document(manifest: Manifest) -> str:
    """The text of the manifest's page."""
    body = manifest.to_json()
    lines = [
        "# Fidelity",
        "",
        "What is exact, approximated, supplied and absent. The marks of the tests say so; "
        "`python -m tests.fidelity.collect` writes this page and the manifest that ships with bqsim "
        "(`bqsim fidelity`, `GET /bqsim/v1/fidelity`).",
        "",
        *(f"* **{status}**: {meaning}" for status, meaning in body["statuses"].items()),
        "",
        "| part | " + " | ".join(body["statuses"]) + " |",
        "|---|" + "---|" * len(body["statuses"]),
        "| all | " + " | ".join(str(count) for count in manifest.totals().values()) + " |",
    ]
    for family, counts in manifest.counts().items():
        link = f"[{manifest.families[family]}](#{family})"
        lines.append(f"| {link} | " + " | ".join(str(count or "") for count in counts.values()) + " |")
    for family, title in manifest.families.items():
        entries = [entry for entry in manifest.entries if entry.family == family]
        lines += ["", f'<a id="{family}"></a>', f"## {title}"]
        lines += _by_group(entries) if any(entry.group for entry in entries) else _table(entries)
    return "\n".join(lines) + "\n"


def _table(entries: list[Entry]) -> Iterator[str]:
    yield from ("", "| subject | status | what differs |", "|---|---|---|")
    for entry in entries:
        yield f"| `{_cell(entry.name)}` {_said(entry)}| {entry.status} | {_cell(' '.join(entry.differs))} |"


def _by_group(entries: list[Entry]) -> Iterator[str]:
    yield ""
    yield from (f"* **{route}**: {meaning}" for route, meaning in ROUTES.items())
    for group in TITLES.values():
        rows = [entry for entry in entries if entry.group == group]
        if not rows:
            continue
        yield from ("", f"### {group}", "", "| name | status | route | what differs |", "|---|---|---|---|")
        for entry in rows:
            differs = " ".join((*entry.differs, *([f"({entry.title})"] if entry.title else [])))
            columns = (f"`{entry.name}`", entry.status, ", ".join(entry.routes), differs)
            yield f"| {' | '.join(map(_cell, columns))} |"


def _said(entry: Entry) -> str:
    return f"{_cell(entry.title)} " if entry.title else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
