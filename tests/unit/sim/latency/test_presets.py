from __future__ import annotations

import math
import re
import statistics

import pytest

from bqsim.sim.latency import Load, preset, presets
from bqsim.sim.latency.figures import FIGURES, Figure
from bqsim.sim.latency.fit import errors, fit, held_out_errors

from .fitness import drawn, fits, normal_below

pytestmark = pytest.mark.fidelity(
    "latency:preset bigquery-2026-08",
    "approximated",
    "Medians are fitted to 23 measured cases, 7 % off on average; their spread is assumed.",
)

PRESET = preset("bigquery-2026-08")
MEDIANS = fit(FIGURES)


def load(figure: Figure) -> Load:
    return Load(
        bytes=figure.bytes, rows=figure.rows, slot_ms=figure.slot_ms, statement_type=figure.statement_type
    )


def test_the_stated_errors_are_those_of_the_fit():
    text = " ".join((presets.__doc__ or "").split())
    run = errors(FIGURES, lambda f: f.run_ms, MEDIANS.run_ms)
    queue = errors(FIGURES, lambda f: f.queue_ms, MEDIANS.queue_ms)
    unseen = held_out_errors(FIGURES)
    stated = [float(number) for number in re.findall(r"(\d+\.\d) %", text)]
    measured = [run.mean, run.largest, unseen.mean, unseen.largest, queue.mean, queue.largest]
    assert stated == [round(100 * value, 1) for value in measured]


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.case)
def test_medians_of_draws_are_the_fitted_ones(figure):
    for part, wanted in (("run", MEDIANS.run_ms(figure)), ("queue", MEDIANS.queue_ms(figure))):
        values = drawn(PRESET.parts[part], 2000, load(figure))
        assert 1000 * statistics.median(values) == pytest.approx(wanted, rel=0.06)


def test_runs_are_lognormal_about_the_median_of_their_load():
    figure = next(f for f in FIGURES if f.case == "window_partition_1m")
    median = MEDIANS.run_ms(figure) / 1000

    def below(x: float) -> float:
        return normal_below(math.log(x / median) / MEDIANS.run_sigma)

    assert fits(PRESET.parts["run"], below, load(figure))


def test_without_slot_time_the_run_goes_by_bytes():
    small, large = (
        statistics.median(drawn(PRESET.parts["run"], 2000, Load(bytes=size))) for size in (10**6, 10**9)
    )
    assert small == pytest.approx(0.2014, rel=0.05)
    assert large == pytest.approx(5.94, rel=0.05)


def test_the_overhead_is_what_the_clients_saw_beyond_the_job():
    beyond = statistics.median(f.total_ms - f.queue_ms - f.run_ms for f in FIGURES)
    assert 1000 * statistics.median(drawn(PRESET.parts["overhead"], 2000)) == pytest.approx(beyond, rel=0.02)


def test_presets_are_values_and_know_their_name():
    assert preset("bigquery-2026-08") is PRESET
    assert not any(model.ordered for model in PRESET.parts.values())
    with pytest.raises(ValueError, match="unknown latency preset 'bigquery-2026-8'; did you mean"):
        preset("bigquery-2026-8")
