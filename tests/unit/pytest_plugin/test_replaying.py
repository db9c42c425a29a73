from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.replay.cassettes import Writing

from .conftest import Run

pytest_plugins = ["pytester"]


def test_a_test_fails_for_what_was_not_used(run: Run, pytester: pytest.Pytester) -> None:
    writing = Writing(Path(pytester.path) / "orders.cassette")
    writing.query("SELECT 1", {"schema": {"fields": [{"name": "a", "type": "INTEGER"}]}, "totalRows": 0})
    writing.written()
    result = run(
        """
        import os
        import pytest

        @pytest.mark.bqsim_cassette("orders")
        def test_asks(bqsim_replay):
            assert os.environ["BIGQUERY_EMULATOR_HOST"] == bqsim_replay.url
            assert list(bqsim_replay.client().query_and_wait("SELECT 1")) == []

        @pytest.mark.bqsim_cassette("orders")
        def test_asks_nothing(bqsim_replay):
            pass

        @pytest.mark.bqsim_cassette("orders", strict=False)
        def test_may_ask_nothing(bqsim_replay):
            pass

        def test_has_none(bqsim_replay):
            pass
        """
    )
    result.assert_outcomes(passed=2, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*unused *.1: query SELECT 1*"])
    result.stdout.fnmatch_lines(["*there is no cassette here*"])
