"""Jobs are multiplied, moved and made over as a plan says; the same by the same seed, in any cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from bqsim.rehearse.plan.model import Change, Selection
from bqsim.rehearse.times import DAY_MS
from bqsim.rehearse.workloads.changes import COPY_SPREAD_MS, changed, selected
from bqsim.rehearse.workloads.model import JobClass, Part
from bqsim.sim.slots.jobs import SIMPLE, Jobs, Shapes, Users

CLASSES = (
    JobClass("shop", "ann@x", "QUERY", "SELECT", "INTERACTIVE", "", "k1", labels={"team": "web"}),
    JobClass("etl-1", "bob@x", "QUERY", "INSERT", "BATCH", "", "k2", labels={"team": "data", "dag": "n"}),
    JobClass("etl-2", "bob@x", "LOAD", "", "INTERACTIVE", "", "k3"),
)
NIGHT = Selection(project=("etl-*",))


@dataclass(frozen=True)
class Made:
    """Jobs that are there, in chunks of ``size``."""

    jobs: Jobs
    size: int = 7
    duration_ms: float = 2 * DAY_MS
    classes: Sequence[JobClass] = CLASSES
    shapes: Shapes = field(default=SIMPLE)
    users: Users | None = None

    def chunks(self) -> Iterator[Jobs]:
        return self.jobs.chunks(self.size)


def made(count: int = 300, size: int = 7, duration_ms: float = 2 * DAY_MS) -> Made:
    """Jobs evenly over the time, of the classes in turn; ``bytes`` numbers them."""
    return Made(
        Jobs.of(
            count,
            at_ms=np.arange(count) * duration_ms / count,
            source=np.arange(count) % 3,
            slot_ms=1000.0,
            bytes=np.arange(count) + 1.0,
            batch=(np.arange(count) % 3 == 1),
        ),
        size,
        duration_ms,
    )


def all_of(part: Part) -> Jobs:
    chunks = list(part.chunks())
    assert all(len(one) for one in chunks)
    jobs = Jobs.concatenated(chunks) if chunks else Jobs.of(0)
    assert bool(np.all(np.diff(jobs.at_ms) >= 0))
    return jobs


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), (True, True, True)),
        (NIGHT, (False, True, True)),
        (Selection(project=("etl-1", "shop")), (True, True, False)),
        (Selection(principal=("bob@*",)), (False, True, True)),
        (Selection(labels={"team": "*"}), (True, True, False)),
        (Selection(labels={"team": "d*", "dag": "n"}), (False, True, False)),
        (Selection(priority="BATCH"), (False, True, False)),
        (Selection(statement_type=("SELECT", "INSERT")), (True, True, False)),
        (Selection(kind=("k[23]",), project=("*-2",)), (False, False, True)),
    ],
)
def test_selections(selection: Selection, expected: tuple[bool, ...]) -> None:
    assert tuple(selected(selection, one) for one in CLASSES) == expected


@pytest.mark.parametrize(
    "change",
    [
        Change(times=1.7),
        Change(NIGHT, times=2.5),
        Change(NIGHT, times=0.4, shift_s=-30_000, work=3),
        Change(compress=3.0),
        Change(NIGHT, shift_s=7200, compress=0.5),
    ],
)
def test_the_same_in_any_cut_and_again(change: Change) -> None:
    part = changed(made(size=7), change, 5)
    first, again = all_of(part), all_of(part)
    other = all_of(changed(made(size=64), change, 5))
    for name in ("at_ms", "source", "bytes", "slot_ms"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
        assert np.array_equal(getattr(first, name), getattr(other, name))


def test_more_and_fewer_by_chance() -> None:
    more = all_of(changed(made(30_000, 1000), Change(times=1.3), 1))
    assert abs(len(more) - 39_000) < 400
    assert set(more.bytes) == set(made(30_000).jobs.bytes)
    half = all_of(changed(made(30_000, 1000), Change(times=0.5), 1))
    most = all_of(changed(made(30_000, 1000), Change(times=0.8), 1))
    assert abs(len(half) - 15_000) < 400
    assert set(half.bytes) < set(most.bytes)
    other = all_of(changed(made(30_000, 1000), Change(times=0.5), 2))
    assert set(other.bytes) != set(half.bytes)
    assert len(all_of(changed(made(), Change(times=0.0), 1))) == 0


def test_changes_in_turn_draw_apart() -> None:
    once = changed(made(30_000, 1000), Change(times=0.5), 1)
    assert abs(len(all_of(changed(once, Change(times=0.5), 1))) - 7_500) < 400


def test_copies_come_soon_after() -> None:
    jobs = all_of(changed(made(500), Change(times=2.0), 3))
    assert len(jobs) == 1000
    first = np.array([jobs.at_ms[jobs.bytes == one].min() for one in range(1, 501)])
    last = np.array([jobs.at_ms[jobs.bytes == one].max() for one in range(1, 501)])
    assert np.array_equal(first, made(500).jobs.at_ms)
    assert bool(np.all((last - first >= 0) & (last - first <= COPY_SPREAD_MS)))
    assert len(set(np.round(last - first))) > 400


def test_only_the_selected_are_multiplied() -> None:
    jobs = all_of(changed(made(300), Change(NIGHT, times=3.0), 1))
    assert [int((jobs.source == one).sum()) for one in range(3)] == [100, 300, 300]


def test_shifts_go_around_by_days() -> None:
    later = changed(made(96), Change(NIGHT, shift_s=12 * 3600), 1)
    jobs, before = all_of(later), made(96).jobs
    for number, at in enumerate(before.at_ms):
        moved = (at + (DAY_MS / 2 if number % 3 else 0)) % (2 * DAY_MS)
        assert jobs.at_ms[jobs.bytes == number + 1] == pytest.approx(moved)
    assert later.duration_ms == 2 * DAY_MS
    earlier = changed(later, Change(NIGHT, shift_s=-12 * 3600), 1)
    assert np.array_equal(np.sort(all_of(earlier).at_ms), before.at_ms)


def test_a_short_workload_gets_longer_by_a_shift() -> None:
    minutes = made(60, duration_ms=600_000.0)
    later = changed(minutes, Change(NIGHT, shift_s=3600), 1)
    assert later.duration_ms == pytest.approx(4_200_000.0)
    assert all_of(later).at_ms[-1] == pytest.approx(minutes.jobs.at_ms[-1] + 3_600_000)
    # Nothing of it is before the begin when its first job comes late enough.
    late = Made(minutes.jobs.with_columns(at_ms=minutes.jobs.at_ms + 60_000.0), duration_ms=700_000.0)
    earlier = changed(late, Change(shift_s=-60), 1)
    assert earlier.duration_ms == 700_000.0
    assert np.array_equal(all_of(earlier).at_ms, minutes.jobs.at_ms)


def test_compression() -> None:
    whole = changed(made(100), Change(compress=4.0), 1)
    assert whole.duration_ms == DAY_MS / 2
    assert np.array_equal(all_of(whole).at_ms, made(100).jobs.at_ms / 4)
    some = changed(made(99), Change(NIGHT, compress=4.0), 1)
    jobs = all_of(some)
    assert some.duration_ms == 2 * DAY_MS
    assert jobs.at_ms[jobs.source == 0].max() > DAY_MS
    assert jobs.at_ms[jobs.source > 0].max() < DAY_MS / 2


def test_work_priority_project_and_reservation() -> None:
    change = Change(NIGHT, work=2.0, priority="BATCH", project="night", reservation="etl")
    part = changed(made(30), change, 1)
    jobs = all_of(part)
    assert set(jobs.slot_ms[jobs.source == 0]) == {1000.0}
    assert set(jobs.slot_ms[jobs.source > 0]) == {2000.0}
    assert np.array_equal(jobs.bytes, np.where(jobs.source > 0, 2.0, 1.0) * (np.arange(30) + 1))
    assert np.array_equal(jobs.batch, np.where(jobs.source > 0, 1, 0))
    assert part.classes[0] == CLASSES[0]
    assert [one.source.project for one in part.classes] == ["shop", "night", "night"]
    assert [one.reservation for one in part.classes] == ["", "etl", "etl"]
    assert [one.priority for one in part.classes] == ["INTERACTIVE", "BATCH", "BATCH"]
    # The next change is about what this one made of them.
    back = changed(part, Change(Selection(project=("night",)), priority="INTERACTIVE"), 1)
    assert not all_of(back).batch.any()


def test_a_change_about_nobody() -> None:
    part = made(20)
    same = changed(part, Change(Selection(project=("nobody",)), times=5, shift_s=60), 1)
    assert np.array_equal(all_of(same).at_ms, part.jobs.at_ms)
    assert (same.duration_ms, same.users) == (part.duration_ms, None)
    users = closed()
    assert changed(users, Change(Selection(project=("nobody",)), times=5), 1).users is users.users


def closed() -> Made:
    """Three users: two of the first class, one mostly of the second."""
    jobs = Jobs.of(7, source=[0, 0, 0, 0, 1, 1, 0], slot_ms=10.0, bytes=np.arange(7.0))
    users = Users(np.array([0.0, 5.0, 9.0]), np.array([0, 2, 4, 7]), jobs, np.arange(7.0), 1e6)
    return Made(Jobs.of(0), duration_ms=1e6, users=users)


def test_closed_users() -> None:
    whole = changed(closed(), Change(times=2.0, work=3.0), 1).users
    assert whole is not None
    assert list(whole.first_ms) == [0, 0, 5, 5, 9, 9]
    assert list(whole.pool) == [0, 2, 4, 6, 8, 11, 14]
    assert list(whole.think_ms) == [0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 6, 4, 5, 6]
    assert list(whole.jobs.bytes) == [0, 3, 0, 3, 6, 9, 6, 9, 12, 15, 18, 12, 15, 18]
    some = changed(closed(), Change(NIGHT, times=0.0), 1).users
    assert some is not None
    assert (list(some.first_ms), list(some.pool)) == ([0, 5], [0, 2, 4])
    assert changed(closed(), Change(times=0.0), 1).users is None
    quick = changed(closed(), Change(compress=2.0), 1).users
    assert quick is not None
    assert (list(quick.think_ms), quick.until_ms) == ([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0], 5e5)
