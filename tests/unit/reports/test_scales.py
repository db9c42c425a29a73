import pytest

from bqsim.reports.scales import fitting


@pytest.mark.parametrize(
    ("values", "unit", "ticks"),
    [
        ([3, 97], "", [0, 20, 40, 60, 80, 100]),
        ([0.02, 0.05], "USD", [0.0, 0.01, 0.02, 0.03, 0.04, 0.05]),
        ([3 << 30, 9 << 30], "bytes", [0, 2 << 30, 4 << 30, 6 << 30, 8 << 30, 10 << 30]),
        ([0, 300_000], "ms", [0, 60_000, 120_000, 180_000, 240_000, 300_000]),
    ],
)
def test_ticks_are_round_figures_of_the_unit(values: list[float], unit: str, ticks: list[float]) -> None:
    found = fitting(values, 0, 100, unit).ticks()
    if unit == "bytes":
        assert all(tick % (1 << 30) == 0 for tick in found)
    else:
        assert found == pytest.approx(ticks)


def test_values_lie_between_the_ends_in_either_direction() -> None:
    scale = fitting([10, 90], 200, 0)
    assert (scale.at(scale.low), scale.at(scale.high)) == (200, 0)
    assert scale.at(1e9) == 0


def test_a_logarithm_has_powers_and_puts_zero_at_its_end() -> None:
    scale = fitting([0, 5, 40_000], 0, 100, log=True)
    assert scale.ticks() == pytest.approx([1, 10, 100, 1000, 10_000, 100_000])
    assert scale.at(0) == 0


@pytest.mark.parametrize("values", [[], [0], [7], [7, 7], [-3], [float("nan")], [1e-9], [1e18, 1e18 + 1]])
@pytest.mark.parametrize("unit", ["", "bytes", "ms", "time"])
@pytest.mark.parametrize("log", [False, True])
def test_odd_values_have_a_scale(values: list[float], unit: str, log: bool) -> None:
    scale = fitting(values, 0, 100, unit, log=log)
    assert scale.high > scale.low
    assert len(scale.ticks()) <= 20
