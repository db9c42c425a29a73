from __future__ import annotations

import hashlib

import numpy as np
import pytest

from bqsim.sim.scenario.capacity import Capacity
from bqsim.sim.slots import seeds
from bqsim.sim.slots.jobs import Given, Jobs, Outcomes, Retries, Users
from bqsim.sim.slots.seeds import generator, key
from bqsim.sim.slots.world import simulate


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


def test_what_clients_draw_is_what_a_world_draws() -> None:
    """Each job fails twice; when it comes again, and which job a user sends, is told beforehand."""
    retries = Retries(3, 1000.0, 2.0, 1500.0, 1.0)
    many = 40
    jobs = Jobs.of(many, at_ms=np.arange(many) * 10.3, slot_ms=7.0, fails_at=0.0, floor_ms=1.0)
    found: list[Outcomes] = []
    simulate(Capacity(), Given(jobs), found.append, retries=retries, seed=2**33 + 5)
    ended = Outcomes.concatenated(found)
    for row, end_ms in zip(ended.row.tolist(), ended.end_ms.tolist(), strict=True):
        at_ms = float(jobs.at_ms[row])
        waits = [
            most * seeds.jittered(2**33 + 5, row, attempt, at_ms / 1000 * 1000)
            for attempt, most in ((1, 1000.0), (2, 1500.0))
        ]
        assert end_ms == pytest.approx(at_ms + 3.0 + sum(waits))

    users = Users(np.zeros(1), np.array([0, 9]), Jobs.of(9, slot_ms=np.arange(9) + 1.0), np.ones(9), 60.0)
    found.clear()
    simulate(Capacity(), Given(Jobs.of(0), users=users), found.append, seed=4)
    used = Outcomes.concatenated(found).used_ms
    assert used.tolist() == pytest.approx([seeds.picked(4, 0, turn, 9) + 1.0 for turn in range(len(used))])
