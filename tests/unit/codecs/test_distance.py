from __future__ import annotations

from random import Random

from bqsim.codecs.distance import distances


def plain(left: str | bytes, right: str | bytes) -> int:
    """By the rule: the least number of letters inserted, removed or changed."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, row = row, [i]
        for j, b in enumerate(right, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b)))
    return row[-1]


def test_distances_of_texts_and_bytes() -> None:
    random = Random(1)
    texts = ["".join(random.choice("abé😀") for _ in range(random.randrange(20))) for _ in range(400)]
    lefts, rights = [*texts[:200], "", "x" * 300], [*texts[200:], "", "y"]
    assert distances(lefts, rights).tolist() == [plain(a, b) for a, b in zip(lefts, rights, strict=True)]
    some, others = [t.encode() for t in lefts], [t.encode() for t in rights]
    assert distances(some, others).tolist() == [plain(a, b) for a, b in zip(some, others, strict=True)]


def test_no_pairs() -> None:
    assert distances([], []).tolist() == []
