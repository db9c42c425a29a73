"""Samples by key hold all jobs of a value or none: by the value and the seed, and by nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.model import (
    Change,
    Closed,
    Generated,
    JobKind,
    Plan,
    Poisson,
    Recorded,
    Sample,
    Selection,
    WorkloadPart,
)
from bqsim.rehearse.plan.reading import parse
from bqsim.rehearse.reporting.samplings import told
from bqsim.rehearse.results import Sampling
from bqsim.rehearse.sweep import rehearse
from bqsim.rehearse.times import DAY_MS
from bqsim.rehearse.workloads.building import Joined, build
from bqsim.rehearse.workloads.model import JobClass
from bqsim.rehearse.workloads.sampling import SampledPart, Where, draw
from bqsim.sim.scenario.latency import Exponential, Fixed
from bqsim.sim.slots.jobs import SIMPLE, Jobs, Shapes, Users

from .given import same, together

WHERE = Where("web", 1)
ALL_JOBS = Selection()
PEOPLE = tuple(
    JobClass("shop", f"user{n}@x", kind=f"k{n % 7}", labels={"team": f"t{n % 5}"}) for n in range(40)
)


@dataclass(frozen=True)
class Past:
    """Recorded jobs; ``bytes`` numbers them."""

    jobs: Jobs
    classes: Sequence[JobClass] = PEOPLE
    shapes: Shapes = field(default=SIMPLE)
    duration_ms: float = DAY_MS
    begin_us: int = 0
    users: Users | None = None
    untold: frozenset[tuple[str, str]] = frozenset()

    def chunks(self) -> Iterator[Jobs]:
        return self.jobs.chunks(64)


def past(count: int = 1000, classes: Sequence[JobClass] = PEOPLE) -> Past:
    rows = np.arange(count)
    return Past(
        Jobs.of(
            count,
            at_ms=rows * (DAY_MS / count),
            source=rows * 17 % len(classes),
            slot_ms=rows % 13 * 100.0,
            bytes=rows,
        ),
        classes,
    )


def sampled(
    share: float,
    by: str = "principal",
    label: str = "",
    seed: int = 1,
    of: Selection = ALL_JOBS,
    **given: object,
) -> SampledPart:
    part = past(**given)  # type: ignore[arg-type]
    return SampledPart(part, Change(of, Sample(share, by, label)), seed, WHERE)


def principals(part: SampledPart) -> set[str]:
    jobs = together(part.chunks())
    return {part.classes[number].principal for number in np.unique(jobs.source)}


def test_all_jobs_of_a_value_or_none() -> None:
    part = sampled(0.3)
    jobs = together(part.chunks())
    whole = past()
    kept = {one.principal for one in part.classes}

    assert 3 <= len(kept) <= 25
    rows = [PEOPLE[number].principal in kept for number in whole.jobs.source]
    assert np.array_equal(jobs.bytes, whole.jobs.bytes[rows])
    assert np.array_equal(jobs.at_ms, whole.jobs.at_ms[rows])
    named = [part.classes[number].principal for number in jobs.source]
    assert named == [PEOPLE[number].principal for number in whole.jobs.source[rows]]
    assert part.duration_ms == DAY_MS


@pytest.mark.parametrize(
    ("by", "label", "of"),
    [
        ("project", "", lambda one: one.project),
        ("principal", "", lambda one: one.principal),
        ("label", "team", lambda one: one.labels["team"]),
        ("fingerprint", "", lambda one: one.kind),
    ],
)
def test_each_key(by: str, label: str, of: object) -> None:
    part = sampled(0.6, by, label, seed=3)
    values = {of(one) for one in PEOPLE}  # type: ignore[operator]
    wanted = {value for value in values if draw(3, Sample(0.6, by, label), value) < 0.6}

    assert {of(one) for one in part.classes} == wanted  # type: ignore[operator]
    assert (part.held, part.known) == (len(wanted), len(values))


@given(st.floats(0.001, 1.0), st.floats(0.001, 1.0), st.integers(0, 2**32), st.lists(st.text(), min_size=1))
def test_a_smaller_sample_is_part_of_a_larger_one(a: float, b: float, seed: int, names: list[str]) -> None:
    classes = tuple(JobClass(principal=name) for name in names)
    low, high = (Change(sample=Sample(share)) for share in sorted((a, b)))
    try:
        few = SampledPart(past(50, classes), low, seed, WHERE)
    except RehearsalError:
        return
    many = SampledPart(past(50, classes), high, seed, WHERE)
    assert {one.principal for one in few.classes} <= {one.principal for one in many.classes}
    assert set(together(few.chunks()).bytes) <= set(together(many.chunks()).bytes)


@given(st.lists(st.text(), unique=True, min_size=2), st.integers(0, 2**32), st.randoms())
def test_other_values_and_their_order_do_not_matter(names: list[str], seed: int, chance: object) -> None:
    def kept(some: Sequence[str]) -> set[str]:
        change = Change(sample=Sample(0.5))
        try:
            part = SampledPart(past(10, [JobClass(principal=one) for one in some]), change, seed, WHERE)
        except RehearsalError:
            return set()
        return {one.principal for one in part.classes}

    mixed = list(names)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    whole = kept(names)
    assert kept(mixed) == whole
    half = names[: len(names) // 2]
    assert kept(half) == whole & set(half)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_the_share_of_values_is_about_the_one_asked_for(share: float) -> None:
    count = 20_000
    held = sum(draw(7, Sample(share), f"user{n}@example.com") < share for n in range(count))
    assert abs(held - count * share) < 5 * math.sqrt(count * share * (1 - share))


def test_keys_are_sampled_independently_of_each_other() -> None:
    count = 4_000
    by_user, by_project = Sample(0.5), Sample(0.5, "project")
    both = sum((draw(1, by_user, str(n)) < 0.5) == (draw(1, by_project, str(n)) < 0.5) for n in range(count))
    assert abs(both - count / 2) < 5 * math.sqrt(count / 4)


def test_the_whole_share_holds_all() -> None:
    part = sampled(1.0)
    assert same(together(part.chunks()), past().jobs)


def test_only_selected_jobs_are_sampled() -> None:
    odd = Selection(principal=("user1*",))
    part = sampled(0.2, of=odd, seed=5)
    kept = {one.principal for one in part.classes}
    others = {one.principal for one in PEOPLE if not one.principal.startswith("user1")}
    selected = {one.principal for one in PEOPLE} - others

    assert others <= kept
    assert kept & selected == {name for name in selected if draw(5, Sample(0.2), name) < 0.2}
    assert part.known == len(selected)


def test_a_selection_of_nobody_samples_nothing() -> None:
    part = sampled(0.01, of=Selection(project=("nobody",)))
    assert same(together(part.chunks()), past().jobs)


def test_jobs_without_the_label_are_of_one_value() -> None:
    classes = (JobClass(labels={"team": "a"}), JobClass(), JobClass(labels={"dag": "b"}))
    part = sampled(0.999, "label", "team", classes=classes)
    assert part.known == 2


def test_an_empty_sample_names_its_values() -> None:
    names = [f"user{n}@x" for n in range(40)]
    least = min(draw(1, Sample(1e-6), name) for name in names)
    nearest = min(names, key=lambda name: draw(1, Sample(1e-6), name))
    with pytest.raises(RehearsalError) as refused:
        sampled(1e-6)
    assert str(refused.value) == (
        "the sample of the part 'web' (change 1) is empty: a share of 1e-06 by principal holds none of "
        "user0@x, user10@x, user11@x, user12@x, user13@x and 35 more; "
        f"from a share of {(math.floor(least * 10_000) + 1) / 10_000:g} on it holds {nearest}"
    )
    sampled((math.floor(least * 10_000) + 1) / 10_000)


def closed_users() -> Past:
    """Three users of two jobs each: of the first value only, of both, of the second."""
    classes = (JobClass(principal="a"), JobClass(principal="b"))
    jobs = Jobs.of(6, source=[0, 0, 0, 1, 1, 1], slot_ms=10.0, bytes=np.arange(6.0))
    users = Users(np.array([0.0, 1.0, 2.0]), np.array([0, 2, 4, 6]), jobs, np.arange(6.0), 1e6)
    return Past(Jobs.of(0), classes, users=users)


def test_closed_users_keep_what_the_sample_holds() -> None:
    seed = next(n for n in range(99) if draw(n, Sample(0.5), "a") < 0.5 <= draw(n, Sample(0.5), "b"))
    found = SampledPart(closed_users(), Change(sample=Sample(0.5)), seed, WHERE)
    users = found.users

    assert users is not None
    assert [one.principal for one in found.classes] == ["a"]
    mixed = len(users.first_ms) == 2
    assert list(users.first_ms) == ([0.0, 1.0] if mixed else [0.0])
    assert list(users.pool) == ([0, 2, 3] if mixed else [0, 2])
    assert list(users.jobs.bytes) == ([0, 1, 2] if mixed else [0, 1])
    assert list(users.think_ms) == list(users.jobs.bytes)
    assert not users.jobs.source.any()


def test_closed_users_stay_with_the_share_of_their_jobs() -> None:
    kinds = tuple(JobKind(Fixed(1.0), f"k{n}", principal=f"u{n}") for n in range(10))
    part = WorkloadPart(
        Generated(Closed(400, Exponential(5.0)), kinds), "c", changes=(Change(sample=Sample(0.3)),)
    )
    workload = build(Plan(workload=(part,)))
    assert isinstance(workload, Joined)
    users = workload.users
    (held,) = workload.samplings()

    assert users is not None
    assert {one.principal for one in workload.sources} == {
        f"u{n}" for n in range(10) if draw(1, Sample(0.3), f"u{n}") < 0.3
    }
    expected = 400 * held.jobs / held.jobs_of
    # As many as their share, and not as many as chance has it.
    assert abs(len(users.first_ms) - expected) < 5
    assert (held.users, held.users_of) == (len(users.first_ms), 400)
    assert len(users.think_ms) == len(users.jobs) == users.pool[-1]


MIX = tuple(JobKind(Exponential(5.0), f"k{n}", principal=f"u{n}", project=f"p{n % 3}") for n in range(12))
OPEN = WorkloadPart(Generated(Poisson(200), MIX), "open", changes=(Change(sample=Sample(0.4)),))


def test_the_same_seed_is_the_same_bytes_and_another_is_not() -> None:
    def jobs(seed: int) -> Jobs:
        return together(build(Plan(workload=(OPEN,), seed=seed)).chunks())

    assert same(jobs(1), jobs(1))
    assert not same(jobs(1), jobs(2))


def test_a_sample_counts_what_it_holds() -> None:
    sampled_plan, whole_plan = Plan(workload=(OPEN,)), Plan(workload=(replace(OPEN, changes=()),))
    workload, whole = build(sampled_plan), build(whole_plan)
    assert isinstance(workload, Joined)
    jobs, every = together(workload.chunks()), together(whole.chunks())
    (held,) = workload.samplings()

    assert (held.jobs, held.jobs_of) == (len(jobs), len(every))
    assert held.slot_hours == pytest.approx(jobs.slot_ms.sum() / 3.6e6)
    assert held.slot_hours_of == pytest.approx(every.slot_ms.sum() / 3.6e6)
    assert held.values_of == 12 and held.values == len(workload.sources)


def test_days_bound_what_is_counted() -> None:
    part = WorkloadPart(Recorded("a.bqc"), "past", changes=(Change(sample=Sample(0.5)),))
    workload = build(Plan(workload=(part,), days=0.25), histories={0: past()})
    assert isinstance(workload, Joined)
    (held,) = workload.samplings()
    assert (held.jobs, held.jobs_of) == (len(together(workload.chunks())), 250)


def test_the_same_users_are_held_in_all_parts() -> None:
    change = Change(sample=Sample(0.4))
    parts = tuple(WorkloadPart(Recorded("a.bqc"), name, changes=(change,)) for name in ("a", "b"))
    workload = build(Plan(workload=parts, group_by="user"), histories={0: past(), 1: past(500)})
    assert isinstance(workload, Joined)
    first, second = workload.samplings()
    assert first.values == second.values == len(workload.groups)


def test_what_is_not_told_apart_cannot_be_sampled() -> None:
    history = replace(past(), untold=frozenset({("label", "trace")}))
    part = WorkloadPart(
        Recorded("a"), "web", changes=(Change(), Change(sample=Sample(0.5, "label", "trace")))
    )
    with pytest.raises(RehearsalError) as refused:
        build(Plan(workload=(part,)), histories={0: history})
    assert str(refused.value) == (
        "the part 'web' cannot be sampled by label 'trace' (change 2): its jobs have too many values of it "
        "to be told apart; sample by another"
    )


def test_later_changes_are_of_the_sample() -> None:
    both = replace(OPEN, changes=(Change(sample=Sample(0.4), times=2.0, work=3.0),))
    once = together(build(Plan(workload=(OPEN,))).chunks())
    twice = together(build(Plan(workload=(both,))).chunks())
    assert len(twice) == 2 * len(once)
    assert twice.slot_ms.sum() == pytest.approx(6 * once.slot_ms.sum())


def test_a_grid_of_samples_tells_what_each_holds() -> None:
    kinds = ", ".join(f"{{name: k{n}, principal: u{n}, slot_time: 1s}}" for n in range(8))
    loaded = parse(
        "workload:\n- name: web\n  origin:\n    generated:\n      arrivals: {poisson: 60}\n"
        f"      mix: [{kinds}]\n  changes: [{{sample: {{share: 0.5}}}}]\n"
        "grid: {workload.web.changes.1.sample.share: [0.5, 1]}\n"
    )
    report = rehearse(loaded)
    half, whole = (one.samples[0] for one in report.settings)

    assert (whole.values, whole.jobs, whole.share) == (8, whole.jobs_of, 1.0)
    assert half.values < 8 and half.jobs_of == whole.jobs_of
    assert [one.whole.jobs for one in report.settings] == [half.jobs, whole.jobs]
    assert [note for note in report.notes if "sample" in note] == [told(half), told(whole)]


def test_words() -> None:
    one = Sampling("web", 2, "label", "team", 0.1, 12, 118, 980, 10_000, 14.2, 100.0)
    assert told(one) == (
        "the sample of 'web' (change 2: a share of 0.1 by label 'team') holds 12 of 118 values, 9.8 % of the "
        "jobs (980 of 10,000) and 14.2 % of their slot time"
    )
    users = replace(one, by="principal", label="", users=3, users_of=20)
    assert told(users) == (
        "the sample of 'web' (change 2: a share of 0.1 by principal) holds 12 of 118 values, 9.8 % of the "
        "jobs that its users choose from (980 of 10,000), 14.2 % of their slot time and 3 of 20 users"
    )
