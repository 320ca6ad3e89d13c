"""Laws of growth are found where they hold."""

import numpy as np
import pandas as pd
import pytest

from lib.rbm import scaling_laws
from lib.rbm.scaling_laws import laws


@pytest.mark.parametrize("name, law, parameters", [
    ("constant", lambda x: 2 + 0 * x, (2,)), ("linear", lambda x: 1 + 0.5 * x, (1, 0.5)),
    ("power", lambda x: 0.3 * x**1.4, (0.3, 1.4))])
def test_each_law_is_found_where_it_holds(name, law, parameters):
    x = np.array([10.0, 20, 30, 40, 60])
    found = laws(x, law(x), np.full(5, 0.2))
    assert min(found.values(), key=lambda fit: fit.aic).name == name
    assert found[name].parameters == pytest.approx(parameters, rel=1e-3) and found[name].chi2 < 1e-6
    wrong = laws(x, law(x) + np.array([0.9, -0.9, 0.9, -0.9, 0.9]), np.full(5, 0.2))[name]
    assert all(after > before for before, after in zip(found[name].errors, wrong.errors, strict=True))


def test_a_power_is_found_among_points_that_follow_none():
    """Many units in short chains, one in long ones: in a and b themselves the fit ran away."""
    x, y, errors = [10, 20, 30, 40, 50, 60], [5, 13, 28, 1, 1, 1], [0.29, 1, 6, 0.29, 0.5, 0.5]
    power = laws(x, y, errors)["power"]
    grid = [(np.exp(height), b) for height in np.linspace(0, 2, 81) for b in np.linspace(-2, 0, 81)]
    chi2 = min((((h * (np.array(x) / 30) ** b - y) / errors) ** 2).sum() for h, b in grid)
    assert power.chi2 <= chi2 and power.chi2 == pytest.approx(chi2, rel=0.01) and -1 < power.parameters[1] < -0.5
    fitted = power.parameters[0] * np.array(x) ** power.parameters[1]
    assert (((fitted - y) / errors) ** 2).sum() == pytest.approx(power.chi2) and np.isfinite(power.errors).all()


def test_intervals_of_exponents_hold_as_often_as_they_say():
    dice, x, held = np.random.default_rng(3), np.array([10.0, 20, 30, 40]), 0
    for _ in range(150):
        fit = laws(x, 0.5 * x + dice.normal(0, 0.5, 4), np.full(4, 0.5))["power"]
        held += abs(fit.parameters[1] - 1) <= fit.errors[1]
    assert 0.6 < held / 150 < 0.9


def test_differences_of_the_criterion_are_those_of_the_likelihood_with_given_errors():
    x, y, errors = np.arange(1.0, 6), np.array([1.0, 2.5, 2, 4.5, 5]), np.full(5, 0.5)
    fits = laws(x, y, errors)
    best = {"constant": y.mean() + 0 * x, "linear": np.polyval(np.polyfit(x, y, 1), x)}
    log = {name: -0.5 * np.square((y - values) / errors).sum() for name, values in best.items()}
    gain = 2 * (log["linear"] - log["constant"]) - 2  # one parameter more
    assert fits["constant"].aic - fits["linear"].aic == pytest.approx(gain) and gain > 0


@pytest.mark.parametrize("x, y, errors", [([1, 2], [1, 2], [1, 1]), ([1, 2, 3], [1, 2, 3], [1, 0, 1]),
                                          ([1, 2, 3], [1, np.inf, 3], [1, 1, 1]), ([1, 2, 3], [1, 2], [1, 1, 1]),
                                          ([0, 1, 2], [1, 2, 3], [1, 1, 1])])
def test_laws_through_too_few_points_or_none_are_refused(x, y, errors):
    with pytest.raises(ValueError, match="expected (three points|finite positive)"):
        laws(x, y, errors)


def test_rows_without_a_value_do_not_count_and_two_are_too_few():
    table = pd.DataFrame({"n_spins": [10, 20, 30, 40], "hidden": [5, 10, 15, np.inf], "error": [1, 1, 1, np.nan]})
    found = scaling_laws.fitted(table)
    assert found == laws([10, 20, 30], [5, 10, 15], [1, 1, 1]) and scaling_laws.fitted(table[1:]) == {}
    assert scaling_laws.parameter(found, "linear", 1) == (found["linear"].parameters[1], found["linear"].errors[1])
    assert scaling_laws.parameter({}, "linear", 1) == (None, None)
    assert scaling_laws.fitted(table.rename(columns={"hidden": "left"}), y="left") == found


def test_the_slope_of_differences_has_the_variance_of_correlated_points():
    lengths, dice = np.array([10.0, 20, 40, 50]), np.random.default_rng(5)
    sizes = np.array([1.0, 1.0, 0.5, 2.0])  # of the errors at each length, independent from length to length
    covariance = np.array([[0.9, 0.7], [0.7, 0.6]])  # of the two curves at a length of size one
    noise = dice.multivariate_normal([0, 0], covariance, size=(20_000, 4)) * sizes[:, None]
    first, second = np.moveaxis(noise + np.array([0.5, 0.4]) * lengths[:, None], -1, 0)
    errors = sizes * (0.9 + 0.6 - 2 * 0.7) ** 0.5
    of_first, of_second = (np.polyfit(lengths, one.T, 1, w=1 / errors)[0] for one in (first, second))
    value, error = scaling_laws.slope(lengths, 0.4 * lengths - 0.5 * lengths, errors)
    assert value == pytest.approx(-0.1) and error == pytest.approx((of_second - of_first).std(), rel=0.03)
    one = scaling_laws.slope(lengths, (second - first)[0], errors)
    assert one[0] == pytest.approx(of_second[0] - of_first[0]) and one[1] >= error  # wider where the line does not fit
    independent = scaling_laws.slope(lengths, np.zeros(4), sizes * (0.9 + 0.6) ** 0.5)[1]
    assert error < 0.3 * independent == pytest.approx(0.3 * np.hypot(of_first.std(), of_second.std()), rel=0.03)
    assert scaling_laws.slope([10, 20], [1, 2], [1, 1]) == (None, None)
