from __future__ import annotations

import pytest

from bqsim.errors import BigQueryError
from bqsim.objects import ObjectInfo
from bqsim.server.gcs.listing import Page, Selection, glob_of, page_of

NAMES = ["a", "b/1", "b/2", "b/c/3", "d"]


def info(name: str) -> list[ObjectInfo]:
    return [ObjectInfo("bucket", name, 0, 1, 1, 0, 0)]


def shown(page: Page) -> tuple[list[str], list[str], str | None]:
    return [item.name for item in page.items], page.prefixes, page.last


def test_pages_hold_objects_and_prefixes_together() -> None:
    first = page_of(Selection(delimiter="/"), NAMES, info, 2)
    assert shown(first) == (["a"], ["b/"], "b/")
    second = page_of(Selection(delimiter="/", after="b/"), NAMES, info, 2)
    assert shown(second) == (["d"], [], None)


def test_all_pages_are_the_list() -> None:
    found, after = [], ""
    while True:
        page = page_of(Selection(after=after), NAMES, info, 2)
        found += [item.name for item in page.items]
        if page.last is None:
            break
        after = page.last
    assert found == NAMES


def test_versions_of_a_name_stay_on_one_page() -> None:
    page = page_of(Selection(), ["a", "b"], lambda name: info(name) * 3, 2)
    assert shown(page) == (["a"] * 3, [], "a")


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.csv", ["a.csv", ".csv"], ["a/b.csv", "a.csvx"]),
        ("**.csv", ["a.csv", "a/b.csv"], ["a.txt"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb"]),
        ("?[a-c].{txt,csv}", ["xa.txt", "xc.csv"], ["xd.txt", "xa.json", "/a.txt"]),
        ("[!a]", ["b"], ["a"]),
        (r"\*", ["*"], ["x"]),
        ("a.b", ["a.b"], ["axb"]),
    ],
)
def test_globs(pattern: str, yes: list[str], no: list[str]) -> None:
    matches = glob_of(pattern)
    assert all(matches(name) for name in yes)
    assert not any(matches(name) for name in no)


def test_bad_globs_are_400() -> None:
    with pytest.raises(BigQueryError) as failed:
        glob_of("[a")
    assert failed.value.http == 400
