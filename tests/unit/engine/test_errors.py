"""Engine failures reach the user in GoogleSQL's words; everything else as an internal error with an id."""

from __future__ import annotations

import logging
import re

import pytest

from bqsim.engine.duckdb import DuckDBSession
from bqsim.engine.errors import map_error
from bqsim.engine.protocol import Interrupted
from bqsim.errors import BigQueryError, Internal

ENGINE_WORDS = re.compile(
    r"duckdb|binder|catalog error|conversion error|invalid input error|out of range error|LINE \d|TRY\(|"
    r"hugeint|varchar|bigint|INT128|try_cast|source column",
    re.IGNORECASE,
)
MAX = "9223372036854775807::BIGINT"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (f"{MAX} + 1", "int64 overflow: 9223372036854775807 + 1"),
        (f"-{MAX} - 2", "int64 overflow: -9223372036854775807 - 2"),
        (f"{MAX} * 2", "int64 overflow: 9223372036854775807 * 2"),
        (f"{MAX} - -1", "int64 overflow: 9223372036854775807 - -1"),
        (f"-(range - {MAX} - 1)", "int64 overflow: -(-9223372036854775808)"),
        (f"abs(-{MAX} - 1)", "int64 overflow: ABS(-9223372036854775808)"),
        (f"(SELECT sum({MAX})::BIGINT FROM range(3))", "int64 overflow"),
        ("7::BIGINT // 0", "division by zero: 7 / 0"),
        ("7::BIGINT % 0", "division by zero"),
        ("99999999999999999999999999999.5::DECIMAL(38,9) * 10000000000", "numeric overflow"),
        ("'abc'::BIGINT", "Bad int64 value: abc"),
        ("'a\"b'::DOUBLE", 'Bad double value: a"b'),
        ("'x'::BOOLEAN", "Bad bool value: x"),
        ("'x'::DECIMAL(38,9)", "Invalid NUMERIC value: x"),
        ("'x'::DATE", "Invalid date: 'x'"),
        ("'x'::TIMESTAMP", "Invalid timestamp: 'x'"),
        ("'x'::TIME", 'Invalid time string "x"'),
        ("1e300::BIGINT", "int64 out of range: 1e+300"),
        ("1e40::DECIMAL(38,9)", "numeric out of range: 10000000000000000303786028427003666890752"),
        ("(SELECT range FROM range(3))", "Scalar subquery produced more than one element"),
        ("error('bq:Bad thing: x at [1:8]')", "Bad thing: x at [1:8]"),
        ("regexp_matches('a', '(')", "Cannot parse regular expression: missing ): ("),
        ("date '9999-12-31' + INTERVAL 400000 YEAR", "Date, time or interval is out of range"),
    ],
)
def test_failures_of_values(session: DuckDBSession, expression: str, message: str) -> None:
    # Through a table, so that constants are not folded before the run.
    with pytest.raises(BigQueryError) as caught:
        session.scalar(f"SELECT {expression} FROM range(1)")
    assert caught.value.message == message
    assert caught.value.reason.name == "invalidQuery" and caught.value.location == "query"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nope FROM range(1)",
        "SELEKT 1",
        "SELECT * FROM no_such_table",
        "SELECT no_such_function(1)",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT chr(-1) FROM range(1)",
        "ATTACH '/tmp/other.db'",
        "INSTALL httpfs",
    ],
)
def test_defects_are_internal_errors_with_an_id(
    session: DuckDBSession, sql: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(BigQueryError) as caught:
        session.execute(sql)
    assert caught.value.reason.name == "internalError"
    match = re.fullmatch(
        r"An internal error occurred and the request could not be completed\. Error: ([0-9a-f]+)",
        caught.value.message,
    )
    assert match and match[1] in caplog.text
    assert not ENGINE_WORDS.search(caught.value.message)


def test_a_users_text_with_the_mark_is_not_taken_for_one(session: DuckDBSession) -> None:
    with pytest.raises(BigQueryError) as caught:
        session.scalar("SELECT ('bq:hello ' || range)::BIGINT FROM range(1)")
    assert caught.value.message == "Bad int64 value: bq:hello 0"


def test_out_of_memory_is_resources_exceeded(session: DuckDBSession) -> None:
    class OutOfMemoryException(Exception):
        pass

    for error in (OutOfMemoryException("Out of Memory Error: 1GB of 1GB"), MemoryError()):
        assert map_error(error).reason.name == "resourcesExceeded"


def test_an_interrupt_is_a_stop() -> None:
    for stop in (Interrupted(), InterruptedError("while waiting for a lock")):
        error = map_error(stop)
        assert error.reason.name == "stopped"
        assert error.message == "Job execution was cancelled: User requested cancellation"


def test_ours_pass_unchanged() -> None:
    error = BigQueryError("invalid", "x")
    assert map_error(error) is error


def test_the_log_has_the_cause_of_an_internal_error(caplog: pytest.LogCaptureFixture) -> None:
    error = Internal("broken")
    error.__cause__ = KeyError("deep down")
    with caplog.at_level(logging.ERROR):
        map_error(error)
    assert "deep down" in caplog.text
