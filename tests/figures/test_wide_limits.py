"""What is drawn in chapter 2: lines, bands, bars and printed numbers against the tables they come from."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lib import plotting
from lib.figures import wide_limits as figures


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context(plotting.STYLE):
        yield
    plt.close("all")


def bars(axes):
    """Centres and half lengths of the error bars of each series."""
    return [(container.lines[0].get_ydata(), [np.diff(segment[:, 1])[0] / 2 for segment in
                                              container.lines[2][0].get_segments()]) for container in axes.containers]


def test_double_descent_has_medians_quartiles_and_the_ratio_at_the_end():
    rows = [(seed, noise, size, size / 10, (1 + noise) * test * (1 + seed))
            for noise in (0.0, 0.5) for seed in (0, 1, 2)
            for size, test in ((0.2, 4.0), (0.5, 2.0), (0.9, 6.0), (2.0, 1.0))]
    descent = pd.DataFrame(rows, columns=["seed", "noise", "size", "training", "test"])
    figure, table = figures.double_descent(descent, 0.5)
    left, centre, right = figure.axes
    training, test, sweet = left.lines
    assert list(test.get_xdata()) == [0.2, 0.5] and list(test.get_ydata()) == [12, 6]
    assert list(training.get_ydata()) == [0.02, 0.05] and set(sweet.get_xdata()) == {0.5}
    vertices = left.collections[1].get_paths()[0].vertices
    assert vertices[vertices[:, 0] == 0.2][:, 1].min() == 9 and vertices[vertices[:, 0] == 0.2][:, 1].max() == 15
    assert list(centre.lines[3].get_ydata()) == [12, 6, 18, 3] and centre.lines[3].get_label() == "50% wrong"
    (values, errors), = bars(right)
    assert list(values) == [0.5, 0.5] and errors == [0, 0]  # every seed has the same ratio
    low = table[(table.statistic == "lower quartile") & (table.noise == 0.5) & (table["size"] == 0.2)]
    assert low.test.item() == 9 and len(table) == 3 * 2 * 4


def test_error_parts_are_sorted_and_drawn_against_steps_and_observations():
    parts = pd.DataFrame({"samples": [4, 4, 2, 3], "steps": [8, 0, 8, 8], "total": [1.0, 2, 3, 4],
                          "approximation": [0.1, 0.2, 0.3, 0.4], "estimation": 0.5, "optimization": 0.6,
                          "drawn": [1.1, 2.1, 3.1, 4.1], "error": [0.01, 0.02, 0.03, 0.04]})
    figure, table = figures.error_parts(parts, 4, 8)
    left, right = figure.axes
    named = {line.get_label(): line for line in left.lines}
    assert list(named["total"].get_xdata()) == [0, 8] and list(named["total"].get_ydata()) == [2, 1]
    assert list({line.get_label(): line for line in right.lines}["approximation"].get_ydata()) == [0.3, 0.4, 0.1]
    (values, errors), = bars(right)
    assert list(values) == [3.1, 4.1, 1.1] and errors == pytest.approx([0.03, 0.04, 0.01])
    assert table is parts


def test_feature_distances_are_root_mean_squares_and_ratios_with_all_draws():
    rows = [(activation, n, seed, (3 if seed else 4) / n, 1 + seed / 10, n * (1 + seed / 10))
            for activation in ("step", "relu", "squared_relu", "erf", "cos") for n in (10, 100) for seed in (0, 1)]
    table = pd.DataFrame(rows, columns=["activation", "features", "seed", "error", "ratio", "as printed"])
    figure, saved = figures.feature_distances(table)
    left, right = figure.axes
    assert [line.get_label() for line in left.lines][:5] == ["step", "ReLU", "ReLU squared", "erf", "cosine"]
    assert list(left.lines[1].get_ydata()) == pytest.approx([np.sqrt(12.5) / 10, np.sqrt(12.5) / 100])
    assert list(left.lines[5].get_ydata()) == pytest.approx([1.2 / np.sqrt(10), 0.12])
    (ratio, off), (printed, _) = bars(right)
    assert list(ratio) == pytest.approx([1.05, 1.05]) and off == pytest.approx([0.05, 0.05])
    assert list(printed) == pytest.approx([10.5, 105]) and saved is table


def test_arc_cosine_kernels_are_divided_by_the_lengths():
    angles = pd.DataFrame({"order": [0, 1, 2, 2], "angle": [0.0, 0.0, 0.0, np.pi], "exact": [0.5, 0.6, 2.16, 0.0],
                           "estimate": [0.4, 0.6, 2.16, 0.0], "error": [0.05, 0.06, 0.144, 0.0]})
    figure, _ = figures.arc_cosine(angles)
    left, right = figure.axes
    (zero, _), (one, one_off), (two, _) = bars(left)
    assert list(zero) == [0.4] and list(one) == pytest.approx([0.5]) and one_off == pytest.approx([0.05])
    assert list(two) == pytest.approx([1.5, 0])
    formula = next(line for line in left.lines if len(line.get_xdata()) == 200)
    assert formula.get_ydata()[0] == 0.5 and formula.get_ydata()[-1] == pytest.approx(0)
    assert list(right.lines[1].get_ydata()) == pytest.approx([-2]) and len(right.lines[3].get_ydata()) == 1


def test_wide_kernels_have_a_panel_a_kernel():
    rows = [(kernel, depth, width, depth / width, 0.1 / width) for kernel in ("nngp", "ntk") for depth in (1, 3)
            for width in (16, 64)]
    distances = pd.DataFrame(rows, columns=["kernel", "depth", "width", "distance", "error"]).set_index(
        ["kernel", "depth", "width"])
    figure, table = figures.wide_kernels(distances)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["NNGP", "NTK"] and len(table) == 8
    (one, off), (three, _) = bars(figure.axes[1])
    assert list(one) == [1 / 16, 1 / 64] and off == pytest.approx([0.1 / 16, 0.1 / 64])
    assert list(three) == [3 / 16, 3 / 64]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()][1:] == ["1 hidden layer",
                                                                                       "3 hidden layers"]


def test_lazy_training_has_means_and_errors_by_width():
    lazy = pd.DataFrame({"width": [16, 16, 64, 64], "distance": [0.1, 0.3, 0.02, 0.04],
                         "change of kernel": [0.2, 0.2, 0.01, 0.03]})
    figure, table = figures.lazy_training(lazy)
    (values, errors), = bars(figure.axes[0])
    assert list(values) == pytest.approx([0.2, 0.03]) and errors == pytest.approx([0.1, 0.01])
    assert list(table.columns) == ["width", "distance mean", "distance sem", "change of kernel mean",
                                   "change of kernel sem"]
    assert table.iloc[1].tolist() == pytest.approx([64, 0.03, 0.01, 0.02, 0.01])


def test_gaussian_processes_have_bands_of_two_deviations():
    x = np.linspace(-3, 3, 5)
    names = ("width 4", "width 4000", "prior", "posterior")
    functions = {name: np.full((2, 5), value) for value, name in enumerate(names)}
    figure, table = figures.gaussian_processes(x, functions, np.full(5, 1.5), (np.full(5, 0.5), np.full(5, 0.25)),
                                               (np.array([1.0]), np.array([2.0])))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["width 4", "width 4000", "Gaussian process", "observed"]
    heights = [axes.collections[0].get_paths()[0].vertices[:, 1] for axes in figure.axes]
    ends = [(height.min(), height.max()) for height in heights]
    assert ends == [(-3, 3)] * 3 + [(0, 1)]
    assert [line.get_ydata()[0] for line in figure.axes[3].lines] == [3, 3, 0.5, 2]
    assert list(table.columns)[:5] == ["x", "prior deviation", "posterior mean", "posterior deviation", "width 4 1"]
    assert table["posterior 2"].tolist() == [3] * 5 and len(table.columns) == 12


def test_the_gaussian_limit_has_densities_and_kurtosis():
    samples = {1: np.array([0.1] * 3 + [5.9]), 16: np.array([-0.1, 0.1])}
    kurtosis = pd.DataFrame({"width": [1, 16], "exact": [15, 15 / 16], "estimate": [14.0, 1.0], "error": [1.0, 0.1]})
    figure, table = figures.gaussian_limit(samples, kurtosis)
    left, right = figure.axes
    density = np.nan_to_num(left.lines[0].get_ydata())
    assert density.sum() * 0.2 == pytest.approx(1) and density.max() == pytest.approx(0.75 / 0.2)
    assert np.isnan(left.lines[1].get_ydata()).sum() == 58
    x, normal = left.lines[2].get_data()
    assert x[35] == pytest.approx(1.1) and normal[35] == pytest.approx(stats.norm.pdf(1.1))
    (values, errors), = bars(right)
    assert list(values) == [14, 1] and errors == pytest.approx([1, 0.1]) and table is kurtosis
