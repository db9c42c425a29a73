from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.sim.draws import Draws
from bqsim.sim.latency import (
    Bounded,
    Correlated,
    CorrelatedInTime,
    Exponential,
    Fixed,
    Gamma,
    LatencyError,
    Load,
    LogNormal,
    Mixture,
    Normal,
    Pareto,
    Plus,
    Quantiles,
    Ramp,
    Schedule,
    Sum,
    Term,
    Trace,
    Uniform,
    preset,
    read_latency,
)
from bqsim.sim.latency.table import MODELS

WRITTEN = [
    ("120ms", Fixed(0.12)),
    (2.5, Fixed(2.5)),
    ({"fixed": "120ms"}, Fixed(0.12)),
    ({"fixed": {"value": 1}}, Fixed(1.0)),
    ({"uniform": {"from": "10ms", "to": "30ms"}}, Uniform(0.01, 0.03)),
    ({"normal": {"mean": "1s", "deviation": "100ms"}}, Normal(1.0, 0.1)),
    ({"lognormal": {"median": "120ms", "sigma": 0.5}}, LogNormal(0.12, 0.5)),
    ({"gamma": {"shape": 2, "scale": "50ms"}}, Gamma(2.0, 0.05)),
    ({"gamma": {"shape": 2, "mean": "100ms"}}, Gamma(2.0, 0.05)),
    ({"exponential": "250ms"}, Exponential(0.25)),
    ({"pareto": {"minimum": "1s", "alpha": 2}}, Pareto(1.0, 2.0)),
    ({"quantiles": {"p99": "2s", "p0": 0, "p50": "100ms"}}, Quantiles((0.0, 0.5, 0.99), (0.0, 0.1, 2.0))),
    ({"trace": ["10ms", "20ms"]}, Trace((0.01, 0.02))),
    ({"trace": {"values": [0.1], "end": "stop"}}, Trace((0.1,), "stop")),
    (
        {"mixture": [{"weight": 9, "latency": "80ms"}, {"weight": 1, "latency": {"exponential": "2s"}}]},
        Mixture((9.0, 1.0), (Fixed(0.08), Exponential(2.0))),
    ),
    ({"sum": ["10ms", {"exponential": "2s"}]}, Sum((Fixed(0.01), Exponential(2.0)))),
    (
        {
            "schedule": {
                "entries": [{"at": "0s", "latency": "1s"}, {"at": "1h", "latency": "2s"}],
                "repeat": "1d",
            }
        },
        Schedule((0.0, 3600.0), (Fixed(1.0), Fixed(2.0)), 86_400.0),
    ),
    ({"preset": "bigquery-2026-08.queue"}, preset("bigquery-2026-08").parts["queue"]),
    (
        {
            "cap": "2s",
            "fixed": "1s",
            "per_row": "1us",
            "per_mib": "8ms",
            "per_slot_second": "2s",
            "floor": 0.5,
        },
        Bounded(
            Plus(Fixed(1.0), (Term("bytes", 0.008 / 2**20), Term("rows", 1e-6), Term("slot_ms", 0.002))),
            0.5,
            2.0,
        ),
    ),
    (
        {"fixed": "1s", "ramp": [["0s", 1], ["10m", 5]], "correlation": 0.8},
        Ramp(Correlated(Fixed(1.0), 0.8), ((0.0, 1.0), (600.0, 5.0))),
    ),
    (
        {"fixed": "1s", "correlation": {"over": "30s", "share": 0.7}},
        CorrelatedInTime(Fixed(1.0), 30.0, 0.7),
    ),
]


@pytest.mark.parametrize(("written", "model"), WRITTEN, ids=[str(written) for written, _ in WRITTEN])
def test_what_is_written_is_what_is_read(written, model):
    assert read_latency(written) == model


@pytest.mark.parametrize("name", ["lognormal", "normal", "gamma", "pareto"])
def test_percentiles_are_hit_exactly(name):
    model = read_latency({name: {"p50": "120ms", "p95": "400ms"}})
    assert model.quantile(0.5) == pytest.approx(0.12, rel=1e-10)
    assert model.quantile(0.95) == pytest.approx(0.4, rel=1e-10)
    assert read_latency({name: {"p95": "400ms", "p50": "120ms"}}) == model


def test_odd_percentiles():
    model = read_latency({"lognormal": {"p2.5": "10ms", "p99.9": "4s"}})
    assert model.quantile(0.025) == pytest.approx(0.01, rel=1e-12)
    assert model.quantile(0.999) == pytest.approx(4.0, rel=1e-12)
    assert read_latency({"exponential": {"p99": "1s"}}).quantile(0.99) == pytest.approx(1.0, rel=1e-12)


REFUSED = [
    ("soon", (), "expected a duration such as '90m', '1h30m', '500ms' or 2.5, not 'soon'"),
    (None, (), "expected a duration such as '120ms' or 0.12, not nothing"),
    (True, (), "expected a duration such as '120ms' or 0.12, not true"),
    (-1, (), "must be at least 0"),
    ({"fixed": "-1s"}, ("fixed", "value"), "must be at least 0"),
    (
        {},
        (),
        "a latency needs a model: fixed, uniform, normal, lognormal, gamma, exponential, pareto, quantiles, "
        "mixture, sum, trace, schedule, preset",
    ),
    (
        {"floor": "1s"},
        (),
        "a latency needs a model: fixed, uniform, normal, lognormal, gamma, exponential, "
        "pareto, quantiles, mixture, sum, trace, schedule, preset",
    ),
    ({"lognorml": {}}, ("lognorml",), "unknown latency 'lognorml'; did you mean 'lognormal'?"),
    ({"fixed": 1, "flor": 1}, ("flor",), "unknown latency 'flor'; did you mean 'floor'?"),
    ({"fixed": 1, "gamma": {}}, (), "has two models, fixed and gamma; join them with 'sum' or 'mixture'"),
    (
        {"lognormal": "1s"},
        ("lognormal",),
        "lognormal takes median and sigma; or mean and deviation; or two percentiles such as p50 and p95",
    ),
    (
        {"lognormal": {"median": 1}},
        ("lognormal",),
        "lognormal takes median and sigma; or mean and deviation; or "
        "two percentiles such as p50 and p95, not median",
    ),
    (
        {"lognormal": {"p50": 1, "sigma": 1}},
        ("lognormal",),
        "lognormal takes median and sigma; or mean and "
        "deviation; or two percentiles such as p50 and p95, not p50 and sigma",
    ),
    (
        {"exponential": {}},
        ("exponential",),
        "exponential takes mean; or one percentile such as p50, not nothing",
    ),
    ({"fixed": {"p50": 1}}, ("fixed",), "fixed takes value, not p50"),
    ({"gamma": {"shap": 1}}, ("gamma", "shap"), "unknown parameter of gamma 'shap'; did you mean 'shape'?"),
    ({"gamma": {"shape": "2", "scale": 1}}, ("gamma", "shape"), "expected a number, not '2'"),
    ({"gamma": {"shape": 0, "scale": 1}}, ("gamma", "shape"), "must be at least 0.01"),
    ({"gamma": {"shape": 1e9, "scale": 1}}, ("gamma", "shape"), "must be at most 10000"),
    ({"pareto": {"minimum": 0, "alpha": 1}}, ("pareto", "minimum"), "must be above 0"),
    ({"uniform": {"from": 2, "to": 1}}, ("uniform", "to"), "'to' must not be below 'from'"),
    (
        {"uniform": {"p50": 1, "p60": 9}},
        ("uniform",),
        "a uniform latency through these percentiles would begin below 0",
    ),
    ({"lognormal": {"p50": "2s", "p95": "1s"}}, ("lognormal", "p95"), "must be above p50"),
    ({"lognormal": {"p50": 1, "p50.0": 2}}, ("lognormal", "p50.0"), "is the same percentile as p50"),
    (
        {"lognormal": {"p0": 1, "p50": 2}},
        ("lognormal", "p0"),
        "percentiles of lognormal go above p0 and below p100",
    ),
    ({"lognormal": {"p5": 0, "p50": 2}}, ("lognormal", "p5"), "must be above 0"),
    (
        {"quantiles": {"p50": 1}},
        ("quantiles",),
        "quantiles takes two percentiles or more such as p50 and p95, not p50",
    ),
    (
        {"quantiles": {"p50": 1, "p101": 2}},
        ("quantiles", "p101"),
        "percentiles of quantiles go from p0 to p100",
    ),
    ({"quantiles": {"p50": 2, "p90": 1}}, ("quantiles", "p90"), "must not be below p50"),
    (
        {"gamma": {"p50": 1, "p95": 1.0001}},
        ("gamma",),
        "no gamma latency goes through these percentiles; try lognormal or quantiles",
    ),
    (
        {"lognormal": {"p99.8": "1us", "p99.800000001": "1000w"}},
        ("lognormal",),
        "these percentiles are too far apart for this model; try quantiles",
    ),
    (
        {"gamma": {"mean": 1, "deviation": 100}},
        ("gamma",),
        "the deviation of a gamma latency must be between a 100th of its mean and 10 times it",
    ),
    ({"mixture": []}, ("mixture",), "expected a list of weights and latencies"),
    ({"mixture": [{"latency": 1}]}, ("mixture", 0), "needs 'weight'"),
    ({"mixture": [{"weight": 0, "latency": 1}]}, ("mixture",), "at least one weight must be above 0"),
    (
        {"mixture": [{"weight": -1, "latency": 1}]},
        ("mixture", 0, "weight"),
        "expected a number of at least 0, not -1",
    ),
    (
        {"mixture": [{"wieght": 1}]},
        ("mixture", 0, "wieght"),
        "unknown field 'wieght'; did you mean 'weight'?",
    ),
    (
        {"mixture": [{"weight": 1, "latency": {"fixd": 1}}]},
        ("mixture", 0, "latency", "fixd"),
        "unknown latency 'fixd'; did you mean 'fixed'?",
    ),
    ({"sum": "1s"}, ("sum",), "expected a list of latencies"),
    (
        {"trace": ["1s", "x"]},
        ("trace", "values", 1),
        "expected a duration such as '90m', '1h30m', '500ms' or 2.5, not 'x'",
    ),
    (
        {"trace": {"values": [1], "end": "lop"}},
        ("trace", "end"),
        "unknown end of a trace 'lop'; did you mean 'loop'?",
    ),
    (
        {"schedule": [{"at": "1h", "latency": 1}, {"at": "1m", "latency": 1}]},
        ("schedule", "entries", 1),
        "must come after the one before",
    ),
    (
        {"fixed": 1, "ramp": {"points": [[5, 1]], "repeat": 1}},
        ("ramp", "repeat"),
        "must be above 0 and not below the last time",
    ),
    ({"fixed": 1, "ramp": [5]}, ("ramp", "points", 0), "expected a time and a factor, such as [10m, 5]"),
    ({"fixed": 1, "ramp": [[0, -1]]}, ("ramp", "points", 0, 1), "expected a number of at least 0, not -1"),
    ({"fixed": 1, "correlation": 2}, ("correlation",), "expected a number from -1 to 1, not 2"),
    ({"fixed": 1, "correlation": -1}, ("correlation",), "must be between -0.999 and 0.999, or 1"),
    ({"fixed": 1, "correlation": {"over": 0}}, ("correlation", "over"), "must be above 0"),
    ({"fixed": 1, "correlation": {"share": 1}}, ("correlation",), "needs 'over'"),
    ({"fixed": 1, "floor": 2, "cap": 1}, ("cap",), "must not be below floor"),
    (
        {"preset": "bigquery-2026-08.runn"},
        ("preset",),
        "unknown latency preset 'bigquery-2026-08.runn'; did you mean 'bigquery-2026-08.run'?",
    ),
    (
        {"preset": 3},
        ("preset",),
        "unknown latency preset '3'; it can be bigquery-2026-08.queue, "
        "bigquery-2026-08.run, bigquery-2026-08.overhead",
    ),
]


@pytest.mark.parametrize(("written", "path", "problem"), REFUSED, ids=[str(row[0]) for row in REFUSED])
def test_what_is_wrong_is_refused_with_its_place(written, path, problem):
    with pytest.raises(LatencyError) as caught:
        read_latency(written)
    assert (caught.value.path, caught.value.problem) == (path, problem)


def test_the_message_names_the_place():
    with pytest.raises(LatencyError, match=r"^latency\.lognormal\.p95: must be above p50$"):
        read_latency({"lognormal": {"p50": 2, "p95": 1}}, ("latency",))


def test_every_model_of_the_table_says_how_it_is_written():
    for name, model in MODELS.items():
        assert model.written.startswith(f"{name} takes ")
        assert model.about


durations = st.floats(0.0, 1e6, allow_nan=False)
sizes = st.floats(1e-3, 1e3)
percentiles = st.dictionaries(
    st.sampled_from(["p1", "p50", "p95", "p99.9"]), durations, min_size=2, max_size=2
)


@given(
    name=st.sampled_from(["uniform", "normal", "lognormal", "gamma", "pareto", "quantiles"]),
    parameters=percentiles
    | st.fixed_dictionaries({"median": durations, "sigma": sizes})
    | st.fixed_dictionaries({"shape": sizes, "scale": durations})
    | st.fixed_dictionaries({"minimum": durations, "alpha": sizes}),
    added=st.dictionaries(st.sampled_from(["floor", "cap", "per_mib", "per_row"]), durations),
)
def test_what_is_accepted_draws_a_finite_time(name, parameters, added):
    try:
        model = read_latency({name: parameters, **added})
    except LatencyError as error:
        assert error.problem
        return
    draws = Draws(1)
    for n in range(20):
        seconds = model.draw(draws.keyed("r", "", n), Load(bytes=10**9, rows=10**6))
        assert 0.0 <= seconds < math.inf
