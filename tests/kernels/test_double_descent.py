"""Double descent on digits, and where its curves have their lowest and highest points, on tables that are known."""

import numpy as np
import pandas as pd
import pytest

from lib.kernels import double_descent


def test_targets_have_mean_zero_and_one_large_entry():
    found = double_descent.targets([3, 0])
    assert found[0].argmax() == 3 and found[1].argmax() == 0 and np.abs(found.sum(axis=1)).max() < 1e-12
    assert found.max() == 0.9 and found.min() == -0.1


def test_double_descent_reads_each_choice_of_images_once_and_fits_all_beyond_the_threshold():
    table = double_descent.errors(50, [10, 50, 200], [0.0, 0.5], 2, seed=3)
    assert len(table) == 2 * 3 * 2 and sorted(table["size"].unique()) == [0.2, 1.0, 4.0]
    assert table[table.features == 200].training.max() < 1e-9 < table[table.features == 10].training.min()
    means = table.groupby(["noise", "features"]).test.mean()
    assert means[0.5, 200] > means[0.0, 200] and means[0.0, 200] < means[0.0, 10]
    pd.testing.assert_frame_equal(table, double_descent.errors(50, [10, 50, 200], [0.0, 0.5], 2, seed=3))


def test_sweet_spots_are_the_lowest_medians_below_the_threshold():
    rows = [(seed, 0.1, size, 0.0, test * (1 + seed)) for seed in (0, 1, 2)
            for size, test in ((0.2, 4.0), (0.5, 2.0), (0.9, 6.0), (2.0, 1.0))]
    found = double_descent.sweet_spots(pd.DataFrame(rows, columns=["seed", "noise", "size", "training", "test"]))
    assert found.sweet == {0.1: 0.5} and list(found.median.test[0.1]) == [8, 4, 12, 2]
    assert found.ratios[0.1].loc[2].tolist() == [2, 1, 3, 0.5]


def test_the_shape_of_the_curves_is_what_stands_in_the_table():
    rows = [(seed, noise, size, train, test * (1 + seed))
            for noise, high in ((0.0, 6.0), (0.3, 9.0)) for seed in (0, 1, 2)
            for size, train, test in ((0.2, 3.0, 4.0), (0.5, 1.0, 2.0), (0.9, 0.1, high - 3 * noise), (1.1, 0.0, high),
                                      (2.0, 0.0, 1.0))]
    table = pd.DataFrame(rows, columns=["seed", "noise", "size", "training", "test"])
    found = double_descent.shape(table, 0.3)
    assert found.start == (2.0, 0.0) and found.threshold == (pytest.approx(8.1 / 2), 0.0)  # the same for every seed
    assert found.ends == {0.0: (0.5, 0.0), 0.3: (0.5, 0.0)} and found.sweet == 0.5
    assert found.height == 9 / 2 and list(found.training.loc[0.3]) == pytest.approx([3, 1, 0.1, 1e-12, 1e-12])
    assert [list(line) for line in found.beyond] == [[12, 12, 2], [18, 2]]
    assert found.peak == 0.9 or found.peak == 1.1  # both are as far from 1
    moved = table.replace({"size": {0.9: 0.95}})
    assert double_descent.shape(moved, 0.3).peak == 1.1
    wide = pd.DataFrame([(seed, 0.0, size, 0.0, test) for seed, scale in enumerate((1, 2, 3))
                         for size, test in ((0.2, 4.0 * scale), (0.5, 2.0), (2.0, 1.0))], columns=table.columns)
    assert double_descent.shape(wide, 0.0).start == (4.0, 1.0)  # ratios 2, 4, 6: quartiles 3 and 5
    unequal = pd.DataFrame([(seed, 0.0, size, 0.0, test) for seed, last in enumerate((1.0, 2.0, 3.0))
                            for size, test in ((0.5, 2.0), (2.0, last))], columns=table.columns)
    assert double_descent.shape(unequal, 0.0).ends[0.0] == (1.0, pytest.approx(0.5 / np.sqrt(3)))  # of 0.5, 1, 1.5
