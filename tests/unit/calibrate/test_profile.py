"""Profiles: scenarios that behave as was measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bqsim.calibrate.calibration import Calibration, CalibrationError, calibrate
from bqsim.calibrate.gathering import Samples
from bqsim.calibrate.profile import profile, scenario
from bqsim.history import JobRecord
from bqsim.history.fingerprints import fingerprint_of
from bqsim.sim.scenario import latency as d

from .made import jobs, sizes, times

FAST = "SELECT a FROM d.t"
SLOW = "SELECT b FROM d.u"
QUEUE = d.Latency(d.Lognormal(median_s=0.05, sigma=0.3))
QUICK = d.Latency(d.Lognormal(median_s=0.3, sigma=0.3))
LONG = d.Latency(d.Lognormal(median_s=4, sigma=0.3), per_mib_s=0.01)


def history() -> list[JobRecord]:
    found = jobs(FAST, QUEUE, QUICK, 300) + jobs(SLOW, QUEUE, LONG, 120, sizes(120))
    found += jobs("SELECT 1 FROM d.v", QUEUE, QUICK, 12)
    failed = [replace(one, job_id=f"f{n}", error_reason="backendError") for n, one in enumerate(found[:18])]
    wrong = replace(found[0], job_id="w", error_reason="invalidQuery")
    hit = replace(found[0], job_id="h", cache_hit=True, ended_us=found[0].started_us)
    script = replace(found[0], job_id="s", statement_type="SCRIPT", sql="BEGIN END", fingerprint="x")
    return [*found, *failed, wrong, hit, script]


@pytest.fixture(scope="module")
def made() -> Calibration:
    return calibrate(Samples(jobs=history(), sources=["h"]))


def test_fingerprints_apart_where_they_differ(made: Calibration) -> None:
    found = scenario(made)
    assert found.latency is not None
    rules = [(rule.phase, rule.match) for rule in found.latency.rules]
    by_fingerprint = [match.fingerprint[0] for phase, match in rules if match.fingerprint and phase == "run"]
    assert by_fingerprint == [fingerprint_of(FAST), fingerprint_of(SLOW)]
    # Queueing is the same for all: no query has its own.
    assert not [match for phase, match in rules if match.fingerprint and phase == "queue"]
    slow = next(rule for rule in found.latency.rules if rule.match.fingerprint == (fingerprint_of(SLOW),))
    assert slow.latency.distribution.median_s == pytest.approx(4, rel=0.2)
    assert slow.latency.per_mib_s == pytest.approx(0.01, rel=0.1)
    first = found.latency.rules[0]
    assert (first.match.statement_type, first.latency.distribution) == (("SCRIPT",), d.Fixed(0.0))
    assert all(ks < 0.1 for name, ks in made.compared.items() if name.startswith("fingerprint"))


def test_failures_by_chance_are_rules_others_are_told(made: Calibration) -> None:
    (rule,) = scenario(made).rules
    assert (rule.effect.reason, rule.effect.level) == ("backendError", "job")  # type: ignore[union-attr]
    assert rule.match.job_type == ("QUERY",)
    assert rule.match.probability == pytest.approx(18 / 453, rel=1e-4)
    text = profile(made)
    assert "since requests cause it: invalidQuery of QUERY jobs: 1 of 453" in text


def test_what_has_too_few_samples_says_what_stands_in(made: Calibration) -> None:
    few = next(one for one in made.classes if one.name == fingerprint_of("SELECT 1 FROM d.v"))
    assert few.fell_back["run"] == "12 samples, 30 are needed: that of statement SELECT stands in"
    text = profile(made)
    assert "run of fingerprint" in text and "samples, high confidence; held out: KS" in text
    assert "p50 13, p90 16, p99 16 of 300 jobs" in text


def test_nothing_is_fitted_to_too_few_jobs() -> None:
    with pytest.raises(CalibrationError, match="the widest class has 29 of the 30"):
        calibrate(Samples(jobs=jobs(FAST, QUEUE, QUICK, 29)))


def test_calls_pages_and_acks() -> None:
    samples = Samples(
        calls={"bigquery.tables.get": times(QUICK, 60), "bigquery.tables.list": [0.1]},
        pages={"bigquery.jobs.getQueryResults": times(QUEUE, 60, purpose="p")},
        acks=times(QUEUE, 60, purpose="a"),
    )
    samples.asked["bigquery.tables.get"] = 100
    samples.failed["bigquery.tables.get", "503"] = 4
    made = calibrate(samples)
    found = scenario(made)
    assert found.latency is not None
    shown = [(rule.phase, rule.match.method) for rule in found.latency.rules]
    assert shown == [
        ("before", ("bigquery.tables.get",)),
        ("page", ("bigquery.jobs.getQueryResults",)),
        ("ack", ("google.cloud.bigquery.storage.v1.BigQueryWrite.AppendRows",)),
    ]
    assert made.missed == ["calls of bigquery.tables.list: 1 samples, 30 are needed: none is fitted"]
    (rule,) = found.rules
    assert (rule.match.method, rule.match.probability) == (("bigquery.tables.get",), 0.04)


def test_texts_of_queries_cannot_leave_their_comments() -> None:
    sql = "SELECT a FROM d.t -- x\u2028rules:\x85evil: 1"
    made = calibrate(Samples(jobs=jobs(sql, QUEUE, QUICK, 60) + jobs(SLOW, QUEUE, LONG, 60)))
    assert scenario(made).latency is not None
