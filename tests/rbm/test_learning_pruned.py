"""Weights needed after pruning, on records whose numbers are known."""

import numpy as np
import pandas as pd
import pytest

from lib.rbm import learning_pruned
from lib.rbm.learning_pruned import fewest, jumps, weights_needed


def runs(*rows):
    return pd.DataFrame(rows, columns=["n_spins", "prune_rounds", "weights needed"])


def test_jumps_are_counted_from_steps_that_began_within_the_bound():
    assert jumps([0.001, 0.0015, 0.006, 0.9], 0.0005, 0.002) == pytest.approx([1.5, 4])
    assert jumps([], 0.001, 0.002).size == 0


def test_jumps_of_many_machines_stand_together():
    many = [{"bound": 0.0005, "pruned bound": [0.001, 0.0015]}, {"bound": 0.001, "pruned bound": []},
            {"bound": 0.0005, "pruned bound": [0.001, 0.005]}]
    assert learning_pruned.all_jumps(many) == pytest.approx([1.5, 5])
    assert learning_pruned.all_jumps(many[1:2]).size == 0


def test_weights_needed_are_means_over_machines_that_learnt():
    table = weights_needed(runs((10, 1, 22), (10, 1, 24), (10, 1, None), (10, 5, 20), (10, 5, 20), (20, 1, 60)))
    assert table.to_dict("records") == [
        {"n_spins": 10, "prune_rounds": 1, "left": 23, "error": pytest.approx(1), "learnt": 2, "machines": 3},
        {"n_spins": 10, "prune_rounds": 5, "left": 20, "error": pytest.approx(12**-0.5), "learnt": 2, "machines": 2}]
    assert weights_needed(runs()).empty


def test_the_fewest_weights_are_those_of_the_better_limit():
    table = weights_needed(runs((20, 1, 50), (20, 1, 52), (20, 5, 54), (20, 5, 54), (10, 1, 22), (10, 1, 24),
                                (10, 5, 20), (10, 5, 20)))
    assert list(fewest(table)[["n_spins", "prune_rounds", "left"]].itertuples(index=False, name=None)) == [
        (10, 5, 20), (20, 1, 51)]
    assert np.isclose(fewest(table).error[1], 1) and fewest(table[:0]).empty


def test_weights_stand_beside_those_of_the_thesis():
    needed = weights_needed(runs((10, 1, 22), (10, 1, 24), (10, 5, 20), (10, 5, 20), (10, 5, None)))
    table = learning_pruned.beside_thesis({10: (50, 20), 20: (200, 50)}, {10: (50.0, 2.9), 20: (None, None)}, needed,
                                          [1, 5], lambda value, error, fmt: f"{value:{fmt}} ± {error:{fmt}}")
    assert table[10].tolist() == [50, 20, "50 ± 3", "23 ± 1", "20 ± 0 (2 of 3 learnt)"]
    assert table[20].tolist() == [200, 50, "not run", "not run", "not run"]
