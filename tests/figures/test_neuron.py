"""The drawing of a neuron: its numbers add up, as they stand there."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from lib import plotting
from lib.figures import neuron


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context(plotting.STYLE):
        yield
    plt.close("all")


def test_a_neuron_shows_the_numbers_that_it_computes():
    inputs = np.array([0.5, -0.2, 0.0, 1.0])
    weights, biases = np.array([[1.0, -0.5, 2.0, 0.3], [0.1, 0.2, 0.3, -1.0]]), np.array([0.2, -0.4])
    figure, table, texts = neuron.neurons(inputs, weights, biases, (0, 1))
    first, second = map(neuron.printed_numbers, texts)
    assert list(first["x"]) == list(inputs) and list(first["w"]) == list(weights[0]) and first["b"] == 0.2
    assert first["sum"] == first["activation"] == pytest.approx(1.1)
    assert second["sum"] == pytest.approx(-1.39) and second["activation"] == 0
    assert texts[1]["w"][3].get_text() == "\u22121.0" and texts[1]["w"][3].get_color() == plotting.NEGATIVE
    assert table.iloc[1].to_dict() == pytest.approx({
        "neuron": 2, "x1": 0.5, "x2": -0.2, "x3": 0.0, "x4": 1.0, "W1": 0.1, "W2": 0.2, "W3": 0.3, "W4": -1.0,
        "bias": -0.4, "pre-activation": -1.39, "activation": 0})
    assert neuron.largest_slip(texts) < 1e-9
    texts[1]["sum"].set_text("9.00")
    assert neuron.largest_slip(texts) > 1
