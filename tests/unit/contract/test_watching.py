from bqsim.contract.watching import Watch, watching
from bqsim.server.rest.app import WATCHERS
from bqsim.server.rest.reply import Raw, Reply


def test_problems_are_told_once_with_their_method() -> None:
    watch = Watch()
    watch("bigquery.jobs.get", Reply({"kind": 5}))
    watch("storage.objects.get", Reply({"kind": 5}))
    [(method, problem)] = watch.take()
    assert (method, problem.path, watch.seen) == ("bigquery.jobs.get", "kind", 1)
    assert watch.take() == []


def test_rows_are_looked_at_when_they_are_few_or_all_are_asked_for() -> None:
    bad = Reply({"rows": Raw(b'[{"g": 1}]' + b" " * 20_000)})
    small, every = Watch(), Watch(every_row=True)
    small("bigquery.tabledata.list", bad)
    every("bigquery.tabledata.list", bad)
    assert small.take() == []
    assert [problem.path for _, problem in every.take()] == ["rows[0].g"]


def test_nothing_is_watched_afterwards() -> None:
    before = list(WATCHERS)
    with watching(Watch()) as watch:
        assert [*before, watch] == WATCHERS
    assert before == WATCHERS
