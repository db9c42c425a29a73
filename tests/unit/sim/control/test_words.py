from __future__ import annotations

import pytest

from bqsim.sim.control.words import amount, effect_words, latency_words, matched, progression_words
from bqsim.sim.scenario.latency import Latency
from bqsim.sim.scenario.load import parse, rule_from_text
from bqsim.sim.scenario.model import Match, Rule
from bqsim.sim.scenario.shapes import Choice, record_of


@pytest.mark.parametrize(
    ("match", "words"),
    [
        ("{}", "any call"),
        ("{method: bigquery.jobs.*}", "a call of bigquery.jobs.*"),
        ("{method: [a, b, c], transport: rest}", "a call of a, b or c, over REST"),
        ("{transport: [rest, grpc], project: p}", "a call over REST or gRPC, in the project p"),
        ("{resource: 'projects/p/*', caller: a@b.c}", "a call about projects/p/*, by a@b.c"),
        ("{scope: s, client: '*gl-go*'}", "a call in the scope s, from a client like *gl-go*"),
        ("{labels: {a: b}, headers: {c: d}}", "a call with the label a = b, with the header c = d"),
        (
            "{job_type: QUERY, statement_type: INSERT}",
            "a call for a QUERY job, with a statement of type INSERT",
        ),
        ("{sql: 'FROM t'}", "a call with SQL like /FROM t/"),
        ("{fingerprint: SELECT 1}", "a call with the SQL SELECT 1"),
        ("{nth: [1, 2, 3, 11, 22]}", "a call the 1st, 2nd, 3rd, 11th or 22nd such"),
        ("{every: 4, probability: 0.25}", "a call each 4th such, 25 % of them, drawn"),
        ("{attempt: 1, max_calls: 5}", "a call on the 1st try of a request, the first 5 such"),
        ("{window: {from: 10s, until: 90s}}", "a call from 10s to 1m30s after the start"),
        ("{window: {from: 10s}}", "a call from 10s after the start on"),
        ("{max_calls: 1}", "a call the first such"),
        ("{offset_rows: 100}", "a call from row 100 of a stream on"),
        ("{offset_bytes: 7}", "a call from byte 7 of a stream on"),
        ("{machine: {m: up}}", "a call while the machine m is 'up'"),
        ("{state: DONE}", "a call while the job is, or is about to be, DONE"),
    ],
)
def test_matches(match: str, words: str) -> None:
    assert matched(rule_from_text(f"{{effect: {{error: blocked}}, match: {match}}}")) == words


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("{effect: {job_state: stuck}}", "a job about to be DONE"),
        (
            "{effect: {error: {reason: blocked, level: job}}, match: {job_type: LOAD, method: '*.insert'}}",
            "a job made by *.insert, of type LOAD, about to be RUNNING",
        ),
        (
            "{effect: {job_state: hold 1} }".replace("hold 1", "{outcome: hold, polls: 1}"),
            "a job about to be DONE",
        ),
        ("{effect: {job_state: cancel_wins}}", "any cancel of a job"),
        ("{effect: {job_state: cancel_wins}, match: {job_type: QUERY}}", "a cancel of a job of type QUERY"),
        ("{effect: {job_state: stuck}, match: {state: RUNNING}}", "a job about to be RUNNING"),
    ],
)
def test_matches_of_jobs(rule: str, words: str) -> None:
    assert matched(rule_from_text(rule)) == words


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        ("error: backendError", "the request fails with backendError (HTTP 503), its work not done"),
        (
            "error: {reason: blocked, http: 500, message: no, applied: true, retry_after: 2s}",
            "the request fails with blocked (HTTP 500) 'no', retry after 2s, after its work is done",
        ),
        (
            "error: {reason: blocked, level: job, applied: true}",
            "the job fails with blocked, after its work is done",
        ),
        (
            "grpc: {status: ABORTED, storage_code: STREAM_FINALIZED, retry_delay: 1s}",
            "the call ends with ABORTED with the StorageError STREAM_FINALIZED, retry after 1s, "
            "its work not done",
        ),
        ("network: reset", "the connection is reset before the headers, the request's work done"),
        (
            "network: {what: truncate, at: body, byte: 7, applied: false}",
            "the answer is cut short at byte 7 of the body, the request's work not done",
        ),
        (
            "network: {what: drip, at: body, bytes_per_s: 10}",
            "the answer drips in the body at 10 bytes a second, the request's work done",
        ),
        (
            "network: {what: stall, for: 5s}",
            "the answer stalls before the headers for 5s, the request's work done",
        ),
        ("network: html", "a front end answers 502 with a page, the request's work done"),
        ("delay: 2s", "it takes longer before it is served: 2s"),
        ("delay: {latency: 1s, phase: page}", "it takes longer before each page: 1s"),
        ("insert_errors: 0.1", "10 % of the rows of insertAll fail with invalid"),
        ("insert_errors: {indexes: [0, 2]}", "the rows 0 or 2 of insertAll fail with invalid"),
        ("job_state: {outcome: hold, for: 1m}", "the job stays where it is for 1m"),
        ("job_state: {outcome: hold, polls: 3}", "the job stays where it is until it was read 3 times"),
        ("job_state: stuck", "the job stays where it is, for ever"),
        ("job_state: {outcome: fail, reason: blocked}", "the job fails with blocked"),
        ("job_state: {outcome: progress, progression: manual}", "the job goes on by hand"),
        ("job_state: cancel_too_late", "the cancel comes too late: the job is DONE already"),
        ("stale: 5s", "it sees resources as they were 5s ago"),
        ("stale: {lag: 5s, what: rows}", "it sees rows as they were 5s ago"),
        ("deny: bigquery.tables.get", "it is denied: the caller lacks bigquery.tables.get"),
        ("expire_token", "it is refused: the access token has expired"),
        ("throttle: 50", "the stream is throttled by 50 %"),
        ("break_stream: 100", "the stream ends with UNAVAILABLE after 100 rows"),
        ("quota: concurrent_queries", "it is refused: the limit concurrent_queries is used up"),
    ],
)
def test_effects(effect: str, words: str) -> None:
    given = effect if ":" not in effect else f"{{{effect}}}"
    assert effect_words(rule_from_text(f"{{effect: {given}}}").effect) == words


def test_every_effect_and_condition_has_words() -> None:
    from bqsim.sim.control import words

    shape = record_of(Rule).slots["effect"].shape
    assert isinstance(shape, Choice) and set(words._EFFECTS) == set(shape.members)
    assert set(words._CONDITIONS) == set(Match.__dataclass_fields__)


def latency(text: str) -> Latency:
    setup = parse(f"latency: {{rules: [{{latency: {text}}}]}}").latency
    assert setup is not None
    return setup.rules[0].latency


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("200ms", "200ms"),
        ("0", "0s"),
        ("{uniform: {low: 1, high: 2}}", "1s to 2s"),
        ("{normal: {mean: 1, deviation: 200ms}}", "normal {mean: 1s, deviation: 200ms}"),
        ("{exponential: 1s}", "exponential with a mean of 1s"),
        (
            "{mixture: [{weight: 1, of: 1s}, {weight: 9, of: {uniform: {low: 1, high: 2}}}]}",
            "one of 1s or 1s to 2s",
        ),
        ("{quantiles: [{at: 0, value: 0}, {at: 1, value: 1}]}", "drawn from a table of quantiles"),
        ("{trace: [1s, 2s]}", "by a trace of values"),
        (
            "{distribution: 1s, per_mib: 1ms, per_row: 1us, floor: 500ms, cap: 3s}",
            "1s and 1ms for each MiB and 1us for each row, at least 500ms, at most 3s",
        ),
        (
            "{distribution: 1s, ramps: [{from: 0, until: 1m, factor: 3}], "
            "schedule: [{from: 1h, until: 2h, factor: 5, every: 1d}]}",
            "1s, growing to 3 times that from 0s to 1m, 5 times that from 1h to 2h of each 1d",
        ),
        (
            "{distribution: 1s, correlation: 0.5, correlated_over: 10m}",
            "1s, 50 % of it shared by near moments, forgotten over 10m",
        ),
        ("{distribution: 1s, correlation: 0.5}", "1s, each 50 % like the one before"),
    ],
)
def test_latencies(text: str, words: str) -> None:
    assert amount(latency(text)) == words
    assert latency_words(latency(text), "after") == f"takes longer after its work is done: {words}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("immediate", "as fast as their work does"),
        ("manual", "by hand"),
        ("{timed: {pending: 1s, running: 2s}}", "by time: 1s in PENDING, 2s in RUNNING"),
        ("{polls: {running: 3}}", "by reads: 0 in PENDING, 3 in RUNNING"),
        (
            "{script: [{state: PENDING, for: 1s}, {state: RUNNING, polls: 2}, {state: DONE}]}",
            "by a script: PENDING for 1s, then RUNNING for 2 reads, then DONE",
        ),
        ("{sampled: {scale: 2}}", "by the preset bigquery-2026-08, 2 times as long"),
    ],
)
def test_progressions(text: str, words: str) -> None:
    plan = parse(f"jobs: [{{progression: {text}}}]").jobs[0]
    assert progression_words(plan.progression) == words
