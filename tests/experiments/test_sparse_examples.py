"""What page 3.5 computes around the points of figure 3.8."""

from lib.experiments import sparse_examples
from lib.experiments.kernel_distance import kernel_distance
from lib.kernels import printed


def test_rates_between_the_published_widths_are_on_straight_lines():
    assert sparse_examples.published_rate(32, False) == 136.0 and sparse_examples.published_rate(20, True) == 42.5
    assert sparse_examples.published_rate(20, False, 1.4) == round(70.5 * 1.4, 1)


def test_a_table_has_a_point_a_width_and_no_more_weights_than_there_are():
    few = {"n_pairs": 20, "n_starts": 2, "n_masks": 16, "seed": 1}
    table = sparse_examples.distance_table("digits", "global", [8, 16], 8 * 64, 10, **few)
    assert list(table.width) == [8, 16] and list(table.connectivity) == [1.0, (8 * 64 - 80) / (16 * 64)]
    one = kernel_distance(data="digits", normalization="global", width=16, n_first=8 * 64 - 80, distribution="normal",
                          proxy_width=0, **few)
    assert table.exact[1] == one["exact"] and set(table.last_layer) == {10} and set(table.data) == {"digits"}
    assert table.printed[1] == sum(printed.distance(16, 64, table.connectivity[1]))
