"""Tables of width at a fixed number of weights, against counts and means that are known."""

import numpy as np
import pandas as pd
import pytest

from lib.models import resnet, widening

BASE = resnet.Architecture(2, n_classes=10)


def maps(**best):
    """Networks of one kind, two seeds a cell: `w5_s1_0=(0.8, 0.9)`."""
    rows = []
    for cell, values in best.items():
        width, share = cell[1:].split("_s")
        rows += [("relu", int(width), float(share.replace("_", ".")), seed, value, value - 0.1, value - 0.2)
                 for seed, value in enumerate(values)]
    return pd.DataFrame(rows, columns=["activation", "width", "last_connectivity", "seed", "best", "chosen", "final"])


def test_every_layer_of_a_widened_network_is_counted_and_the_sum_stays():
    table = widening.thinned(BASE, [1, 3])
    layers = resnet.layers(resnet.widened(BASE, 3))
    assert list(table.width.unique()) == [2, 6] and (table.groupby("width").left.sum() == resnet.n_weights(BASE)).all()
    wide = table[table.width == 6]
    assert list(wide.layer) == [layer.name for layer in layers] and list(wide.number) == [*range(1, len(layers) + 1)]
    assert list(wide.dense) == [layer.n_weights for layer in layers]
    assert list(wide.connectivity) == pytest.approx(list(wide.left / wide.dense))
    assert (table[table.width == 2].connectivity == 1).all()


def test_the_dense_network_costs_the_square_of_the_factor_and_the_sparse_one_less():
    table = widening.multiply_adds(BASE, [1, 4])
    assert table["dense"][0] == table["sparse"][0] == resnet.multiply_adds(BASE) / 1e6
    assert table["dense"][1] == resnet.multiply_adds(resnet.widened(BASE, 4)) / 1e6 > 10 * table["dense"][0]
    assert table["dense"][0] < table["sparse"][1] < table["dense"][1]


def test_the_best_cell_is_that_with_the_highest_mean():
    nets = maps(w5_s1_0=(0.80, 0.84), w10_s1_0=(0.90, 0.90), w20_s0_5=(0.88, 0.96), w20_s1_0=(0.70, 0.70))
    found = widening.maximum(nets, "relu", (5, 10))
    assert (found.width, found.share) == (20, 0.5) and found.best == pytest.approx(92)
    assert (found.best_error, found.chosen, found.final) == pytest.approx((4, 82, 72))
    assert found.baseline == pytest.approx(82) and found.baseline_error == pytest.approx(2)
    assert found.below == pytest.approx(-2) and found.below_error == pytest.approx(4)
    there = widening.maximum(nets, "relu", (20,))
    assert there.below == 0 and np.isnan(there.below_error)
    assert np.isnan(widening.maximum(nets, "linear", (20,))).all()
    assert np.isnan(widening.maximum(nets[nets.width > 5], "relu", (20,)).baseline)


def test_the_spread_is_that_of_the_best_cells_of_some_widths():
    nets = maps(w5_s1_0=(0.1, 0.1), w10_s1_0=(0.90, 0.92), w20_s0_5=(0.94, 0.96), w20_s1_0=(0.5, 0.7))
    assert widening.spread_of_best(nets, "relu", (10, 20, 40)) == pytest.approx((4, 1))
    assert np.isnan(widening.spread_of_best(nets, "linear", (10, 20))).all()


def test_gains_are_taken_seed_by_seed():
    rows = [("relu", dense, width, seed, 1.0, value) for dense, width, values in (
        (False, 4, (0.5, 0.6)), (False, 16, (0.6, 0.8)), (True, 16, (0.7, 0.8))) for seed, value in enumerate(values)]
    rows += [("relu", False, 16, seed, 0.5, 0.0) for seed in (0, 1)] + [("linear", False, 4, 0, 1.0, 0.0)]
    nets = pd.DataFrame(rows, columns=["activation", "dense", "width", "seed", "last_connectivity", "chosen"])
    found = widening.gains(nets, "relu", 4, 16)
    assert found["base"] == pytest.approx((55, 5)) and found["gain"] == pytest.approx((15, 5))
    assert found["dense gain"] == pytest.approx((20, 0)) and found["part"] == pytest.approx((75, 25))
