"""Cassettes are read as they were written, and tell clearly what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.record.cassette.cassette import Cassette
from bqsim.record.cassette.errors import CassetteError
from bqsim.record.cassette.header import FILE, Header
from bqsim.record.cassette.text import HEAD_LINE, operation_of, operation_text
from bqsim.record.cassette.writer import CassetteWriter, prune
from bqsim.record.keys import operation_key
from bqsim.record.model import BLOB, KINDS, Operation
from tests.unit.record.examples import EXAMPLES

from .conftest import write

_texts = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["$lines", "$$lines", "a\nb", "=== query x", "${job}"]
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)
_objects = st.dictionaries(_texts, _json, max_size=4)


@EXAMPLES
@given(
    st.sampled_from(sorted(KINDS)),
    st.integers(1, 999_999_999),
    _objects,
    _objects,
    st.dictionaries(_texts, st.integers(0, 9), max_size=2),
    st.lists(_objects, max_size=2),
)
def test_texts_are_read_as_they_were_written(
    kind: str, occurrence: int, request: Any, result: Any, order: Any, exchanges: Any
) -> None:
    one = Operation(
        kind, "0123456789abcdef", occurrence, request, result, order, tuple(sorted(order)), exchanges
    )
    text = operation_text(one).encode()
    head, _, body = text.partition(b"\n")
    found = HEAD_LINE.fullmatch(head)
    assert found
    assert operation_of(found[1].decode(), found[2].decode(), int(found[3]), body) == one
    # No line of a body looks like one that names an operation.
    assert not [line for line in body.split(b"\n") if line[:1] in (b"=", b"<", b">")]


@EXAMPLES
@given(_objects)
def test_keys_do_not_depend_on_the_order_of_members(request: dict[str, Any]) -> None:
    turned = json.loads(json.dumps(dict(reversed(request.items()))))
    assert operation_key("other", request) == operation_key("other", turned)


@pytest.mark.fidelity("recording:cassettes", "exact")
def test_operations_are_read_in_their_order(cassette: Cassette) -> None:
    assert len(cassette) == 8
    assert [o.kind for o in cassette.operations()] == ["query"] * 4 + ["metadata"] * 4
    first = next(cassette.operations())
    assert first.request["sql"] == "SELECT n, s\nFROM `${project}.shop.orders_0`"
    assert first.measures == {"at": {"end_s": 1.5}}
    assert cassette.blob(first.result["rows"][0]["data"]).startswith(b'[{"f"')
    assert first.result["rows"][0]["data"]["preview"][1] == '["0", "name 0"]'


def test_writing_twice_gives_the_same_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name / "x.cassette")
    files = [
        {p.relative_to(tmp_path / name): p.read_bytes() for p in (tmp_path / name).rglob("*") if p.is_file()}
        for name in ("a", "b")
    ]
    assert files[0] == files[1] and len(files[0]) > 6


def _edit(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


OPERATIONS = "operations.txt"
BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "no header": (lambda f: (f / FILE).unlink(), "there is no cassette here"),
    "no operations": (lambda f: (f / OPERATIONS).unlink(), "the operations are missing"),
    "header is no JSON": (
        lambda f: _edit(f / FILE, b'"version": 1', b'"version": '),
        f"{FILE}:3: the header is not JSON",
    ),
    "header is binary": (lambda f: (f / FILE).write_bytes(b"\xff\x00"), "the header is no text"),
    "another file": (lambda f: (f / FILE).write_text("{}"), "not the header of a cassette"),
    "newer": (
        lambda f: _edit(f / FILE, b'"version": 1', b'"version": 99'),
        "version is 99; this bqsim knows up to 1",
    ),
    "no version": (
        lambda f: _edit(f / FILE, b'"version": 1', b'"version": "x"'),
        "version is 'x', which is none",
    ),
    "conflict in the header": (
        lambda f: _edit(f / FILE, b' "version"', b"<<<<<<< ours\n"),
        f"{FILE}:3: git could not merge",
    ),
    "conflict": (
        lambda f: _edit(f / OPERATIONS, b'  "totalRows": 40', b'<<<<<<< HEAD\n  "totalRows": 40'),
        "could not merge",
    ),
    "twice": (
        lambda f: (f / OPERATIONS).write_bytes((f / OPERATIONS).read_bytes() * 2),
        "operation 0000000000000000.1 stands here a second time",
    ),
    "gap": (
        lambda f: _edit(f / OPERATIONS, b"0000000000000002.1", b"0000000000000002.2"),
        "operation 0000000000000002.2 stands here, but 0000000000000002.1 nowhere",
    ),
    "bad head": (
        lambda f: _edit(f / OPERATIONS, b"=== query 0000000000000001.1", b"=== querry 0000000000000001.1"),
        "'=== querry 0000000000000001.1' names no operation",
    ),
    "garbage": (lambda f: (f / OPERATIONS).write_bytes(b"\x00\x01\x02" * 1000), "no text of operations"),
    "text in front": (
        lambda f: (f / OPERATIONS).write_bytes(b"hello\n" + (f / OPERATIONS).read_bytes()),
        f"{OPERATIONS}:1: this is of no operation",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_cassette_that_cannot_be_opened_tells_why(cassette: Cassette, how: str) -> None:
    spoil, told = BROKEN[how]
    spoil(cassette.folder)
    with pytest.raises(CassetteError) as raised:
        Cassette.open(cassette.folder)
    assert told in str(raised.value)
    assert raised.value.remedy


def test_the_line_of_a_conflict_is_told(cassette: Cassette) -> None:
    path = cassette.folder / OPERATIONS
    _edit(path, b'  "totalRows": 40', b'<<<<<<< HEAD\n  "totalRows": 40')
    line = path.read_bytes().split(b"\n").index(b"<<<<<<< HEAD") + 1
    with pytest.raises(CassetteError, match=f"operations.txt:{line}: "):
        Cassette.open(cassette.folder)


def test_the_line_of_damaged_json_is_told(cassette: Cassette) -> None:
    path = cassette.folder / OPERATIONS
    _edit(path, b'  "totalRows": 40', b'  "totalRows" 40')
    line = path.read_bytes().split(b"\n").index(b'  "totalRows" 40,') + 1
    opened = Cassette.open(cassette.folder)
    with pytest.raises(CassetteError, match=f"operations.txt:{line}: operation 0000000000000000.1: "):
        opened.operation(opened.entries[0])
    assert opened.operation(opened.entries[1]).result["totalRows"] == 40


def _blob(cassette: Cassette) -> tuple[dict[str, Any], Path]:
    reference = next(cassette.operations()).result["rows"][0]["data"]
    return reference, cassette.blobs.path(reference[BLOB])


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.unlink(), "the blob is missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-5]), "cut short or damaged"),
        (lambda path: path.write_bytes(b""), "cut short or damaged"),
        (lambda path: path.write_bytes(b"\xff" * 100), "cut short or damaged"),
        (
            lambda path: path.write_bytes(
                next(p for p in path.parents[1].rglob("*.zst") if p != path).read_bytes()
            ),
            "not what its name says",
        ),
    ],
    ids=["missing", "truncated", "empty", "garbage", "wrong hash"],
)
def test_a_damaged_blob_tells_what_it_is(
    cassette: Cassette, spoil: Callable[[Path], None], told: str
) -> None:
    reference, path = _blob(cassette)
    spoil(path)
    with pytest.raises(CassetteError, match=told) as raised:
        cassette.blob(reference)
    assert str(path) in str(raised.value)


def test_a_reference_that_is_none(cassette: Cassette) -> None:
    with pytest.raises(CassetteError, match="is not a SHA-256"):
        cassette.blob({BLOB: "../../etc/passwd"})


def test_damaged_measures_tell_their_line(cassette: Cassette) -> None:
    with cassette.measures_path.open("a") as file:
        file.write("{\n")
    with pytest.raises(CassetteError, match=r"shop.measures.jsonl:5: "):
        _ = Cassette.open(cassette.folder).measures


def test_lines_that_end_otherwise(cassette: Cassette) -> None:
    path = cassette.folder / OPERATIONS
    told = list(cassette.operations())
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert list(Cassette.open(cassette.folder).operations()) == told


@EXAMPLES
@given(st.integers(1, 400))
def test_pieces_of_any_size_give_the_same(tmp_path_factory: pytest.TempPathFactory, size: int) -> None:
    from bqsim.record.cassette import scanning

    folder = tmp_path_factory.getbasetemp() / "pieces" / "x.cassette"
    cassette = Cassette.open(folder) if (folder / FILE).exists() else write(folder)
    before, scanning._PIECE = scanning._PIECE, size
    try:
        assert Cassette.open(folder).entries == cassette.entries
    finally:
        scanning._PIECE = before


def test_names_follow_one_another_when_written(tmp_path: Path) -> None:
    one = Operation("other", "0" * 16, 2, {}, {})
    with pytest.raises(ValueError, match="are missing: there are 1"):
        CassetteWriter(tmp_path / "x.cassette").write(Header(), [one])
    assert not list((tmp_path / "x.cassette").glob("*"))


def test_blobs_that_nobody_needs_are_removed(cassette: Cassette) -> None:
    digest = cassette.blobs.put(b"left over")
    cassette.blobs.path(digest).with_suffix(".7.part").write_bytes(b"half")
    assert prune(cassette) == 2
    assert not cassette.blobs.path(digest).exists()
    for operation in cassette.operations():
        for rows in operation.result.get("rows", ()):
            assert cassette.blob(rows["data"])


def test_occurrences_may_stand_in_any_order(tmp_path: Path) -> None:
    all_ = [Operation("other", "0" * 16, n, {}, {"n": n}) for n in (3, 1, 4, 2)]
    CassetteWriter(tmp_path / "x.cassette").write(Header(), all_)
    assert list(Cassette.open(tmp_path / "x.cassette").operations()) == all_
    with pytest.raises(ValueError, match="two operations"):
        CassetteWriter(tmp_path / "y.cassette").write(Header(), [*all_, all_[0]])


def test_a_file_where_a_folder_is_wanted_is_told(tmp_path: Path) -> None:
    path = tmp_path / "jobs.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(CassetteError) as refused:
        Cassette.open(path)
    assert "this is a file; a cassette is a folder" in str(refused.value)
