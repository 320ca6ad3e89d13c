"""What page 3.5 computes around the points of figure 3.8."""

import numpy as np
import pandas as pd
import pytest

from lib.experiments import sparse_examples
from lib.experiments.kernel_distance import kernel_distance
from lib.kernels import printed


def test_rates_between_the_published_widths_are_on_straight_lines():
    assert sparse_examples.published_rate(32, False) == 136.0 and sparse_examples.published_rate(20, True) == 42.5
    assert sparse_examples.published_rate(20, False, 1.4) == round(70.5 * 1.4, 1)


def test_published_rates_are_listed_for_both_kinds_of_networks():
    rates = sparse_examples.published_rates([20, 32])
    assert rates.index.names == ["dense", "width"] and len(rates) == 4
    assert rates[False, 32] == 136.0 and rates[True, 20] == 42.5


def distances():
    rows = [("gaussian", "global", 0, 0.1, 3.0, 1.0, 3.0, 4.0, 0.5),
            ("gaussian", "global", 0, 0.2, 2.0, 2.0, 0.0, 1.0, 0.5),
            ("gaussian", "global", 10, 0.1, 2.0, 2.0, 0.0, 1.0, 2.0),
            ("digits", "pixel", 0, 0.01, 9.0, 1.0, 0.1, 0.1, 0.25)]
    return pd.DataFrame(rows, columns=["data", "normalization", "last_layer", "connectivity", "measured", "exact",
                                       "measured_error", "exact_error", "exact_bias"])


def test_the_score_is_in_errors_of_both_and_leaves_out_units_of_single_weights():
    typical, n_points = sparse_examples.typical_score(distances())
    assert n_points == 3 and typical == pytest.approx(np.sqrt(0.4**2 / 3))  # (3 - 1) / 5, 0 and 0; 0.64 weights


def test_the_bias_is_that_of_the_last_row_without_a_last_layer():
    found = sparse_examples.bias_at_widest(distances())
    assert found.to_dict() == {("gaussian", "global"): 25.0, ("digits", "pixel"): 25.0}


def test_a_table_has_a_point_a_width_and_no_more_weights_than_there_are():
    few = {"n_pairs": 20, "n_starts": 2, "n_masks": 16, "seed": 1}
    table = sparse_examples.distance_table("digits", "global", [8, 16], 8 * 64, 10, **few)
    assert list(table.width) == [8, 16] and list(table.connectivity) == [1.0, (8 * 64 - 80) / (16 * 64)]
    one = kernel_distance(data="digits", normalization="global", width=16, n_first=8 * 64 - 80, distribution="normal",
                          proxy_width=0, **few)
    assert table.exact[1] == one["exact"] and set(table.last_layer) == {10} and set(table.data) == {"digits"}
    assert table.printed[1] == sum(printed.distance(16, 64, table.connectivity[1]))
