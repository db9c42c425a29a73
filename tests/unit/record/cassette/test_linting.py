"""Leaks, damage and age of cassettes are found, and told without telling the secret."""

from __future__ import annotations

import base64
import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from bqsim.record.cassette.cassette import Cassette
from bqsim.record.cassette.header import Header
from bqsim.record.cassette.linting import Ages, Finding, days_of, lint
from bqsim.record.cassette.writer import CassetteWriter
from bqsim.record.model import Operation
from bqsim.record.redact.redactor import Redactor
from tests.unit.record.redact.canaries import canaries

from .conftest import rows_json, write

TODAY = dt.date(2026, 2, 1)


def _lint(folder: Path, **more: object) -> list[Finding]:
    return lint(folder, today=TODAY, **more)  # type: ignore[arg-type]


def _leaking(folder: Path, text: str) -> Cassette:
    """A cassette with a text in a query, in a name, encoded, and in a blob."""
    writer = CassetteWriter(folder)
    encoded = base64.b64encode(f"so: {text} .".encode()).decode()
    blob = writer.blob(
        rows_json(2).replace(b"name 1", text.replace("\n", "\\n").replace('"', '\\"').encode()), ""
    )
    operations = [
        Operation("query", "1" * 16, 1, {"sql": f"SELECT 1\n-- {text}\nFROM t"}, {"rows": [{"data": blob}]}),
        Operation("other", "2" * 16, 1, {"verb": "GET", "target": "/"}, {"headers": {"x": encoded}}),
    ]
    writer.write(Header(recorded="2026-01-01"), operations)
    return Cassette.open(folder)


def test_a_clean_cassette_has_no_findings(cassette: Cassette) -> None:
    assert _lint(cassette.folder) == []


@pytest.mark.parametrize("name", ["github token", "private key", "e-mail", "card", "jwt", "password"])
def test_leaks_are_found_wherever_they_are(tmp_path: Path, name: str) -> None:
    text, secret = canaries()[name]
    cassette = _leaking(tmp_path / "x.cassette", text)
    found = _lint(cassette.folder)
    places = {(Path(f.path).name.partition(".")[2], f.line) for f in found if f.what == "leak"}
    lines = (cassette.folder / "operations.txt").read_text().split("\n")
    assert ("txt", next(n for n, line in enumerate(lines, 1) if secret.split("\n")[0] in line)) in places
    assert any(place == "zst" for place, _ in places)
    assert any("22222222" in f.message for f in found)
    assert all(secret not in str(f) and f.kind for f in found if f.what == "leak")


def test_what_the_redactor_leaves_has_no_leaks(tmp_path: Path) -> None:
    redactor = Redactor()
    writer = CassetteWriter(tmp_path / "x.cassette")
    operations = []
    for number, (text, _) in enumerate(canaries().values()):
        request = redactor.value(
            {"sql": f"SELECT '{text}' -- {text}", "labels": {"a": text}, "password": "x"}
        )
        data = writer.blob(redactor.content(text.encode(), "text/plain"), "text/plain")
        operations.append(Operation("other", f"{number:016x}", 1, request, {"content": data}))
    writer.write(Header(recorded="2026-01-01"), operations)
    assert _lint(tmp_path / "x.cassette") == []


def test_damage_is_told(cassette: Cassette) -> None:
    paths = sorted((cassette.folder / "blobs").rglob("*.zst"))
    paths[0].unlink()
    paths[1].write_bytes(paths[1].read_bytes()[:20])
    cassette.blobs.put(b"of nobody")
    (cassette.folder / "operations.txt.orig").write_text("x")
    found = [(f.severity, f.what, f.message.split(";")[0].split(" (")[0]) for f in _lint(cassette.folder)]
    assert sorted(found) == [
        ("error", "damage", "the blob is cut short or damaged"),
        ("error", "damage", "the blob is missing"),
        ("warning", "left", "no operation refers to this blob"),
        ("warning", "left", "this file is of no cassette"),
    ]


def test_orders_and_references_are_checked(tmp_path: Path) -> None:
    cassette = write(tmp_path / "x.cassette")
    operations = list(cassette.operations())
    operations[7] = replace(operations[7], order={"table:${project}.shop.t": 4})
    CassetteWriter(cassette.folder).write(cassette.header, [*operations[:6], operations[7]])
    orders, references = _lint(cassette.folder)
    assert (
        orders.what == "order" and "after 4 changes of table:${project}.shop.t, of which 2" in orders.message
    )
    assert references.what == "reference" and f"{102:016x}.1, which is not recorded" in references.message
    lines = (cassette.folder / "operations.txt").read_text().split("\n")
    assert lines[orders.line - 1] == "=== metadata 00000000000000c8.1"


def test_what_cannot_be_opened_is_still_searched(cassette: Cassette) -> None:
    token = canaries()["github token"][1]
    path = cassette.folder / "operations.txt"
    path.write_text(f"<<<<<<< HEAD\n{token}\n")
    damage, leak = _lint(cassette.folder)
    assert damage.what == "damage" and damage.line == 1
    assert leak.what == "leak" and leak.line == 2


def test_age(cassette: Cassette) -> None:
    def told(**ages: object) -> list[tuple[str, str]]:
        return [(f.severity, f.message) for f in _lint(cassette.folder, ages=Ages(**ages))]  # type: ignore[arg-type]

    assert told(warn_days=31, fail_days=90) == []
    assert told(warn_days=30, fail_days=90) == [
        ("warning", "recorded on 2026-01-01, 31 days ago: more than 30. Record anew")
    ]
    assert [severity for severity, _ in told(warn_days=10, fail_days=30)] == ["error"]
    assert told(revision="20260101") == [
        ("warning", "recorded with a revision that is not told of the API; now it is 20260101")
    ]
    assert told(clients=("gccl/3.31.0", "gl-python/3.12.1")) == [
        ("warning", "recorded with gccl 3.30.0; now it is 3.31.0")
    ]


def test_ages_in_words() -> None:
    assert [days_of(text) for text in ("90d", "2w", "6m", "1y", "14")] == [90, 14, 180, 365, 14]
    with pytest.raises(ValueError, match="no age"):
        days_of("soon")
