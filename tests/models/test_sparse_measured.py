"""What follows from measured layers, for two layers whose times are made up."""

import numpy as np
import pandas as pd
import pytest

from lib.models.sparse import choice, measured

LAYERS = [{"kernel": 3, "stride": 2, "n_in": 8, "n_out": 16, "out_size": 4, "images": 32, "seconds_dense": 0.01,
           "densities": [0.1, 0.5], "seconds_layout": [0.001, 0.01], "seconds_torch": [0.002, 0.02],
           "gflops": [1, 2], "gbytes": [3, 4]},
          {"kernel": 1, "stride": 1, "n_in": 64, "n_out": 10, "out_size": 1, "images": 32, "seconds_dense": 0.004,
           "densities": [0.1], "seconds_layout": [0.001], "seconds_torch": [0.008], "gflops": [5], "gbytes": [6],
           "seconds_csr": [0.002]}]


def test_speeds_are_dense_over_native_times_at_each_density():
    table = measured.speeds(pd.DataFrame(LAYERS).drop(columns="seconds_csr"))
    assert list(table.name) == ["3x3, stride 2, 8 to 16 channels, 4x4"] * 2 + ["1x1, 64 to 10 channels, 1x1"]
    assert list(table.densities) == [0.1, 0.5, 0.1] and list(table.layout) == pytest.approx([10, 1, 4])
    assert list(table.torch) == pytest.approx([5, 0.5, 0.5]) and list(table.gbytes) == [3, 4, 6]


def test_crossovers_are_those_of_the_table_of_choices():
    table = measured.crossovers(pd.DataFrame(LAYERS))
    assert [*table] == ["kernel", "stride", "in", "out", "pixels", "images", "dense (ms)", "in the layout", "in torch"]
    assert list(table["dense (ms)"]) == [10, 4]
    assert table["in torch"][0] == choice.crossover((16, 8, 3, 3), 2, 4)
    assert table["in the layout"][1] == choice.crossover((10, 64, 1, 1), 1, 1, in_torch=False)


@pytest.mark.parametrize("crossover, expected", [((1.0, 1.0), 3.0), ((1.0, 0.05), 1.0), ((0.3, 0.05), 1.0),
                                                 ((0.05, 0.05), 4.0)])
def test_a_choice_loses_where_it_takes_another_than_the_fastest(crossover, expected):
    # layer 1: native takes a fifth of dense at 0.1 and twice as long at 0.5; layer 2: native twice, CSR half
    assert measured.choice_loss(LAYERS, crossover) == pytest.approx(expected)


def test_goals_leave_out_other_rows_and_say_what_is_missed():
    step = {"group": "sparse", "machine": "a, 2 cores", "name": "linear", "peer": "torch", "ratio": 2.0, "goal": 4.0,
            "threads": 2, "gflops": 30.0}
    bench = [{"machine": "a, 2 cores", "peaks": {"gflops_cache": 60.0, "gbytes": 10.0}}, step,
             step | {"goal": 1.0, "machine": "b", "gbytes": 5.0}, step | {"earlier": True}, step | {"goal": None},
             step | {"group": "rbm"}]
    table = measured.goals(bench)
    assert list(table["missed by"]) == [0.5, 0] and list(table.machine) == ["a", "b"]
    assert table["of peak, gflops"][0] == pytest.approx(0.25)
    assert np.isnan(table["of peak, gflops"][1]) and np.isnan(table["of peak, gbytes"]).all()
    assert table.name.str.startswith(measured.SINGLE).all()
    assert measured.lacking(table) == list(measured.WANTED)
    assert measured.lacking(table.assign(name=["3x3 convolution, 8", "peak memory"])) == [
        "linear layer", "four 3x3 convolutions", "perceptron step", "ResNet-18 step"]
