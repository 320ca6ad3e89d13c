"""When correlations are cut off, on runs where it is known."""

import numpy as np
import pandas as pd
import pytest

from lib.rbm import pruning_correlations as correlations
from lib.rbm import pruning_graphs
from lib.rbm.correlation_decay import covariance, decay, screening
from lib.spins import free_fermions
from tests.pruned_runs import run

RATES = (0.0, 0.01, 0.5, 0.1, 0.5, 0.5)  # above 2 / N = 0.2: for a moment at step 2, for good from step 4 on
LEFT = (72, 36, 18, 12, 11, 10)


@pytest.fixture(scope="module")
def screened():
    """A chain of 12 spins whose exact correlations are cut off by known rates."""
    exact, d = correlations.exact_correlation(12, 1.0), np.arange(7)
    return run(7, n_spins=12, n_hidden=6, left=LEFT,
               **{"pruning correlation": [list(np.exp(-rate * d) * exact) for rate in RATES],
                  "pruning joined": [[1] * 7] * 5 + [[1] * 6 + [0]]})


@pytest.fixture(scope="module")
def fits(screened):
    return correlations.decays({12: [screened]}, {12: 4}, 1.0)


def test_exact_correlations_start_at_the_middle_spin():
    zz = free_fermions.correlation_zz(9, 1.0)
    np.testing.assert_array_equal(correlations.exact_correlation(9, 1.0), zz[4, 4:])
    assert correlations.exact_correlation(9, 1.0)[0] == pytest.approx(1)


def test_fits_are_those_of_the_exact_state_and_of_every_step(screened, fits):
    exact = fits[fits.seed == "exact"]
    assert list(exact["last"]) == [4, 6] and exact.step.isna().all() and (exact.n == 12).all()
    zz = free_fermions.correlation_zz(12, 1.0)
    errors = covariance(zz, 5, 100_000)[:7, :7]
    assert exact.exponent.iloc[1] == pytest.approx(decay(zz[5, 5:], errors, 1, 6).exponent)
    own = fits[fits.seed == 7]
    assert list(own.step) == [0, 1, 2, 3, 4, 5] and list(own.left) == pytest.approx([100 * n / 72 for n in LEFT])
    np.testing.assert_allclose(own.rate.astype(float), RATES, atol=1e-6)
    third = screening(screened["pruning correlation"][3], zz[5, 5:], errors)
    assert own.rate_error.iloc[3] == pytest.approx(third.error)


def test_the_cut_off_counts_from_two_steps_in_a_row_and_the_form_from_three(fits):
    own = fits[fits.seed == 7]
    assert correlations.cut_off(own, 12) == pytest.approx(100 * 11 / 72)
    assert np.isnan(correlations.cut_off(own.iloc[:5], 12))
    forms = pd.DataFrame({"left": [100, 80, 60, 40, 20, 10], "preference": [-1, -1, 1, -1, -2, -1]})
    assert correlations.turned(forms) == 40 and np.isnan(correlations.turned(forms.iloc[:5]))


def test_ends_say_when_what_breaks(screened, fits):
    row, = correlations.ends({12: [screened]}, fits).to_dict("records")
    assert (row["n"], row["seed"], row["n_hidden"], row["eROE"]) == (12, 7, 6, 0.01)
    assert row["harmed"] == 100 and row["cut off"] == pytest.approx(100 * 11 / 72) and row["path"] == 1
    assert row["splits"] == row["apart"] == pytest.approx(100 * 10 / 72)
    assert row["starts exact"] and row["ends cut"] and row["starts power"] == (fits.preference.iloc[2] > 0)
    never = pruning_graphs.apart(screened | {"pruning joined": [[1] * 7] * 6})
    assert np.isnan(never)
    empty = correlations.ends({50: []}, fits)
    assert empty.empty and "cut off" in empty


def test_means_are_over_the_machines_of_each_chain():
    table = pd.DataFrame({"n": [18, 18, 50], "n_hidden": [9, 9, 25], "cut off": [20.0, 30.0, 10.0],
                          "turned": [40.0, np.nan, 5.0]})
    found = correlations.means(table, [18, 50])
    assert found["cut", 18] == (75, pytest.approx(5)) and found["spin", 18] == (2.25, pytest.approx(0.45))
    assert found["tree", 18][0] == pytest.approx(25 / pruning_graphs.minimal(18))
    assert found["turn", 18] == found["cut", 50] == (None, None) and len(found) == 8


def test_a_machine_that_is_never_cut_off_has_no_path_then(screened):
    whole = screened | {"pruning correlation": [screened["pruning correlation"][0]] * 6}
    row, = correlations.ends({12: [whole]}, correlations.decays({12: [whole]}, {12: 4}, 1.0)).to_dict("records")
    assert np.isnan(row["cut off"]) and np.isnan(row["path"]) and row["starts exact"] and not row["ends cut"]
