from __future__ import annotations

import math

import pytest

from bqsim.sim.latency.figures import FIGURES
from bqsim.sim.latency.fit import errors, fit, held_out_errors, kind_of, least_relative


def test_coefficients_of_exact_data_are_found():
    rows = [(1.0, x * 1e6, math.sqrt(x)) for x in (1.0, 2.0, 5.0, 9.0)]
    wanted = [200.0 + 3e-6 * b + 7.0 * c for _, b, c in rows]
    assert least_relative(rows, wanted) == pytest.approx((200.0, 3e-6, 7.0))


def test_the_fit_has_the_least_squared_relative_error():
    rows = [(1.0, float(f.bytes)) for f in FIGURES[:10]]
    wanted = [float(f.run_ms) for f in FIGURES[:10]]

    def off(coefficients):
        return sum(
            ((coefficients[0] * x + coefficients[1] * y) / z - 1.0) ** 2
            for (x, y), z in zip(rows, wanted, strict=True)
        )

    best = least_relative(rows, wanted)
    for change in (0.99, 1.01):
        assert off((best[0] * change, best[1])) > off(best)
        assert off((best[0], best[1] * change)) > off(best)


def test_errors_are_relative_to_the_measured():
    first = FIGURES[:2]
    error = errors(first, lambda f: f.run_ms, lambda f: f.run_ms * 1.1)
    assert (error.mean, error.largest, error.cases) == (pytest.approx(0.1), pytest.approx(0.1), 2)


def test_kinds_of_statements():
    kinds = {kind: kind_of(kind) for kind in ("", "SELECT", "CREATE_VIEW", "DROP_TABLE", "MERGE")}
    assert list(kinds.values()) == ["query", "query", "definition", "definition", "write"]


def test_held_out_errors_are_larger_than_those_of_the_fit():
    medians = fit(FIGURES)
    queries = [f for f in FIGURES if f.statement_type == "SELECT" and f.bytes]
    seen = errors(queries, lambda f: f.run_ms, medians.run_ms)
    unseen = held_out_errors(FIGURES)
    assert unseen.cases == seen.cases == 20
    assert unseen.mean > seen.mean


def test_the_figures_are_whole():
    assert len({figure.case for figure in FIGURES}) == len(FIGURES) == 23
    assert all(f.total_ms > f.queue_ms + f.run_ms > 0 for f in FIGURES)
