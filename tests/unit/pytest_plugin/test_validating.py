"""``--bqsim-validate`` in a run of its own."""

from collections.abc import Callable

import pytest

pytest_plugins = ["pytester"]

Run = Callable[..., pytest.RunResult]

TESTS = """
from bqsim.server.rest import app
from bqsim.server.rest.reply import Reply

def test_of_good_answers(bqsim_client):
    assert [tuple(row) for row in bqsim_client.query("SELECT 1").result()] == [(1,)]

def test_of_a_bad_answer(bqsim_client):
    # The last is that of this run.
    for watch in app.WATCHERS[-1:]:
        watch("bigquery.jobs.get", Reply({"colour": "red"}))
"""


def test_a_test_fails_for_answers_that_no_schema_has(run: Run) -> None:
    done = run(TESTS, "--bqsim-validate")
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["*bigquery.jobs.get: colour: the schema has no such field*"])


def test_nothing_is_looked_at_unless_asked(run: Run) -> None:
    run(TESTS.replace("-1:", ":0")).assert_outcomes(passed=2)
