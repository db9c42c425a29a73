from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.sim.draws import Draws
from bqsim.sim.rules import CANCEL, RuleBook, job_facts
from bqsim.sim.scenario.latency import Fixed
from bqsim.sim.scenario.model import Delay, Error, GrpcStatus, JobState, Match, Rule, Window

from .samples import HandClock, book, call, ids, query, rule

JOB_ERROR = Error("backendError", level="job")


def test_rules_fire_in_order_and_a_call_fails_once() -> None:
    delay = Delay(Fixed(1.0))
    given = book(rule("d1", effect=delay), rule("a"), rule("b"), rule("d2", effect=delay))
    assert ids(given.match(call())) == ["d1", "a", "d2"]


def test_a_rule_that_comes_second_spends_nothing_and_counts_the_call() -> None:
    given = book(rule("a", times=1), rule("b", times=1), rule("c", Match(nth=(3,))))
    assert [ids(given.match(call())) for _ in range(4)] == [["a"], ["b"], ["c"], []]
    assert [(s.rule.id, s.seen, s.fired, s.left) for s in given.status()] == [
        ("a", 1, 1, 0),
        ("b", 2, 1, 0),
        ("c", 4, 1, None),
    ]


def test_events_reach_only_the_rules_for_them() -> None:
    given = book(rule("call"), rule("job", effect=JOB_ERROR), rule("cancel", effect=JobState("cancel_wins")))
    states = {
        state: job_facts(project="p", job_id="j", configuration={}, state=state)
        for state in ("PENDING", "RUNNING")
    }
    cancel = job_facts(project="p", job_id="j", configuration={}, state="RUNNING", event=CANCEL)
    assert ids(given.match(call())) == ["call"]
    assert ids(given.match(states["PENDING"])) == []
    assert ids(given.match(states["RUNNING"])) == ["job"]
    assert ids(given.match(cancel)) == ["cancel"]


def test_hits_tell_what_counted() -> None:
    given = book(
        rule("a", Match(every=2, probability=1.0)), rule("b", Match(attempt=(2,)), GrpcStatus("UNAVAILABLE"))
    )
    given.match(query())
    (hit,) = given.match(query())
    assert (hit.number, hit.call, hit.occurrence) == (1, 2, 0)
    assert hit.fingerprint == query().fingerprint
    assert hit.why == f"call 2, the draw {hit.draw:.6f} is below 1"
    assert hit.effect == Error("backendError")


def test_what_effects_draw_differs_from_what_fired_the_rule() -> None:
    draws = Draws(7)
    (hit,) = book(rule("a", Match(probability=1.0))).match(query())
    assert hit.uniforms(draws).take() == hit.uniforms(draws).take()
    assert hit.uniforms(draws).take() != hit.draw


def test_a_rule_is_gone_after_its_time() -> None:
    clock = HandClock()
    given = book(clock=clock)
    clock.move(100)
    given.add([rule("a", ttl_s=10)])
    assert ids(given.match(call())) == ["a"]
    with pytest.raises(ValueError, match="there is already a rule 'a'"):
        given.add([rule("a")])
    clock.move(10)
    assert given.match(call()) == []
    assert [s.expired for s in given.status()] == [True]
    given.add([rule("a")])
    assert len(given) == 1
    assert ids(given.match(call())) == ["a"]


def test_windows_count_from_the_load_of_the_scenario() -> None:
    clock = HandClock()
    given = book(rule("a", Match(window=Window(10, 20), nth=(1,))), clock=clock)
    found = []
    for _ in range(5):
        found.append(ids(given.match(call())))
        clock.move(5)
    assert found == [[], [], ["a"], [], []]
    given.replace(given.rules)
    clock.move(10)
    assert ids(given.match(call())) == ["a"]
    clock.move(10)
    assert given.match(call()) == []


def test_windows_of_rules_that_begin_anew_count_from_then() -> None:
    clock = HandClock()
    given = book(clock=clock)
    clock.move(100)
    given.add([rule("a", Match(window=Window(10, 20)))], anew=True)
    given.add([rule("b", Match(window=Window(10, 20)))])
    clock.move(10)
    kept = given.snapshot()
    assert ids(given.match(call())) == ["a"]
    given.replace(())
    given.restore(kept)
    assert ids(given.match(call())) == ["a"]


def test_machines_move_after_all_rules_were_asked() -> None:
    given = book(
        rule("up", Match(machine={"m": "idle"}), set={"m": "busy"}),
        rule("down", Match(machine={"m": "busy"}), set={"m": "idle"}),
        machines={"m": "idle"},
    )
    assert [ids(given.match(call())) for _ in range(3)] == [["up"], ["down"], ["up"]]
    assert given.machines == {"m": "busy"}
    given.set_machine("m", "elsewhere")
    assert given.match(call()) == []


def test_rules_that_do_not_fire_move_no_machine() -> None:
    given = book(rule("a"), rule("b", set={"m": "moved"}), machines={"m": "start"})
    given.match(call())
    assert given.machines == {"m": "start"}


def test_add_remove_replace() -> None:
    given = book(rule("a"))
    given.add([rule("b"), rule("c")])
    given.add([rule("d"), rule("e")], first=True)
    given.add([rule("f")])
    assert [r.id for r in given.rules] == ["d", "e", "a", "b", "c", "f"]
    assert ids(given.match(call())) == ["d"]
    assert [r.id for r in given.remove(["d", "e", "nothing"])] == ["d", "e"]
    assert ids(given.match(call())) == ["a"]
    with pytest.raises(ValueError, match="there is already a rule 'g'"):
        given.add([rule("g"), rule("g")])
    given.replace([rule("z")])
    assert [r.id for r in given.rules] == ["z"]


def test_rules_that_stay_keep_their_counters_when_others_come_and_go() -> None:
    given = book(rule("a", Match(nth=(2,))))
    given.match(call())
    given.add([rule("b", Match(method=("nothing",)))], first=True)
    given.remove(["b"])
    assert ids(given.match(call())) == ["a"]


def test_reset_begins_anew() -> None:
    given = book(rule("a", times=1))
    assert [ids(given.match(call())) for _ in range(2)] == [["a"], []]
    given.reset()
    assert ids(given.match(call())) == ["a"]


def test_a_snapshot_is_gone_back_to() -> None:
    given = book(
        rule("a", Match(every=2), set={"m": "y"}), rule("p", Match(probability=0.5)), machines={"m": "x"}
    )
    given.match(query())
    state = given.snapshot()

    def run() -> list[list[str]]:
        return [ids(given.match(query())) for _ in range(12)]

    first = run()
    given.replace([rule("other")])
    given.restore(state)
    assert given.machines == {"m": "x"}
    assert run() == first
    given.restore(state)
    assert run() == first


def test_explain_tells_what_every_rule_says_and_counts_nothing() -> None:
    clock = HandClock()
    given = book(
        rule("method", Match(method=("bigquery.jobs.*",))),
        rule("resource", Match(resource=("projects/q/*",))),
        rule("label", Match(labels={"a": "b"})),
        rule("job", effect=JOB_ERROR),
        rule("window", Match(window=Window(5))),
        rule("closed", Match(window=Window(0, 0))),
        rule("machine", Match(machine={"m": "on"})),
        rule("ttl", ttl_s=0),
        rule("nth", Match(nth=(2,))),
        rule("fires", Match(nth=(1,))),
        rule("second"),
        clock=clock,
    )
    expected = [
        ("method", "method", "wants bigquery.jobs.*, got 'bigquery.tables.get'"),
        ("resource", "resource", "wants projects/q/*, got 'projects/p/datasets/d/tables/t'"),
        ("label", "labels", "wants a: b, got nothing"),
        ("job", "event", "its effect is for a job, not for a call"),
        ("window", "window", "0 s after the start; it opens at 5 s"),
        ("closed", "window", "0 s after the start; it closed at 0 s"),
        ("machine", "machine", "wants m in 'on', it is in nothing"),
        ("ttl", "ttl", "its 0 s are over"),
        ("nth", "nth", "this is call 1, not 2"),
        ("fires", "", "call 1"),
        ("second", "order", "rule 'fires' comes first, and only one such effect is done"),
    ]
    for _ in range(2):
        assert [(v.rule.id, v.condition, v.why) for v in given.explain(call())] == expected
    assert ids(given.match(call())) == ["fires"]


SQLS = [f"SELECT {n} FROM d.t" for n in "abcd"]
CONDITIONS = st.builds(
    Match,
    method=st.sampled_from([(), ("bigquery.jobs.*",)]),
    sql=st.sampled_from([None, "a", "[bc]"]),
    every=st.sampled_from([None, 2, 3]),
    attempt=st.sampled_from([(), (1, 3)]),
    probability=st.sampled_from([None, 0.3, 0.7]),
)
EFFECTS = st.sampled_from([Error("backendError"), Delay(Fixed(1.0)), GrpcStatus("UNAVAILABLE")])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(CONDITIONS, EFFECTS), min_size=1, max_size=6),
    st.lists(st.sampled_from(SQLS), max_size=20),
)
def test_explain_foretells_what_match_does(rules: list[tuple[Match, Error]], asked: list[str]) -> None:
    given = book(*(Rule(f"r{i}", e, m, times=3) for i, (m, e) in enumerate(rules)))
    for sql in asked:
        foretold = [v.rule.id for v in given.explain(query(sql)) if v.matches]
        assert ids(given.match(query(sql))) == foretold


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(CONDITIONS, EFFECTS), min_size=1, max_size=4),
    st.lists(st.tuples(CONDITIONS, st.integers(0, 4)), min_size=1, max_size=4),
    st.lists(st.sampled_from(SQLS), max_size=20),
)
def test_rules_about_other_calls_change_no_decision(
    rules: list[tuple[Match, Error]], others: list[tuple[Match, int]], asked: list[str]
) -> None:
    own = [Rule(f"r{i}", e, replace(m, project=("p",))) for i, (m, e) in enumerate(rules)]
    mixed = list(own)
    for i, (match, at) in enumerate(others):
        elsewhere = Match(project=("q",), sql=match.sql, every=match.every, probability=match.probability)
        mixed.insert(at, Rule(f"o{i}", Error("rateLimitExceeded"), elsewhere))
    alone, together = book(*own), book(*mixed)
    for sql in asked:
        together.match(query(sql, project="q"))
        assert alone.match(query(sql)) == together.match(query(sql))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(CONDITIONS, EFFECTS), min_size=1, max_size=4),
    st.lists(st.sampled_from(SQLS), max_size=20),
)
def test_delays_before_a_rule_do_not_shift_its_draws(
    rules: list[tuple[Match, Error]], asked: list[str]
) -> None:
    own = [Rule(f"r{i}", e, m) for i, (m, e) in enumerate(rules)]
    alone = book(*own)
    together = book(rule("first", Match(probability=0.5), Delay(Fixed(1.0))), *own)
    for sql in asked:
        assert ids(alone.match(query(sql))) == [i for i in ids(together.match(query(sql))) if i != "first"]


def decisions(threads: int) -> dict[str, list[list[tuple[str, float | None]]]]:
    """For each of 32 requests, what its 20 occurrences got, when so many threads share them out."""
    given = book(
        rule("p", Match(probability=0.3)),
        rule("t", Match(attempt=(3, 7)), GrpcStatus("UNAVAILABLE")),
        rule("d", Match(probability=0.5), Delay(Fixed(1.0))),
    )
    found: dict[str, list[list[tuple[str, float | None]]]] = defaultdict(list)
    start = threading.Barrier(threads)

    def work(share: int) -> None:
        start.wait()
        for _ in range(20):
            for n in range(share, 32, threads):
                sql = f"SELECT {n} FROM d.t{n}"
                found[sql].append([(h.rule.id, h.draw) for h in given.match(query(sql))])

    workers = [threading.Thread(target=work, args=(share,)) for share in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return dict(found)


def test_decisions_do_not_depend_on_threads() -> None:
    alone = decisions(1)
    assert len(alone) == 32
    for _ in range(3):
        assert decisions(16) == alone


def test_counters_are_exact_under_threads() -> None:
    given = book(rule("a", times=50), rule("b", Match(every=10)))
    fired: list[str] = []

    def work() -> None:
        for _ in range(100):
            fired.extend(ids(given.match(call())))

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert Counter(fired)["a"] == 50
    assert [s.seen for s in given.status()] == [50, 800]


def test_rules_come_and_go_while_calls_pass() -> None:
    given = book(rule("stays"))
    ended = threading.Event()
    wrong: list[list[str]] = []

    def work() -> None:
        while not ended.is_set():
            found = ids(given.match(call()))
            if found not in (["stays"], ["first"]):
                wrong.append(found)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for _ in range(100):
        given.add([rule("first")], first=True)
        given.remove(["first"])
    ended.set()
    for worker in workers:
        worker.join()
    assert wrong == []


def test_the_seed_decides_the_draws() -> None:
    def run(seed: int) -> list[bool]:
        given = book(rule("a", Match(probability=0.5)), seed=seed)
        return [bool(given.match(query())) for _ in range(64)]

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert 16 < sum(run(1)) < 48


def test_groups_can_be_others() -> None:
    """Latencies: the first rule of a phase counts."""
    delays = [Rule(str(i), Delay(Fixed(i), phase)) for i, phase in enumerate(("before", "after", "before"))]
    given = RuleBook(
        HandClock(), Draws(1), group=lambda effect: effect.phase if isinstance(effect, Delay) else None
    )
    given.add(delays)
    assert ids(given.match(call())) == ["0", "1"]
