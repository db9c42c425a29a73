from __future__ import annotations

import pytest

from bqsim.fidelity import ROUTES, STATUSES, Entry, Manifest, load
from bqsim.fidelity.manifest import of_json

ENTRIES = (
    Entry(
        "function:ABS", "", "exact", (), ("tests/f.py",), "Mathematical functions", ("ENGINE", "REFERENCE"), 5
    ),
    Entry("limit:rows_a", "Rows", "absent", ("Nothing reaches it.",), ("tests/t.py",)),
    Entry("rest:bigquery.tables.get", "GET t", "exact", (), ("tests/t.py::test_a", "tests/u.py")),
    Entry("rest:bigquery.tables.list", "GET ts", "approximated", ("Pages differ.",), ("tests/u.py",)),
)
MANIFEST = Manifest({"function": "Functions", "limit": "Limits", "rest": "Methods"}, ENTRIES)


@pytest.mark.parametrize(
    ("globs", "names"),
    [
        ((), ["ABS", "rows_a", "bigquery.tables.get", "bigquery.tables.list"]),
        (("rest",), ["bigquery.tables.get", "bigquery.tables.list"]),
        (("function", "limit:*"), ["ABS", "rows_a"]),
        (("rest:*",), ["bigquery.tables.get", "bigquery.tables.list"]),
        (("Tables.GET",), ["bigquery.tables.get"]),
        (("*list", "rows"), ["rows_a", "bigquery.tables.list"]),
        (("tables.g?t",), []),
        (("nothing",), []),
    ],
    ids=str,
)
def test_subjects_are_selected(globs: tuple[str, ...], names: list[str]) -> None:
    found = MANIFEST.select(*globs)
    assert [entry.name for entry in found.entries] == names
    assert set(found.families) == {entry.family for entry in found.entries}


def test_counts() -> None:
    assert MANIFEST.counts() == {
        "function": {"exact": 1, "approximated": 0, "supplied": 0, "absent": 0},
        "limit": {"exact": 0, "approximated": 0, "supplied": 0, "absent": 1},
        "rest": {"exact": 1, "approximated": 1, "supplied": 0, "absent": 0},
    }
    assert MANIFEST.totals() == {"exact": 2, "approximated": 1, "supplied": 0, "absent": 1}


def test_json_and_back() -> None:
    body = MANIFEST.to_json()
    assert of_json(body) == MANIFEST
    assert body["subjects"]["rest:bigquery.tables.get"] == {
        "status": "exact",
        "title": "GET t",
        "tests": ["tests/t.py::test_a", "tests/u.py"],
    }
    assert body["subjects"]["function:ABS"] == {
        "status": "exact",
        "title": "",
        "group": "Mathematical functions",
        "routes": ["ENGINE", "REFERENCE"],
        "signatures": 5,
        "tests": ["tests/f.py"],
    }
    assert (body["statuses"], body["routes"]) == (STATUSES, ROUTES)


def test_the_one_that_ships() -> None:
    shipped = load()
    assert shipped is load()
    (entry,) = shipped.select("rest:bigquery.tables.ge[t]").entries
    assert entry.status == "exact"
    assert entry.tests
    for entry in shipped.entries:
        assert entry.status in STATUSES
        assert bool(entry.differs) is (entry.status != "exact")
        assert entry.family in shipped.families
        assert set(entry.routes) <= set(ROUTES)
        assert bool(entry.routes) is (entry.family == "function")
