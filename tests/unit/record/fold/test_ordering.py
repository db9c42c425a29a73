"""Order that does not depend on which call was faster."""

from __future__ import annotations

from bqsim.record.fold.ordering import Touch, arrange


def touch(key: str, at: float, took: float = 0.5, **more: object) -> Touch:
    return Touch("metadata", key, more.pop("content", b""), at, at + took, **more)  # type: ignore[arg-type]


def test_a_change_counts_once_it_is_done() -> None:
    touches = [
        touch("change", 0, 10, changes=("t",)),
        touch("early", 5, reads=("t",)),
        touch("late", 11, reads=("t",)),
    ]
    arrange(touches)
    assert [t.order for t in touches] == [{"t": 0}, {"t": 0}, {"t": 1}]


def test_what_only_adds_has_no_number() -> None:
    touches = [touch("a", 0, adds=("t",)), touch("b", 1, adds=("t",)), touch("read", 9, reads=("t",))]
    assert [touches[n].key for n in arrange(touches)] == ["a", "b", "read"]
    assert [t.order for t in touches] == [{}, {}, {"t": 2}]
    assert touches[0].level == touches[1].level == 0
    assert touches[2].level == 1


def test_occurrences_of_calls_on_their_way_together() -> None:
    def numbers(contents: list[bytes], took: float) -> dict[bytes, int]:
        touches = [touch("k", n, took, content=c) for n, c in enumerate(contents)]
        arrange(touches)
        return {t.content: t.occurrence for t in touches}

    # Together: by what they tell. One after the other: as they came.
    assert numbers([b"b", b"a", b"c"], 9) == numbers([b"c", b"b", b"a"], 9) == {b"a": 1, b"b": 2, b"c": 3}
    assert numbers([b"b", b"a"], 0.5) == {b"b": 1, b"a": 2}


def test_the_same_told_again_is_one() -> None:
    touches = [touch("k", n, reads=("t",), repeatable=True) for n in (0, 1)]
    touches += [touch("change", 2, changes=("t",)), touch("k", 3, reads=("t",), repeatable=True)]
    assert len(arrange(touches)) == 3
    assert touches[1].same == 0
    assert touches[3].occurrence == 2


def test_makers_come_first() -> None:
    touches = [touch("z", 0), touch("a", 1, needs=(0,))]
    assert [touches[n].key for n in arrange(touches)] == ["z", "a"]
