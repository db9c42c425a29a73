from __future__ import annotations

from pathlib import Path

import pytest

from bqsim.errors import BigQueryError
from bqsim.objects import ObjectStore, PreconditionFailed
from bqsim.sim.clock import RealClock


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(RealClock(), tmp_path)


NAMES = [
    "a",
    "a/b",
    "a/b/c",
    "a//b",
    "/a",
    "a/",
    "./x",
    "../x",
    "50%.csv",
    "x y/ü?*[1].csv",
    "p=1/q=%41.csv",
    "long/" + "é" * 400 + "/end",
    "tail%",
]


def test_any_name_is_read_back_and_listed(store: ObjectStore) -> None:
    for name in NAMES:
        store.put(f"gs://bucket/{name}", name)
    assert [o.name for o in store.objects("bucket")] == sorted(NAMES)
    for name in NAMES:
        assert store.read(f"gs://bucket/{name}") == name.encode()
    for name in NAMES:
        store.delete(f"gs://bucket/{name}")
    assert list(store.objects("bucket")) == []


def test_nothing_is_written_outside_of_the_folder(store: ObjectStore, tmp_path: Path) -> None:
    store.put("gs://bucket/../../escaped", b"x")
    assert not list(tmp_path.parent.glob("escaped*"))
    assert store.read("gs://bucket/../../escaped") == b"x"


def test_a_file_put_there_by_hand_is_an_object(store: ObjectStore) -> None:
    folder = store.folder / "bucket" / "in"
    folder.mkdir(parents=True)
    (folder / "rows.csv").write_bytes(b"1\n")
    assert [(o.uri, o.size) for o in store.glob("gs://bucket/*.csv")] == [("gs://bucket/in/rows.csv", 2)]


def test_generations_grow_and_guard_writes(store: ObjectStore) -> None:
    first = store.put("gs://bucket/x", b"1", {"contentType": "text/csv"})
    second = store.put("gs://bucket/x", b"22")
    assert second.generation > first.generation and second.size == 2
    late = store.create("gs://bucket/x", if_generation=first.generation)
    late.write(b"late")
    with pytest.raises(PreconditionFailed):
        late.close()
    with pytest.raises(PreconditionFailed), store.create("gs://bucket/x", if_generation=0) as new:
        new.write(b"new")
    assert store.read("gs://bucket/x") == b"22"


def test_attributes_stay_and_count_changes(store: ObjectStore) -> None:
    store.put("gs://bucket/x", b"1", {"contentType": "text/csv"})
    changed = store.update("gs://bucket/x", {"metadata": {"k": "v"}})
    assert (changed.metageneration, changed.attributes) == (2, {"metadata": {"k": "v"}})
    again = ObjectStore(RealClock(), store.folder)
    assert again.get("gs://bucket/x") == changed


def test_a_write_that_fails_leaves_the_old_object(store: ObjectStore) -> None:
    store.put("gs://bucket/x", b"old")
    with pytest.raises(RuntimeError), store.create("gs://bucket/x") as writer:
        writer.write(b"half")
        raise RuntimeError
    assert store.read("gs://bucket/x") == b"old"


GLOBS = [
    ("gs://bucket/a/*", ["a/1.csv", "a/b/2.csv", "a/x.json"]),
    ("gs://bucket/a/*.csv", ["a/1.csv", "a/b/2.csv"]),
    ("gs://bucket/*2.csv", ["a/b/2.csv", "c2.csv"]),
    ("gs://bucket/a/1.csv", ["a/1.csv"]),
    ("gs://bucket/a/[1].csv", []),
    ("gs://nothing/*", []),
]


@pytest.mark.parametrize(("uri", "names"), GLOBS, ids=[uri for uri, _ in GLOBS])
def test_glob(store: ObjectStore, uri: str, names: list[str]) -> None:
    for name in ("a/1.csv", "a/b/2.csv", "a/x.json", "c2.csv"):
        store.put(f"gs://bucket/{name}", b"")
    assert [o.name for o in store.glob(uri)] == names


def test_checksums(store: ObjectStore) -> None:
    store.put("gs://bucket/x", b"123456789")
    assert store.crc32c("gs://bucket/x") == "4waSgw=="
    assert store.md5("gs://bucket/x") == "JfnnlDI7RTiF9RgfG2JNCw=="


def test_checksum_without_the_library() -> None:
    from bqsim.objects.checksums import _extend

    assert _extend(_extend(0, b"1234"), b"56789") == 0xE3069283


def test_buckets(store: ObjectStore) -> None:
    store.create_bucket("two", {"location": "EU"})
    store.put("gs://one/x", b"")
    assert [(b.name, dict(b.attributes)) for b in store.buckets()] == [
        ("one", {}),
        ("two", {"location": "EU"}),
    ]
    store.delete_bucket("one")
    assert store.find_bucket("one") is None and store.find("one", "x") is None


BAD = [
    ("gs://bucket", "Invalid source URI: gs://bucket"),
    ("s3://bucket/x", "Invalid source URI: s3://bucket/x"),
    ("gs://UPPER/x", "Invalid source URI: gs://UPPER/x"),
    ("gs://bucket/", "Invalid source URI: gs://bucket/"),
    ("gs://bucket/a\nb", "Invalid object name: 'a\\nb'"),
    ("gs://bucket/missing", "Not found: URI gs://bucket/missing"),
]


@pytest.mark.parametrize(("uri", "message"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_bad_uris(store: ObjectStore, uri: str, message: str) -> None:
    store.create_bucket("bucket")
    with pytest.raises(BigQueryError) as caught:
        store.open(uri)
    assert caught.value.message == message


def test_a_temporary_folder_goes_away() -> None:
    store = ObjectStore(RealClock())
    store.put("gs://bucket/x", b"1")
    folder = store.folder
    store.close()
    assert not folder.exists()


def test_overwritten_and_deleted_versions_are_kept_where_the_bucket_says_so(store: ObjectStore) -> None:
    store.create_bucket("bucket", {"versioning": {"enabled": True}})
    first = store.put("gs://bucket/x", b"1")
    second = store.put("gs://bucket/x", b"2")
    store.delete("gs://bucket/x")
    assert store.names("bucket") == []
    kept = store.noncurrent("bucket")
    assert [(v.generation, v.deleted_us is not None) for v in kept] == [
        (first.generation, True),
        (second.generation, True),
    ]
    opened = store.open_version("bucket", "x", first.generation)
    assert opened is not None
    with opened[1] as stream:
        assert stream.read() == b"1"
    store.delete("gs://bucket/x", generation=first.generation)
    assert [v.generation for v in store.noncurrent("bucket")] == [second.generation]
    assert store.find("bucket", "x", first.generation) is None


def test_checksums_are_found_once(store: ObjectStore) -> None:
    info = store.put("gs://bucket/x", b"text")
    assert info.hashes == {}
    found = store.hashes(info)
    assert found == {"md5": store.md5("gs://bucket/x"), "crc32c": store.crc32c("gs://bucket/x")}
    assert store.get("gs://bucket/x").hashes == found


def test_names_below_a_prefix(store: ObjectStore) -> None:
    for name in NAMES:
        store.put(f"gs://bucket/{name}", name)
    for prefix in (
        "",
        "a",
        "a/",
        "a//",
        "./",
        "long/",
        "long/é",
        "p=1/q",
        "none/",
        "long/" + "é" * 400 + "/",
    ):
        assert store.names("bucket", prefix) == sorted(n for n in NAMES if n.startswith(prefix))
