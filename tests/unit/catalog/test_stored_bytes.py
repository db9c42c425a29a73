from __future__ import annotations

from bqsim.catalog.stored_bytes import Sized, StoredBytes


def test_only_the_version_that_was_written_last_is_known() -> None:
    known = StoredBytes()
    assert known.of("t1", 5) == {}
    known.put("t1", Sized(5, 1, {"c1": 8, "c2": 3}))
    assert known.of("t1", 5) == {"c1": 8, "c2": 3}
    assert known.of("t1", 4) == known.of("t1", 6) == known.of("t2", 5) == {}
    known.put("t1", Sized(6, 2, {"c1": 16}))
    assert known.of("t1", 6) == {"c1": 16}
    assert known.of("t1", 5) == {}
    assert known.latest("t1") == Sized(6, 2, {"c1": 16})
    assert known.latest("t2") is None


def test_counted_columns_join_those_of_the_same_version() -> None:
    known = StoredBytes()
    known.learn("t1", Sized(5, 1, {"c1": 8}))
    known.learn("t1", Sized(5, 1, {"c2": 3}))
    assert known.of("t1", 5) == {"c1": 8, "c2": 3}
    known.learn("t1", Sized(4, 1, {"c1": 0}))
    assert known.of("t1", 5) == {"c1": 8, "c2": 3}
    known.learn("t1", Sized(6, 2, {"c2": 9}))
    assert known.of("t1", 6) == {"c2": 9}


def test_no_more_tables_than_its_capacity() -> None:
    known = StoredBytes(capacity=2)
    for n in range(3):
        known.put(f"t{n}", Sized(1, 1, {"c1": n}))
    assert known.of("t0", 1) == {}
    assert known.of("t2", 1) == {"c1": 2}


def test_whoever_has_counted_hears_of_versions_that_are_put_back() -> None:
    known = StoredBytes()
    told: list[str] = []

    class Counting:
        def forget(self) -> None:
            told.append("forgotten")

    one, other = Counting(), Counting()
    known.on_forget(one.forget)
    known.on_forget(other.forget)
    del other
    for n in range(3):
        known.put(f"t{n}", Sized(1, 1, {"c1": n}))
    known.forget(["t1", "t7"])
    assert told == ["forgotten"]
    assert (known.of("t0", 1), known.of("t1", 1), known.of("t2", 1)) == ({"c1": 0}, {}, {"c1": 2})
