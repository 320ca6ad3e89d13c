"""Machines beside other methods, on few spins and short trainings."""

import numpy as np
import pandas as pd

from lib.rbm import method_trials
from lib.rbm.complex_training import StateSettings

QUICK = StateSettings(epochs=2, batch_size=50, learning_rate=0.1)
PSI = np.array([0.5, 0.5j, -0.5, 0.5])


def test_methods_are_compared_on_all_kinds_of_averages_and_data_sets():
    table = method_trials.compared_averages(4, [60, 600], 2, lambda n: QUICK, seed=1)
    assert len(table) == 2 * 2 * 2 * 3 and not table.duplicated(["shots", "set", "kind", "method"]).any()
    fall = table.groupby(["method", "shots"]).error.mean().unstack()
    assert (fall.loc[["shadows", "matrix product"], 600] < fall.loc[["shadows", "matrix product"], 60]).all()


def test_one_machine_and_their_mean_are_compared_with_likelihood_and_inversion():
    table = method_trials.compared_mixed(1, 0.2, [500], 1, 3, lambda n: QUICK, seed=1)
    assert list(table.method) == ["maximum likelihood", "linear inversion", "one machine", "mean of machines"]
    assert (table.fidelity[:2] > 0.98).all() and table.fidelity[2] != table.fidelity[3]
    pd.testing.assert_series_equal(table.error, 1 - table.fidelity, check_names=False)
