"""What the thesis prints of sparse kernels; the formulas themselves are compared in `test_sparse`."""

import pytest

from lib.kernels import printed


@pytest.mark.parametrize("weights_per_input", [700.0, 100.0])
def test_the_scan_finds_the_connectivity_of_the_smallest_printed_distance(weights_per_input):
    found = printed.scanned_connectivity(weights_per_input, 784)

    def distance(p):  # at np weights an input the width is np / p
        bias, _ = printed.distance(1, 784, p)
        return bias + printed.distance(1, 784, p)[1] * p / weights_per_input

    assert distance(found) < min(distance(found * 0.99), distance(min(found * 1.01, 1)))
