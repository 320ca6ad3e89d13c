"""What the thesis prints of sparse kernels, at the numbers of its text."""

import numpy as np
import pytest

from lib.kernels import printed
from lib.kernels.arc_cosine import arc_cosine_pairs


def test_printed_formulas_at_the_numbers_of_the_text():
    first, second = printed.distance(328, 784, 8 / 328)
    assert first == pytest.approx((np.sqrt(41) - 1)**2 / 16 / 784) and second == pytest.approx(0.8986788 / 4 / 328)
    assert first + second == pytest.approx(3.0e-3, rel=0.02)
    assert sum(printed.distance(635, 784, 8 / 635)) == pytest.approx(5.3e-3, rel=0.03)
    widths = np.arange(100, 250)  # the smallest printed distance is near the width 8 / p*
    best = widths[np.argmin([sum(printed.distance(int(n), 784, 8 / n)) for n in widths])]
    assert printed.best_connectivity(8, 784) == pytest.approx(np.sqrt(8 / 3136))
    assert best * printed.best_connectivity(8, 784) == pytest.approx(8, rel=0.2)
    assert printed.masked_kernel_diagonal(1, 784, 0.1) == 392
    assert printed.masked_kernel_diagonal(2, 784, 0.1) == pytest.approx(1.5 * 784**2 * (1 + 2 / 78.4))
    assert printed.distance_diagonal(100, 784, 0.1) == pytest.approx((1.25 + 3 / 78.4) / 100)
    # Where no weight is missing, (3.25) and (3.26) are kernels of inputs at the angle whose cosine is sign / sqrt(d).
    x, y = np.zeros((2, 1, 784))
    x[0, 0] = y[0, 0] = 1
    for sign in (1, -1):
        x[0, :2], y[0, :2] = [28, 0], [28 * sign / 28, 28 * np.sqrt(1 - 1 / 784)]
        for order, rel in ((1, 1e-3), (2, 2e-3)):
            assert printed.masked_kernel(order, 784, 1.0, sign) == pytest.approx(
                arc_cosine_pairs(x, y, order=order)[0], rel=rel)


@pytest.mark.parametrize("weights_per_input", [700.0, 100.0])
def test_the_scan_finds_the_connectivity_of_the_smallest_printed_distance(weights_per_input):
    found = printed.scanned_connectivity(weights_per_input, 784)

    def distance(p):  # at np weights an input the width is np / p
        bias, _ = printed.distance(1, 784, p)
        return bias + printed.distance(1, 784, p)[1] * p / weights_per_input

    assert distance(found) < min(distance(found * 0.99), distance(min(found * 1.01, 1)))
