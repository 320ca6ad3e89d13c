"""Graphs of machines and of random masks whose pieces are known."""

import numpy as np
import pandas as pd
import pytest

from lib import rng
from lib.rbm import pruning_graphs
from lib.rbm.pruning_graphs import first_split, random_graphs
from tests.pruned_runs import run

RUN = {"training epochs": [0, 5, 10], "fine_tune_epochs": 2,
       "training weights left": [20, 20, 20], "control weights left": [20, 20, 20, 20],
       "pruning weights left": [20, 12, 11, 10, 9, 9, 8], "pruning components": [1, 1, 1, 2, 1, 3, 3],
       "training kl": [3.0, 0.1, 0.05], "control kl": [0.04, 0.05, 0.06, 0.05],
       "pruning kl": [0.05, 0.07, 0.2, 0.08, 0.12, 0.13, 0.14]}


def test_random_graphs_whose_pieces_are_known():
    counts, largest = random_graphs(4, 2, [8, 1, 0], 3, rng.stream(1, "graphs"))
    np.testing.assert_array_equal(counts, [1, 5, 6])
    np.testing.assert_array_equal(largest, [1, 0.25, 0.25])
    # Two weights of four: they meet in a unit (4 of 6 pairs, half of them in a hidden one) or not: 2 components.
    counts, largest = random_graphs(2, 2, [2], 4000, rng.stream(1, "pairs"))
    assert counts[0] == pytest.approx(2, abs=1e-12) and largest[0] == pytest.approx((1 + 2 / 6) / 2, abs=0.02)
    # Three of six weights of a 3 x 2 machine: no loop is possible with three edges, so always 5 - 3 components.
    assert random_graphs(3, 2, [3], 4000, rng.stream(1, "threes")).components[0] == pytest.approx(2, abs=1e-12)


def test_the_first_split_is_in_percent_of_all_weights():
    assert first_split(RUN) == pytest.approx(50)
    assert np.isnan(first_split(RUN | {"pruning components": [1] * 7}))


def test_a_tree_joins_all_units():
    assert pruning_graphs.tree(18) == 26 and pruning_graphs.minimal(18) == pytest.approx(100 * 26 / 162)


def test_graphs_of_machines_and_of_random_masks():
    machine = run(5, left=(18, 9, 6))
    found = pruning_graphs.graphs({6: [machine]}, 3, seed=1)
    own, random = found[found.seed == 5], found[found.seed == "random"]
    assert list(own.left) == [18, 9, 6] and list(own.largest) == pytest.approx([100, 100, 100 * 5 / 6])
    assert list(own.components) == [1, 1, 2]
    assert random.left.iloc[0] == 18 and random.largest.iloc[0] == 100 and random.components.iloc[0] == 1
    assert random.left.iloc[-1] == int(0.8 * pruning_graphs.tree(6)) and random.left.is_monotonic_decreasing
    pd.testing.assert_frame_equal(found, pruning_graphs.graphs({6: [machine]}, 3, seed=1))
    assert not found.equals(pruning_graphs.graphs({6: [machine]}, 3, seed=2))
