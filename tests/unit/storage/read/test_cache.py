from __future__ import annotations

from bqsim.storage.read.cache import Chunk, ChunkCache

from .conftest import Reader


def chunk(size: int) -> Chunk:
    return Chunk((b"x" * size,), (1,))


def test_the_least_recently_read_go_first() -> None:
    cache = ChunkCache(4 * chunk(1000).nbytes)
    for name in "abcd":
        cache.put(name, chunk(1000))
    assert cache.get("a") is not None
    cache.put("e", chunk(1000))
    assert [name for name in "abcde" if cache.get(name)] == ["a", "c", "d", "e"]
    assert cache.nbytes == cache.capacity


def test_the_bound_holds() -> None:
    cache = ChunkCache(100_000)
    for number in range(200):
        cache.put(number % 70, chunk(number * 100 % 9000))
        assert cache.nbytes <= cache.capacity
        assert cache.nbytes == sum(c.nbytes for c in cache._chunks.values())


def test_what_would_push_out_the_others_is_not_kept() -> None:
    cache = ChunkCache(10_000)
    cache.put("large", chunk(5000))
    assert cache.get("large") is None
    cache.put("small", chunk(500))
    cache.clear()
    assert (cache.get("small"), cache.nbytes) == (None, 0)


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
