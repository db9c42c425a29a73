"""The JSON of a report."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from bqsim.rehearse.reporting.document import LEAST_BUCKETS, MOST_BUCKETS, document

from . import fakes


def test_it_is_json_with_sorted_keys_and_the_same_each_time() -> None:
    first = document(fakes.report(4, days=3, calibrated=True))
    assert first == document(fakes.report(4, days=3, calibrated=True))
    told = json.loads(first)
    assert list(told) == sorted(told)
    assert [one["name"] for one in told["settings"]] == [f"setting {n}" for n in range(1, 5)]
    assert told["calibrated"] is True
    assert told["calibration"]["scaled_error"] == 0.052
    assert told["settings"][1]["values"]["reservations.etl.slot_capacity"] == 100
    assert told["settings"][0]["objectives"][0]["kept"] is False
    assert sorted(told["settings"][0]["bounds"]) == ["cost_per_day", "p95_duration_s"]
    assert first.isascii()
    assert first.endswith("}\n")


def test_durations_are_named_by_percentile() -> None:
    whole = json.loads(document(fakes.report(1)))["settings"][0]["groups"][0]
    assert list(whole["duration_s"]) == ["count", "largest", "mean", "p50", "p90", "p95", "p99", "p99.9"]
    assert whole["duration_s"]["p95"] > whole["duration_s"]["p50"] > 0
    assert whole["states"] == {"DONE": 19_500, "QUEUE_TIMEOUT": 500}


def test_what_is_not_known_or_has_no_end_is_null() -> None:
    told = json.loads(document(fakes.empty()))
    assert told["settings"][0]["groups"][0]["duration_s"]["p95"] is None
    assert told["advice"] is None
    assert told["calibrated"] is False
    one = replace(fakes.report(1), broken=(replace(fakes.report(1).broken[0], value=float("inf")),))
    assert json.loads(document(one))["broken"][0]["value"] is None


def test_numbers_have_nine_digits_and_numbers_of_numpy_are_numbers() -> None:
    base = fakes.report(1)
    one = replace(
        base.settings[0], cost_per_day=1 / 3, values={"a": np.int64(5), "b": np.float64(2 / 3), "c": None}
    )
    told = json.loads(document(replace(base, settings=(one,))))["settings"][0]
    assert told["cost_per_day"] == 0.333333333
    assert told["values"] == {"a": 5, "b": 0.666666667, "c": None}
    minus = replace(base.settings[0], cost_per_day=-0.0)
    assert '"cost_per_day": 0,' in document(replace(base, settings=(minus,)))


def test_noise_of_the_last_digits_is_not_told() -> None:
    base = fakes.report(1)
    one, other = (replace(base.settings[0], cost_per_day=v) for v in (0.3, 0.1 + 0.2))
    assert document(replace(base, settings=(one,))) == document(replace(base, settings=(other,)))


def test_timelines_are_few_buckets_of_round_size() -> None:
    month = json.loads(document(fakes.report(1, days=30)))["settings"][0]["timeline"]
    assert month["bucket_s"] == 6 * 3600
    assert [place["place"] for place in month["places"]] == ["team-0", "team-1", "adhoc-project"]
    assert all(len(place["used"]) == 120 <= MOST_BUCKETS for place in month["places"])
    assert "scaled" not in month["places"][2]


def test_timelines_of_many_settings_are_shorter() -> None:
    one = fakes.report(1, groups=1, places=1)
    told = document(replace(one, settings=one.settings * 600))
    many = json.loads(told)["settings"][0]["timeline"]
    assert (many["bucket_s"], len(many["places"][0]["used"])) == (7200, LEAST_BUCKETS)
