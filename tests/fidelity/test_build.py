"""From marks to claims, and from claims to the manifest."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bqsim.fidelity import Entry

from .build import document, manifest_of, recorded
from .claims import BadMark, Claim, claims_of
from .subjects import FAMILIES, SUBJECTS

MODULE = """
import pytest

pytestmark = [
    pytest.mark.fidelity("rest:whole, rest:both", "exact"),
    pytest.mark.fidelity("rest:some", "approximated", "It differs.", tests="test_a* test_c"),
]

@pytest.mark.fidelity("limit:{name}/{box.stop}", "exact")
@pytest.mark.parametrize(("name", "box"), [("x", range(7)), ("y", range(7))])
def test_a(name, box): pass

@pytest.mark.fidelity(of=lambda case: ("rest:" + case["name"].upper(), "absent", "None."))
@pytest.mark.parametrize("name", ["x", "y"])
def test_b(name): pass
"""


class Kept:
    """Takes the items of a collection."""

    items: list[pytest.Item]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.items = items


def claims_in(folder: Path, text: str) -> set[Claim]:
    (folder / "test_it.py").write_text(text)
    kept = Kept()
    sys.modules.pop("test_it", None)
    # An inner faulthandler takes the handlers of signals with it that WebAssembly traps go by.
    left_out = ("cacheprovider", "bqsim", "xdist", "faulthandler")
    without = [word for name in left_out for word in ("-p", f"no:{name}")]
    where = ["--rootdir", str(folder), "-c", "/dev/null", "--import-mode", "importlib", str(folder)]
    assert pytest.main(["--collect-only", "-qqq", *without, *where], [kept]) == 0
    return claims_of(kept.items)


@pytest.mark.filterwarnings("ignore")
def test_marks_become_claims(tmp_path: Path) -> None:
    assert sorted((c.subject, c.status, c.note, c.test) for c in claims_in(tmp_path, MODULE)) == [
        ("limit:x/7", "exact", "", "test_it.py::test_a"),
        ("limit:y/7", "exact", "", "test_it.py::test_a"),
        ("rest:X", "absent", "None.", "test_it.py::test_b"),
        ("rest:Y", "absent", "None.", "test_it.py::test_b"),
        ("rest:both", "exact", "", "test_it.py"),
        ("rest:some", "approximated", "It differs.", "test_it.py::test_a"),
        ("rest:whole", "exact", "", "test_it.py"),
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("mark", "message"),
    [
        (
            '("rest:x", "exakt")',
            "test_it.py::test_a: 'exakt' is none of exact, approximated, supplied, absent",
        ),
        ('("rest:x", "exact", "But.")', "what is exact differs in nothing"),
        ('("rest:x", "absent")', "what is not differs in something"),
        ('("rest:{name}", "exact")', "has a slot that is no parameter: 'name'"),
        ('("rest:x")', "missing 1 required positional argument: 'status'; a mark has subjects"),
        ('("rest:x", "exact", tests="test_b*")', "test_it.py::test_a: no test is called 'test_b*'"),
    ],
    ids=["status", "note-of-exact", "no-note", "slot", "no-status", "no-such-test"],
)
def test_marks_that_are_wrong(tmp_path: Path, mark: str, message: str) -> None:
    text = f"import pytest\n\n@pytest.mark.fidelity{mark}\ndef test_a(): pass\n"
    with pytest.raises(BadMark) as raised:
        claims_in(tmp_path, text)
    assert message in str(raised.value)


def test_claims_add_up() -> None:
    def claim(status: str, test: str, note: str = "") -> Claim:
        return Claim("rest:x", status, note, test)

    def entry(*claims: Claim) -> Entry:
        return manifest_of(claims, {"rest:x": "X"}).entries[0]

    exact, absent = claim("exact", "b"), claim("absent", "a", "Not for views.")
    assert entry(exact, claim("exact", "a")) == Entry("rest:x", "X", "exact", (), ("a", "b"))
    assert entry(absent).status == "absent"
    assert entry(exact, absent) == Entry("rest:x", "X", "approximated", ("Not for views.",), ("a", "b"))


def test_nothing_is_left_out() -> None:
    claims = [Claim("rest:a", "exact", "", "t"), Claim("rest:typo", "exact", "", "t.py::test_b")]
    with pytest.raises(ValueError) as raised:
        manifest_of(claims, {"rest:a": "", "rest:b": ""})
    assert str(raised.value).splitlines() == [
        "no such subject: rest:typo (t.py::test_b)",
        "no test shows: rest:b",
    ]


def test_subjects_belong_to_families() -> None:
    assert {subject.partition(":")[0] for subject in SUBJECTS} == set(FAMILIES)
    assert not [subject for subject in SUBJECTS if "," in subject or subject != subject.strip()]


def test_recorded_suites_are_as_exact_as_they_pass() -> None:
    assert recorded("bigquery-recorded-http") == ("suite:bigquery-recorded-http", "exact", "")
    subject, status, note = recorded("googlesql-compliance")
    assert (subject, status) == ("suite:googlesql-compliance", "approximated")
    assert note.endswith("%).")


def test_the_page_has_a_row_for_each_subject() -> None:
    claims = [Claim(s, "absent", "Not | there.", "t") for s in ("rest:a", "limit:b")]
    page = document(manifest_of(claims, {"rest:a": "GET a", "limit:b": ""}))
    assert "| `a` GET a | absent | Not \\| there. |" in page
    assert "| `b` | absent | Not \\| there. |" in page
    assert "| all | 0 | 0 | 0 | 2 |" in page
    assert "| [REST methods](#rest) |  |  |  | 1 |" in page


def test_the_page_has_functions_by_group() -> None:
    page = document(manifest_of([Claim("function:ABS", "exact", "", "t")], {"function:ABS": ""}))
    assert "### Mathematical functions\n\n| name |" in page
    assert "| `ABS` | exact | ENGINE |  |" in page
    assert "### Operators" not in page
