"""Parts of an error in a table: exact sums beside drawn training sets, and the mean label under two risks."""

import numpy as np
import pandas as pd
import pytest

from lib.kernels import error_parts, learning

LINE = learning.Problem(np.column_stack([[-1.0, 0.0, 1.0], np.ones(3)]), np.array([1.0, 0.0, 0.5]), noise=0.4)


def test_drawn_totals_agree_with_the_sums_over_all_training_sets():
    table = error_parts.table(LINE, [(3, 0), (3, 4), (2, 4)], learning_rate=0.2, n_drawn=4000, seed=1)
    assert list(table.samples) == [3, 3, 2] and list(table.steps) == [0, 4, 4]
    assert (abs(table.drawn - table.total)[1:] < 4.5 * table.error[1:]).all() and table.error[0] < 1e-12
    assert table.total.to_numpy() == pytest.approx(
        (table.approximation + table.estimation + table.optimization).to_numpy())
    one = learning.error_decomposition(LINE, 2, n_steps=4, learning_rate=0.2)
    assert tuple(table.loc[2, list(one._fields)]) == pytest.approx(one)


def test_checks_are_the_largest_deviations_in_the_table():
    rows = [(2, 0, 0.5, 0.3, 0.1, 0.9, 0.9, 0.0), (4, 8, 0.5, 0.1, 0.1, 0.7, 0.8, 0.05),
            (3, 8, 0.5, 0.2, 0.1, 1.0, 0.9, 0.1)]
    columns = ["samples", "steps", "approximation", "estimation", "optimization", "total", "drawn", "error"]
    found = error_parts.checks(pd.DataFrame(rows, columns=columns), n_steps=8)
    assert found.rest == pytest.approx(0.2) and found.drawn == pytest.approx(2) and found.least == 0.1
    assert list(found.estimation) == [0.2, 0.1]  # of 3 and of 4 observations


def test_the_mean_label_is_best_for_the_risk_and_not_for_the_empirical_one():
    risk, empirical = error_parts.of_mean_label(np.array([0.3, -0.5]), 0.6, 1)
    assert risk == pytest.approx(0) and empirical == pytest.approx(0.36)  # one label is fitted exactly
