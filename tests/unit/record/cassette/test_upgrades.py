"""Cassettes of older versions are brought to the newest, step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bqsim.record.cassette import header as headers
from bqsim.record.cassette import upgrades
from bqsim.record.cassette.cassette import Cassette
from bqsim.record.cassette.errors import CassetteError
from bqsim.record.cassette.upgrades import UPGRADES, Upgrade, upgrade, version_of
from bqsim.record.model import Operation


def _renamed(operation: Operation) -> Operation:
    request = {("statement" if name == "sql" else name): item for name, item in operation.request.items()}
    return replace(operation, request=request)


def _marked(operation: Operation) -> Operation:
    return replace(operation, result={**operation.result, "third": True})


@pytest.fixture
def newer(cassette: Cassette, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bqsim whose format has gone on by two versions."""
    monkeypatch.setattr(headers, "VERSION", 3)
    monkeypatch.setitem(UPGRADES, 1, Upgrade("sql is called statement", operation=_renamed))
    monkeypatch.setitem(
        UPGRADES, 2, Upgrade("a mark", lambda members: {**members, "api_revision": "20260101"}, _marked)
    )


@pytest.mark.usefixtures("newer")
def test_every_step_is_done(cassette: Cassette) -> None:
    with pytest.raises(
        CassetteError, match=r"version is 1, that of this bqsim is 3\. Upgrade it: bqsim cassette"
    ):
        Cassette.open(cassette.folder)
    assert upgrade(cassette.folder) == ["1 to 2: sql is called statement", "2 to 3: a mark"]
    made = Cassette.open(cassette.folder)
    first = next(made.operations())
    assert first.request["statement"].startswith("SELECT") and first.result["third"]
    assert first.measures == {"at": {"end_s": 1.5}}
    assert made.header.api_revision == "20260101" and made.header.recorded == "2026-01-01"
    assert version_of(cassette.folder) == 3
    assert upgrade(cassette.folder) == []


@pytest.mark.usefixtures("newer")
def test_nothing_is_half_done(cassette: Cassette, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(operation: Operation) -> Operation:
        raise CassetteError(cassette.folder, "this one cannot be upgraded", "Record anew")

    monkeypatch.setitem(UPGRADES, 2, Upgrade("fails", operation=failing))
    before = {path: path.read_bytes() for path in cassette.folder.rglob("*") if path.is_file()}
    with pytest.raises(CassetteError, match="cannot be upgraded"):
        upgrade(cassette.folder)
    assert {path: path.read_bytes() for path in cassette.folder.rglob("*") if path.is_file()} == before
    monkeypatch.delitem(UPGRADES, 2)
    with pytest.raises(CassetteError, match="no upgrade from version 2"):
        upgrade(cassette.folder)


def test_what_is_newest_stays(cassette: Cassette) -> None:
    before = (cassette.folder / headers.FILE).read_bytes()
    assert upgrades.upgrade(cassette.folder) == []
    assert (cassette.folder / headers.FILE).read_bytes() == before


def test_what_is_newer_is_refused(cassette: Cassette) -> None:
    path = cassette.folder / headers.FILE
    path.write_text(path.read_text().replace('"version": 1', '"version": 7'))
    with pytest.raises(
        CassetteError, match=r"version is 7; this bqsim knows up to 1\. Install a newer bqsim"
    ):
        upgrade(cassette.folder)
