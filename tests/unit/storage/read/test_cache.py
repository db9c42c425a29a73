from __future__ import annotations

from bqsim.storage.read.cache import Chunk, ChunkCache

from .conftest import Reader


def chunk(size: int) -> Chunk:
    return Chunk((b"x" * size,), (1,))


def kept(cache: ChunkCache, reading: str, parts: int) -> list[int]:
    return [part for part in range(parts) if cache.get(reading, part)]


def test_the_least_recently_used_reading_goes_first() -> None:
    cache = ChunkCache(6 * chunk(1000).nbytes)
    for reading in "abc":
        for part in range(2):
            cache.put(reading, part, chunk(1000))
    assert cache.get("a", 0) is not None
    for part in range(3):
        cache.put("d", part, chunk(1000))
    assert kept(cache, "d", 3) == [0, 1, 2]
    assert kept(cache, "a", 2) == [0, 1]
    assert kept(cache, "b", 2) == []
    assert kept(cache, "c", 2) == [0]
    assert cache.nbytes == cache.capacity


def test_a_reading_that_does_not_fit_keeps_its_first_chunks() -> None:
    cache = ChunkCache(6 * chunk(1000).nbytes)
    for _ in range(2):
        for part in range(10):
            cache.put("a", part, chunk(1000))
        assert kept(cache, "a", 10) == [0, 1, 2, 3, 4, 5]


def test_the_bound_holds() -> None:
    cache = ChunkCache(100_000)
    sizes: dict[tuple[int, int], int] = {}
    for number in range(500):
        key = (number // 40 % 7, number % 30)
        sizes[key] = number * 100 % 9000
        cache.put(*key, chunk(sizes[key]))
        assert cache.nbytes <= cache.capacity
    found = [c for key in sizes if (c := cache.get(*key))]
    assert sum(c.nbytes for c in found) == cache.nbytes > 0
    assert len(found) == len(cache)


def test_what_is_larger_than_the_cache_is_not_kept() -> None:
    cache = ChunkCache(10_000)
    cache.put("small", 0, chunk(500))
    cache.put("large", 0, chunk(10_000))
    assert cache.get("large", 0) is None
    assert cache.get("small", 0) is not None
    cache.clear()
    assert (cache.get("small", 0), cache.nbytes, len(cache)) == (None, 0, 0)


def test_a_cache_of_nothing() -> None:
    cache = ChunkCache(0)
    cache.put("a", 0, chunk(10))
    assert (cache.get("a", 0), cache.nbytes) == (None, 0)


def test_chunks() -> None:
    found = Chunk((b"ab", b"c"), (3, 4))
    assert found.rows == 7
    assert found.nbytes > 3


def test_reading_much_more_than_the_cache_holds(reader: Reader) -> None:
    reader.service.cache.capacity = 1_000_000
    reader.warehouse.run(
        "CREATE TABLE d.t AS SELECT x, x * 2 AS y FROM UNNEST(GENERATE_ARRAY(1, 50000)) AS x"
    )
    for restriction in ("", "x > 0", "x > 1", "x > 2"):
        assert len(reader.all(reader.session("t", row_restriction=restriction))) >= 49_998
        assert reader.service.cache.nbytes <= 1_000_000
