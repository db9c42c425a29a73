"""Pages and members of sorted ids."""

from __future__ import annotations

from bqsim.catalog.sorted_ids import contains, page_of, remove

IDS = ["a", "c", "e"]


def test_pages() -> None:
    assert page_of(IDS, "", None) == IDS
    assert page_of(IDS, "a", 1) == ["c"]
    assert page_of(IDS, "d", 5) == ["e"]
    assert page_of(IDS, "e", None) == []


def test_members() -> None:
    assert [contains(IDS, i) for i in "abez"] == [True, False, True, False]
    ids = list(IDS)
    for name in ("c", "c", "z"):
        remove(ids, name)
    assert ids == ["a", "e"]
