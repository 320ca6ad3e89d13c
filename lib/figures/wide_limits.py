"""The figures of chapter 2: double descent, parts of an error, kernels, lazy training, random functions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib import plotting
from lib.kernels import double_descent as descents
from lib.kernels import measured
from lib.kernels.arc_cosine import angular

_ACTIVATIONS = {"step": "step", "relu": "ReLU", "squared_relu": "ReLU squared", "erf": "erf", "cos": "cosine"}
_PARTS = (("total", "-", plotting.BLACK), ("approximation", ":", plotting.GREEN),
          ("estimation", "--", plotting.VERMILION), ("optimization", "-.", plotting.PURPLE))


def double_descent(descent: pd.DataFrame, shown: float) -> tuple[Figure, pd.DataFrame]:
    """Training and test error against the number of random features (Fig. 2.1).

    Parameters
    ----------
    descent : pandas.DataFrame
        `lib.kernels.double_descent.errors`.
    shown : float
        The share of wrong labels in the first panel.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        statistic (lower quartile, median, upper quartile), noise, size, training, test.

    """
    errors = descent.groupby(["noise", "size"])[["training", "test"]]
    low, middle, high = (errors.quantile(q) for q in (0.25, 0.5, 0.75))
    found = descents.sweet_spots(descent)
    figure, (left, centre, right) = plotting.new_figure(3, height=3.1)
    for what, colour, marker in (("training", plotting.BLUE, "o"), ("test", plotting.VERMILION, "s")):
        bottom, line, top = (part.loc[shown][what].loc[:0.7] for part in (low, middle, high))
        left.plot(line, marker + "-", color=colour, label=what, markersize=4)
        left.fill_between(line.index, bottom, top, color=colour, alpha=0.2, linewidth=0)
    _all_sizes(centre, middle)
    left.axvline(found.sweet[shown], color="black", linestyle="--", linewidth=1)
    right.axhline(1, color="black", linestyle="--", linewidth=1)
    end = {noise: ratios.iloc[:, -1] for noise, ratios in found.ratios.items()}
    right.errorbar([100 * noise for noise in end], [ratio.mean() for ratio in end.values()],
                   [ratio.sem() for ratio in end.values()], fmt="s", color=plotting.VERMILION)
    left.set(title=f"(a) {100 * shown:.0f}% wrong", xlabel="features / images", ylabel="squared error", ylim=(0, None))
    right.set(title="(c) end / sweet spot", xlabel="wrong labels (%)", ylim=(0, None))
    left.legend(loc="upper left", bbox_to_anchor=(0.28, 1.02), handlelength=1.4)
    return figure, pd.concat({"lower quartile": low, "median": middle, "upper quartile": high},
                             names=["statistic"]).reset_index()


def _all_sizes(axes: Axes, median: pd.DataFrame) -> None:
    """Both errors of all sizes, for every share of wrong labels."""
    shares = median.index.unique("noise")
    for noise, style, marker in zip(shares, ("-", "--", "-.", ":") * 5, "os^Dv<>" * 3):
        axes.plot(median.loc[noise].training.clip(lower=1e-9), style, color=plotting.BLUE, linewidth=1)
        axes.plot(median.loc[noise].test, marker + style, color=plotting.VERMILION, markersize=3, linewidth=1,
                  markerfacecolor="white", label=f"{100 * noise:.0f}% wrong")
    axes.axvline(1, color="black", linestyle="--", linewidth=1)
    axes.set(title="(b) all sizes", xlabel="features / images", xscale="log", yscale="log", ylim=(0.02, None))
    axes.legend(fontsize=7, loc="upper left", handlelength=2.6)


def error_parts(parts: pd.DataFrame, n_observations: int, n_steps: int) -> tuple[Figure, pd.DataFrame]:
    """An error and its three parts against steps of gradient descent and against observations.

    Parameters
    ----------
    parts : pandas.DataFrame
        samples, steps, `lib.kernels.learning.Errors`, and from drawn sets the total (drawn) with its error.
    n_observations : int
        Of the left panel.
    n_steps : int
        Of the right panel.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        The parts.

    """
    figure, panels = plotting.new_figure(2, height=3.4)
    for axes, rows, x in ((panels[0], parts[parts.samples == n_observations], "steps"),
                          (panels[1], parts[parts.steps == n_steps], "samples")):
        rows = rows.sort_values(x)
        axes.axhline(0, color=plotting.GREY, linewidth=0.8)
        for name, style, colour in _PARTS:
            axes.plot(rows[x], rows[name], style, color=colour, label=name)
        axes.errorbar(rows[x], rows.drawn, rows.error, fmt="o", color=plotting.BLUE, markerfacecolor="white",
                      label="total, drawn sets")
    panels[0].set(xlabel="steps of gradient descent", ylabel="error", xscale="symlog", xticks=[0, 1, 10, 100],
                  xticklabels=["0", "1", "10", "100"], ylim=(-0.25, 0.75))
    panels[1].set(xlabel="observations")
    panels[1].legend(fontsize=8.5)
    return figure, parts


def feature_distances(table: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Random features against the kernels that they stand for.

    Parameters
    ----------
    table : pandas.DataFrame
        `lib.kernels.measured.feature_distances`.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        The same.

    """
    figure, (left, right) = plotting.new_figure(2, height=3.4)
    typical = table.groupby(["activation", "features"]).error.agg(measured.root_mean_square)
    for (activation, name), colour, marker in zip(_ACTIVATIONS.items(), plotting.COLORS, "os^Dv"):
        left.loglog(typical[activation], marker + "-", color=colour, label=name)
    counts = np.array(sorted(set(table.features)), float)
    left.loglog(counts, 1.2 / np.sqrt(counts), ":", color=plotting.GREY, label=r"$\propto n^{-1/2}$")
    relu = table[table.activation == "relu"].groupby("features")
    for column, label, colour, marker in (("ratio", "with the factor of (2.20)", plotting.BLUE, "o"),
                                          ("as printed", "(2.21) as printed", plotting.VERMILION, "s")):
        low, middle, high = relu[column].min(), relu[column].mean(), relu[column].max()
        right.errorbar(middle.index, middle, [middle - low, high - middle], fmt=marker + "-", color=colour, label=label)
    right.axhline(1, color="black", linewidth=1)
    right.set(xscale="log", yscale="log", xlabel="features $n$", ylabel="inner products / kernel")
    left.set(xlabel="features $n$", ylabel="relative distance from the kernel")
    left.legend(fontsize=8.5)
    right.legend(fontsize=8.5)
    return figure, table


def arc_cosine(angles: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """The arc-cosine kernels against the angle, with averages over random weights (2.24).

    Parameters
    ----------
    angles : pandas.DataFrame
        `lib.kernels.measured.arc_cosine_averages`.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        The same.

    """
    figure, (left, right) = plotting.new_figure(2, height=3.3)
    fine = np.linspace(0, np.pi, 200)
    right.axhline(0, color="black", linewidth=1)
    for (order, rows), style, colour, marker in zip(angles.groupby("order"), ("-", "--", "-."), plotting.COLORS, "os^"):
        scale = (1.5 * 0.8) ** order
        left.plot(fine, angular(order, fine) / (2 * np.pi), style, color="black", linewidth=1.2)
        left.errorbar(rows.angle, rows.estimate / scale, rows.error / scale, fmt=marker, color=colour,
                      markerfacecolor="white", label=f"order {order}")
        seen = rows[rows.error > 0]
        right.plot(seen.angle, (seen.estimate - seen.exact) / seen.error, marker, color=colour)
    ticks = {"xticks": [0, np.pi / 2, np.pi], "xticklabels": ["0", r"$\pi/2$", r"$\pi$"], "xlabel": r"angle $\alpha$"}
    left.set(ylabel=r"$J_l(\alpha)\,/\,2\pi$", **ticks)
    right.set(ylabel="difference / standard error", ylim=(-5, 5), **ticks)
    left.legend()
    return figure, angles


def wide_kernels(distances: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Distance of the kernels of random networks from their limits against the width.

    Parameters
    ----------
    distances : pandas.DataFrame
        `lib.kernels.wide_networks.typical_distances`.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        The same, without index.

    """
    figure, panels = plotting.new_figure(2, height=3.3)
    widths = distances.index.unique("width")
    guide = np.array([min(widths), max(widths)], float)
    for axes, kernel in zip(panels, ("nngp", "ntk")):
        for depth, colour, style in ((1, plotting.BLUE, "o-"), (3, plotting.VERMILION, "s--")):
            curve = distances.loc[kernel, depth]
            axes.errorbar(curve.index, curve.distance, curve.error, fmt=style, color=colour,
                          label=f"{depth} hidden layer{'s'[: depth > 1]}")
        axes.plot(guide, 1.6 / np.sqrt(guide), ":", color=plotting.GREY, label=r"$\propto n^{-1/2}$")
        axes.set(title=kernel.upper(), xscale="log", yscale="log", xlabel="width $n$")
    panels[1].sharey(panels[0])
    panels[0].set_ylabel("relative distance from the limit")
    panels[0].legend()
    return figure, distances.reset_index()


def lazy_training(lazy: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Networks trained beside their linearization, against the width.

    Parameters
    ----------
    lazy : pandas.DataFrame
        `lib.kernels.wide_networks.lazy_distances`.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        width, and the means and standard errors (sem) of distance and change of kernel.

    """
    figure, panels = plotting.new_figure(2, height=3.2)
    curve = lazy.groupby("width")[["distance", "change of kernel"]].agg(["mean", "sem"])
    for axes, what, marker, colour, label in (
            (panels[0], "distance", "o", plotting.BLUE, "distance from the linearization"),
            (panels[1], "change of kernel", "s", plotting.VERMILION, "change of the NTK")):
        axes.errorbar(curve.index, curve[what, "mean"], curve[what, "sem"], fmt=marker + "-", color=colour)
        axes.set(xscale="log", yscale="log", xlabel="width", ylabel=label, ylim=(0.003, 0.5))
    table = curve.reset_index()
    table.columns = [" ".join(filter(None, column)) for column in table.columns]
    return figure, table


def gaussian_processes(x: np.ndarray, functions: Mapping[str, np.ndarray], deviation: np.ndarray,
                       posterior: tuple[np.ndarray, np.ndarray],
                       observed: tuple[np.ndarray, np.ndarray]) -> tuple[Figure, pd.DataFrame]:
    """Functions of random networks, of the Gaussian process, and of the same after observations.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Inputs.
    functions : mapping of str to ndarray, shape (n_functions, n)
        By name, a panel each: three before observations, "posterior" last.
    deviation : ndarray, shape (n,)
        Standard deviation of the prior.
    posterior : tuple of ndarray, shape (n,)
        Mean and standard deviation after the observations.
    observed : tuple of ndarray, shape (n_observed,)
        Inputs and values.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        x, prior deviation, posterior mean, posterior deviation, and a column a function.

    """
    titles = {"prior": "Gaussian process", "posterior": "observed"}
    table = {"x": x, "prior deviation": deviation, "posterior mean": posterior[0], "posterior deviation": posterior[1]}
    figure, panels = plotting.new_figure(len(functions), height=2.7)
    for axes, (name, drawn) in zip(panels, functions.items()):
        middle, spread = posterior if name == "posterior" else (0 * x, deviation)
        axes.fill_between(x, middle - 2 * spread, middle + 2 * spread, color=plotting.GREY, alpha=0.25, linewidth=0)
        for function, colour in zip(drawn, plotting.COLORS):
            axes.plot(x, function, color=colour, linewidth=1)
        axes.set(title=titles.get(name, name), xlabel="$x$", xlim=(-3, 3), ylim=(-5.5, 5.5))
        if axes is not panels[0]:
            axes.tick_params(labelleft=False)
        table |= {f"{name} {number}": function for number, function in enumerate(drawn, start=1)}
    panels[0].set_ylabel("$f(x)$")
    panels[-1].plot(x, posterior[0], "--", color="black", linewidth=1)
    panels[-1].plot(*observed, "o", color="black", markerfacecolor="white", zorder=5)
    return figure, pd.DataFrame(table)


def gaussian_limit(samples: Mapping[int, np.ndarray], kurtosis: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Distribution of the output of random networks, and its excess kurtosis against the width.

    Parameters
    ----------
    samples : mapping of int to ndarray, shape (n_networks,)
        Outputs in units of their standard deviation by the width, those that are drawn.
    kurtosis : pandas.DataFrame
        width, exact, estimate, error.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        The kurtosis.

    """
    figure, (left, right) = plotting.new_figure(2, height=3.3)
    edges = np.linspace(-6, 6, 61)
    centres = (edges[1:] + edges[:-1]) / 2
    for (n, values), style, colour in zip(samples.items(), (":", "--", "-"), plotting.COLORS):
        found = np.histogram(values, edges)[0] / len(values) / np.diff(edges)
        left.semilogy(centres, np.where(found > 0, found, np.nan), style, color=colour, label=f"width {n}")
    normal = np.exp(-(centres**2) / 2) / np.sqrt(2 * np.pi)
    left.semilogy(centres, normal, color="black", linewidth=1, label="normal")
    left.set(xlabel="output / standard deviation", ylabel="density", ylim=(1e-5, 4))
    left.legend(fontsize=8.5)
    plotting.draw_comparison(right, kurtosis, x="width", exact="exact", estimate="estimate", error="error",
                             exact_label="$15/n$", estimate_label="drawn networks")
    right.set(xscale="log", yscale="log", xlabel="width $n$", ylabel="excess kurtosis")
    right.legend()
    return figure, kurtosis
