"""What is drawn of a machine at work: its chains, its exact lines, and its means."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lib import plotting
from lib.figures import living as figures
from lib.rbm.living import AtWork


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context(plotting.STYLE):
        yield
    plt.close("all")


def test_every_removal_has_its_strip_and_a_point_beside_the_exact_lines():
    values = {("order", 0): 0.5, ("energy", 0): -4.0, ("correlation", 1): 0.7, ("correlation", 2): 0.6}
    rows = [(f"{kind} {what}", removed, d, value - drop) for (what, d), value in values.items()
            for kind, removed, drop in (("kept", 0, 0.0), ("kept", 1, 0.1), ("ground", 0, -0.2))]
    numbers = pd.DataFrame(rows + [("weight", 0, i, 1.0) for i in range(6)], columns=["what", "removed", "i", "value"])
    bits = np.random.default_rng(1).integers(0, 2, (200, 3)).astype(np.uint8)
    means = {"order": (0.4, 0.1), "energy": (-3.9, 0.1), "C(1)": (0.65, 0.02), "C(2)": (0.5, 0.03)}
    figure = figures.at_work(numbers, [AtWork(0, bits, means), AtWork(1, 1 - bits, means)])
    order, energy, correlation, *strips = figure.axes
    assert [axes.get_title("left") for axes in strips] == ["0 of 6 weights removed", "1 of 6 weights removed"]
    assert np.array_equal(strips[0].images[0].get_array(), bits[:160].T)
    assert np.array_equal(strips[1].images[0].get_array(), 1 - bits[:160].T)
    for axes, lines, points in ((order, [[0.5, 0.4]], [0.4]), (energy, [[-4.0, -4.1]], [-3.9]),
                                (correlation, [[0.7, 0.6], [0.6, 0.5]], [0.65, 0.5])):
        dotted = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == ":"]
        curves = [line.get_ydata() for line in axes.lines if line.get_linestyle() in ("-", "--")]
        assert [list(curve) for curve in curves] == [pytest.approx(line) for line in lines]
        assert dotted == pytest.approx([line[0] + 0.2 for line in lines])
        heights = [container.lines[0].get_ydata()[0] for container in axes.containers]
        assert heights == pytest.approx(2 * points)
    assert [text.get_text() for text in correlation.get_legend().get_texts()] == ["d = 1", "d = 2"]
