"""What is drawn of misread and missing bits, against the table it comes from."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from lib import plotting
from lib.figures import readout


def test_ways_are_drawn_beside_shots_without_errors():
    rows = [(seed, what, share, way, value * (1 + seed)) for seed in (0, 1) for what, share, way, value in (
        ("readout", 0.0, "no errors", 0.1), ("readout", 0.03, "ignored", 0.4), ("readout", 0.06, "ignored", 0.8),
        ("readout", 0.03, "corrected", 0.2), ("gaps", 0.1, "left out", 0.3), ("gaps", 0.1, "summed over", 0.15))]
    with plt.rc_context(plotting.STYLE):
        figure, table = readout.readout(pd.DataFrame(rows, columns=["seed", "what", "share", "way", "infidelity"]))
    left, right = figure.axes
    lines = {line.get_label(): line for axes in (left, right) for line in axes.lines}
    assert list(lines["no errors"].get_ydata()) == pytest.approx([0.15, 0.15])
    drawn = {container.get_label(): container.lines[0] for axes in (left, right) for container in axes.containers}
    assert list(drawn["ignored"].get_xdata()) == [0.03, 0.06]
    assert list(drawn["ignored"].get_ydata()) == pytest.approx([0.6, 1.2])
    assert set(drawn) == {"ignored", "corrected", "left out", "summed over"}
    assert table.set_index("way")["mean"]["summed over"] == pytest.approx(0.225)
    plt.close("all")
