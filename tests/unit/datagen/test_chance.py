from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.datagen.chance import Choice, Permutation, stream


@given(st.integers(1, 3000), st.integers(0, 2**63))
def test_a_permutation_meets_every_number_once(size: int, seed: int) -> None:
    shuffled = Permutation(stream(seed, "p"), size)(np.arange(size))
    assert sorted(shuffled.tolist()) == list(range(size))


def test_a_permutation_shuffles_and_ends() -> None:
    order = Permutation(stream(1, "p"), 100_000)
    first = order(np.arange(1000))
    assert abs(first.mean() - 50_000) < 3000
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 0.1
    with pytest.raises(LookupError):
        order(np.array([100_000]))


def test_huge_permutations() -> None:
    order = Permutation(stream(1, "p"), 1 << 62)
    found = order(np.arange(10_000))
    assert len(set(found.tolist())) == 10_000 and found.min() >= 0 and found.max() < 1 << 62


def test_streams_belong_to_their_purpose() -> None:
    assert stream(1, "a", "b").random() == stream(1, "a", "b").random()
    others = {stream(1, "a", "b").random(), stream(1, "ab").random(), stream(2, "a", "b").random()}
    assert len(others) == 3


@pytest.mark.parametrize("skew", [0.0, 1.3])
def test_draws_do_not_depend_on_how_many_are_taken(skew: float) -> None:
    choice = Choice(50, skew)
    whole, parts = stream(3, "c"), stream(3, "c")
    split = np.concatenate([choice.draw(parts, n) for n in (1, 7, 0, 92)])
    assert choice.draw(whole, 100).tolist() == split.tolist()
