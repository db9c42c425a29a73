from __future__ import annotations

import math

import pytest

from bqsim.sim.latency import (
    Bounded,
    Exponential,
    Fixed,
    Load,
    LogNormal,
    Mixture,
    Plus,
    Term,
    Times,
    Trace,
    Uniform,
)

from .fitness import drawn, fits, normal_below

FIXED = Fixed(0.1)


def test_a_mixture_follows_the_weighted_distributions():
    model = Mixture((9.0, 1.0), (Uniform(0.0, 1.0), Exponential(2.0)))
    assert fits(model, lambda x: 0.9 * min(x, 1.0) + 0.1 * (1.0 - math.exp(-x / 2.0)))


def test_a_mixture_picks_no_model_without_weight():
    model = Mixture((0.0, 1.0, 0.0), (Fixed(1.0), Fixed(2.0), Fixed(3.0)))
    assert set(drawn(model, 1000)) == {2.0}


def test_a_product_of_lognormals_is_lognormal():
    model = Times(LogNormal(0.2, 0.3), LogNormal(1.0, 0.4))
    assert fits(model, lambda x: normal_below(math.log(x / 0.2) / 0.5))


def test_bounds_move_only_what_lies_outside():
    model = Bounded(Uniform(0.0, 1.0), 0.2, 0.9)
    assert fits(model, lambda x: 1.0 if x >= 0.9 else x)
    assert (min(drawn(model, 1000)), max(drawn(model, 1000))) == (0.2, 0.9)
    assert max(drawn(Bounded(Fixed(5.0)), 10)) == 5.0


def test_terms_add_what_the_load_asks_for():
    model = Plus(FIXED, (Term("bytes", 5e-9), Term("rows", 1e-6), Term("slot_ms", 0.01, 0.5)))
    load = Load(bytes=2_000_000, rows=500, slot_ms=400.0)
    assert drawn(model, 1, load) == [pytest.approx(0.1 + 0.01 + 0.0005 + 0.2)]
    assert drawn(model, 1, Load(rows=500)) == [pytest.approx(0.1005)]


def test_the_distribution_moves_with_the_load():
    model = Plus(Exponential(0.5), (Term("bytes", 1e-6),))
    assert fits(model, lambda x: 1.0 - math.exp(-(x - 2.0) / 0.5), Load(bytes=2_000_000))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: Mixture((1.0, 1.0), (FIXED, model)),
        lambda model: Times(FIXED, model),
        lambda model: Plus(model, ()),
        lambda model: Bounded(model),
    ],
)
def test_what_holds_an_ordered_model_is_ordered(wrap):
    assert not wrap(FIXED).ordered
    assert wrap(Trace((0.1,))).ordered
