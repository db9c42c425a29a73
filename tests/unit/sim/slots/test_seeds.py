from __future__ import annotations

import hashlib

import numpy as np
import pytest

from bqsim.sim.slots.seeds import generator, key


def test_the_same_purpose_gives_the_same_numbers() -> None:
    first = generator(1, "arrivals", 3)
    again = generator(1, "arrivals", 3)

    assert first.random(1000).tobytes() == again.random(1000).tobytes()


def test_numbers_are_those_of_every_version() -> None:
    made = generator(7, "arrivals").random(4096)

    assert hashlib.sha256(made.tobytes()).hexdigest()[:16] == "575c6ce4f2f17e5f"


@pytest.mark.parametrize(
    "other",
    [
        (2, "arrivals", 3),
        (1, "arrivals", 4),
        (1, "arrivals"),
        (1, "arrivals3"),
        (1, "arriva", "ls", 3),
        (1, "arrivals", 3, ""),
        (11, "arrivals", 3),
        (-1, "arrivals", 3),
    ],
    ids=lambda other: "-".join(map(str, other)),
)
def test_other_purposes_are_independent(other: tuple[int, ...]) -> None:
    ours = generator(1, "arrivals", 3).random(20_000)
    theirs = generator(*other).random(20_000)

    assert key(1, "arrivals", 3) != key(*other)
    assert abs(np.corrcoef(ours, theirs)[0, 1]) < 0.03


def test_other_generators_do_not_matter() -> None:
    one = generator(1, "a")
    numbers = one.random(5)
    two = generator(1, "a")
    generator(1, "b").random(100)

    assert two.random(5).tobytes() == numbers.tobytes()


def test_a_seed_of_any_size_will_do() -> None:
    assert generator(2**63 - 1, "a").random() != generator(2**200, "a").random()
