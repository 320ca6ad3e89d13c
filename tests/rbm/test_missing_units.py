"""What missing units cost, from searches whose costs are known."""

import numpy as np
import pandas as pd
import pytest

from lib.rbm import learning_fields, missing_units
from lib.spins import ising


def test_missing_units_have_their_cost_in_units_of_the_energy_and_each_machine_counts_once():
    tried = {"tried hidden": [10, 9, 9, 8], "tried seed": [1, 1, 2, 1], "tried bound": [0.001, 0.003, 0.005, None]}
    runs = [{"n_spins": 20, "field": 1.0, "eps": eps} | tried for eps in (0.002, 0.005)]
    table = missing_units.missing_costs(runs, lambda n_spins, field: -25.0)
    assert len(table) == 1 and dict(table.iloc[0]) == pytest.approx(
        {"n_spins": 20, "field": 1.0, "missing": 1, "cost": 0.1, "low": 0.075, "high": 0.125, "machines": 2})


def searches(*rows):
    """Searches: n_spins, field, hidden units found, largest error, as of `learning_searches.search_table`."""
    table = pd.DataFrame(rows, columns=["n_spins", "field", "hidden", "error"])
    return table.assign(eps=0.002, low=table.hidden - 1, high=table.hidden + 1)


FOUND = searches((10, 0.8, 5, 1.0), (10, 1.0, 5, 1.0), (10, 1.2, 5, 1.0), (20, 0.5, 13, 2.0), (20, 0.6, 13, 2.0),
                 (20, 0.8, 11, 0.6), (20, 1.0, 10, 0.8), (20, 1.2, 12, 0.5), (30, 0.8, np.inf, np.nan),
                 (30, 1.0, 14, 1.0))


def test_bounds_of_two_units():
    run = {"n_spins": 10, "field": 0.5, "eps": 0.002, "tried bound": [0.004, 0.9, 0.006, 0.008],
           "tried hidden": [2, 3, 2, 2]}
    assert missing_units.two_units([run, run | {"eps": 0.01, "tried bound": [1.0] * 4}], 10, 0.5) == 0.006
    assert missing_units.two_units([run], 10, 1.0) is None


def test_bounds_of_one_length_and_field_count_each_machine_once():
    run = {"n_spins": 30, "field": 0.5, "eps": 0.002, "tried hidden": [5, 5, 6, 4, 7], "tried seed": [1, 2, 1, 1, 1],
           "tried bound": [0.001, 0.003, 0.004, 0.9, None]}
    runs = [run, run | {"eps": 0.01}, run | {"field": 1.0, "tried bound": [0.5] * 5}, run | {"n_spins": 20}]
    assert missing_units.tried_bounds(runs, 30, 0.5, at_least=5) == [0.001, 0.003, 0.004]
    assert missing_units.tried_bounds(runs, 40, 0.5, at_least=5) == []


def test_costs_stand_in_a_table_with_a_column_for_each_number_of_missing_units():
    costs = pd.DataFrame([(0.5, 10, 1, 0.1), (1.0, 10, 1, 0.0612), (1.0, 20, 2, 0.18)],
                         columns=["field", "n_spins", "missing", "cost"])
    table = missing_units.costs_table(costs, least=0.8)
    assert [*table.index] == [(1.0, 10), (1.0, 20)] and [*table.index.names] == ["h/J", "spins"]
    assert table[1].tolist() == ["0.061", ""] and table[2].tolist() == ["", "0.180"]


def test_machines_below_the_threshold_are_counted_with_the_best_of_them():
    costs = pd.DataFrame([(1.0, 20, 2, 0.06, 50), (1.0, 30, 3, 0.05, 10), (1.0, 20, 1, 0.01, 9), (0.8, 20, 2, 0.0, 9),
                          (1.0, 40, 4, 0.0, 9)], columns=["field", "n_spins", "missing", "low", "machines"])
    sampled = pd.DataFrame({"ratio": [0.4, 0.4, 0.4, 0.5], "n_spins": [10, 20, 30, 40], "machines": [9, 20, 30, 9],
                            "learnt": [9, 0, 1, 9]})
    found = missing_units.below(costs, sampled, lambda n, field: -1.0 * n)  # 0.04 and 0.06 J are allowed
    assert found == {"share": 0.5, "machines": 60, "best": pytest.approx(0.002 * 5 / 6), "few": 50, "learnt": 1,
                     "longest": 30}
    assert missing_units.below(costs[:0], sampled[:0], lambda n, field: -1.0 * n) == {
        "share": None, "machines": 0, "best": None, "few": 0, "learnt": None, "longest": 0}


@pytest.mark.parametrize("allowed, left", [(0.05, 0), (0.1, 1), (0.29, 1), (0.31, 2), (0.51, 3)])
def test_the_first_unit_spared_leaves_one_bond_alone_and_each_other_one_two(allowed, left):
    assert missing_units.spared(allowed, 0.1) == left  # one unit costs 0.1, two 0.3, three 0.5
    assert sum(allowed >= cost for cost in (0.1, 0.3, 0.5)) == left


def test_predictions_use_the_cost_at_ten_spins_and_the_same_field():
    costs = pd.DataFrame([(10, 1.0, 1, 0.06), (20, 1.0, 1, 9.0), (10, 1.0, 2, 9.0), (10, 1.2, 1, 0.01)],
                         columns=["n_spins", "field", "missing", "cost"])
    energy = lambda n, field: -1.3 * n  # 0.026, 0.052 and 0.078 J are allowed
    assert missing_units.predictions(FOUND, costs, energy, [1.0]) == [0, 0, 0]  # 5, 10, and 14 = 15 less one
    assert missing_units.predictions(FOUND, costs, energy, [1.2, 2.0]) == [5 - 5 + 1, 12 - 10 + 3]


def test_the_infidelity_that_an_error_of_the_energy_allows_is_that_over_the_gap_of_the_same_parity():
    matrix = ising.hamiltonian(6, 1.0).toarray()
    even = (np.eye(64) + np.eye(64)[::-1]) / 2  # flipping all spins reverses the order of the states
    lowest, next_even = np.sort(np.linalg.eigvalsh(matrix + 1e3 * (np.eye(64) - even)))[:2]
    found = missing_units.infidelity_allowed(6, 0.002)
    assert found == pytest.approx(-0.002 * lowest / (next_even - lowest))
    assert missing_units.infidelity_allowed(100, 0.002) == 1.0


def test_a_length_that_the_grid_does_not_have_gives_no_number():
    """Not that of another length, and no error."""
    runs = [{"n_spins": 20, "field": 0.5, "eps": 0.002, "tried bound": [0.003], "tried hidden": [2]}]
    table = searches((20, 0.8, 11, 0.6), (20, 1.0, 10, 0.8), (20, 1.2, 10, 0.5), (20, 2.0, 10, 0.5))
    assert missing_units.two_units(runs, 20, 0.5) == 0.003 and missing_units.two_units(runs, 30, 0.5) is None
    sure = table.assign(low=table.hidden, high=table.hidden)
    assert learning_fields.peak(sure, 20, least=4) == [0.8] and learning_fields.peak(sure, 30, least=4) == []
    assert learning_fields.compared(table[table.n_spins == 30], 0.8, 1.0)["n_spins"] == (None, None)
