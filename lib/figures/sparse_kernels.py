"""The figures of chapter 3.5: one mask and all of them, the bias, three kinds of inputs, MNIST."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib import plotting

_TITLES = {("gaussian", "global"): "normal inputs", ("digits", "global"): "digits, one scale",
           ("digits", "pixel"): "digits, by pixel"}
_PROTOCOLS = {"minibatch": "pixels standardized (thesis)", "global": "one scale for all pixels"}


def one_mask(kernels: np.ndarray, printed: float, scan: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Kernels of single masks, and the mean over all of them against connectivity (3.25).

    Parameters
    ----------
    kernels : ndarray, shape (n_masks,)
        In units of the dense one.
    printed : float
        Where the thesis puts their mean, likewise.
    scan : pandas.DataFrame
        connectivity, monte_carlo, error, closed_form, printed.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        The scan.

    """
    figure, (left, right) = plotting.new_figure(2, height=3.1)
    density = left.hist(kernels, bins=80, color=plotting.SKY, density=True)[0]
    left.axvline(kernels.mean(), ymax=0.8, color=plotting.EXACT, label="mean of all masks")
    left.axvline(printed, ymax=0.8, color=plotting.THESIS, linestyle="--", label="printed (3.25)")
    left.set(xlabel="kernel of one mask, relative to dense", ylabel="density")
    left.set(xlim=(0, 2.5), ylim=(0, 1.3 * density.max()))
    left.legend(loc="upper right")  # above bars and lines
    right.semilogx(scan.connectivity, scan.printed, "--", color=plotting.THESIS, label="printed (3.25)")
    right.semilogx(scan.connectivity, scan.closed_form, color=plotting.EXACT, label="second order")
    right.errorbar(scan.connectivity, scan.monte_carlo, scan.error, fmt="o", color=plotting.ESTIMATE, label="masks")
    right.set(xlabel="connectivity p", ylabel="mean kernel, relative to dense", ylim=(0.9, 1.9))
    right.legend()
    return figure, scan


def bias(fixed: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """The distance (3.21) and its squared bias against the width: printed, in closed form, exact.

    Parameters
    ----------
    fixed : pandas.DataFrame
        width, connectivity, exact, exact_bias, exact_variance, error, bias_error, closed_bias, closed, printed_bias,
        printed_variance.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        The same.

    """
    figure, (left, right) = plotting.new_figure(2, height=3.4)
    left.loglog(fixed.width, fixed.printed_bias, "--", color=plotting.THESIS, label="printed (3.29)")
    left.loglog(fixed.width, fixed.closed_bias, color=plotting.GREEN, label="second order")
    positive = fixed[fixed.exact_bias > fixed.bias_error]  # others have no place on a logarithmic axis
    line = {"fmt": "o", "color": plotting.ESTIMATE, "label": "exact"}
    left.errorbar(positive.width, positive.exact_bias, positive.bias_error, **line)
    left.set(xlabel="width n", ylabel="squared bias")
    left.legend(loc="center right", bbox_to_anchor=(1, 0.62))
    both = fixed.printed_bias + fixed.printed_variance
    right.loglog(fixed.width, both, "--", color=plotting.THESIS, label="printed (3.29)")
    right.loglog(fixed.width, fixed.closed, color=plotting.GREEN, label="second order")
    right.errorbar(fixed.width, fixed.exact, fixed.error, **line)
    right.loglog(fixed.width, fixed.exact_variance, ":", color=plotting.EXACT, label="its variance")
    right.set(xlabel="width n", ylabel="mean squared distance D")
    right.legend()
    for axes in (left, right):
        plotting.set_ticks(axes, [16, 32, 64, 128, 256, 512])
    return figure, fixed


def three_inputs(measured: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Distance to the infinite dense kernel for three kinds of inputs and two ways to count weights (Fig. 3.8b).

    Parameters
    ----------
    measured : pandas.DataFrame
        data, normalization, last_layer (10 where it is dense, 0 for np = 8), width, exact, measured, measured_error,
        second_order, printed.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        The same.

    """
    figure, panels = plotting.new_figure(3, height=3.6)
    for axes, ((data, how), title) in zip(panels, _TITLES.items()):
        for last_layer, colour, style, marker, label in ((10, plotting.BLUE, "-", "o", "dense last layer"),
                                                         (0, plotting.GREEN, "-.", "s", "np = 8")):
            chosen = (measured.data == data) & (measured.normalization == how)
            these = measured[chosen & (measured.last_layer == last_layer)]
            axes.loglog(these.width, these.exact, style, color=colour, label=f"exact, {label}")
            axes.errorbar(these.width, these.measured, these.measured_error, fmt=marker, color=colour, markersize=4)
            axes.loglog(these.width, these.second_order, ":", color=plotting.PURPLE)
            axes.loglog(these.width, these.printed, "--", color=plotting.THESIS, alpha=0.5 + 0.05 * last_layer)
        axes.set(title=title, xlabel="width n", ylim=(0.6 * these.measured.min(), 4 * these.exact.max()))
        plotting.set_ticks(axes, [8, 32, 128, 512] if data == "gaussian" else [8, 16, 32, 56])
    panels[0].set_ylabel("mean squared distance D")
    panels[0].plot([], [], ":", color=plotting.PURPLE, label="second order")
    panels[0].plot([], [], "--", color=plotting.THESIS, label="printed (3.29)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=8.5)
    return figure, measured


def mnist(curves: pd.DataFrame, tuned: Mapping[str, pd.DataFrame], theory: pd.DataFrame,
          closest: Mapping[str, float]) -> tuple[Figure, pd.DataFrame]:
    """Test accuracy and distance against the width, with two normalizations (Fig. 3.8).

    Parameters
    ----------
    curves : pandas.DataFrame
        mean, sem and size of the accuracies (%) by normalization, dense and width.
    tuned : mapping of str to pandas.DataFrame
        By normalization the accuracies at tuned rates, a row a seed, a column a width; where there are any.
    theory : pandas.DataFrame
        Distances: normalization, distribution, width, left (whether the last layer takes weights), measured,
        measured_error, exact, second_order, printed.
    closest : mapping of str to float
        By normalization the width of the smallest exact distance; where it is known.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        The curves and, below them, the distances, by quantity.

    """
    figure, panels = plotting.plt.subplots(2, 2, figsize=(7.2, 6), sharex=True, sharey="row")
    for how, (top, bottom) in zip(_PROTOCOLS, panels.T):
        top.set_title(_PROTOCOLS[how])
        _accuracies(top, curves, how, tuned.get(how))
        _distances(bottom, theory[(theory.normalization == how) & (theory.distribution == "normal")])
        if how in closest:
            for axes in (top, bottom):
                axes.axvline(closest[how], color=plotting.GREY, linewidth=1)
    panels[0, 0].set(ylabel="test accuracy (%)", ylim=(83, 94))
    panels[1, 0].set_ylabel("mean squared distance D")
    panels[0, 0].legend(loc="lower center")
    figure.legend(*panels[1, 1].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=8.5)
    columns = ["normalization", "width", "left", "measured", "measured_error", "exact", "second_order", "printed"]
    return figure, pd.concat([curves.reset_index().assign(quantity="accuracy"),
                              theory[columns].assign(quantity="distance")])


def _accuracies(axes: Axes, curves: pd.DataFrame, how: str, tuned: pd.DataFrame | None) -> None:
    """Sparse and dense networks, and the sparse ones at tuned rates."""
    for dense, style, colour, label in ((False, "o-", plotting.BLUE, "sparse"),
                                        (True, "s--", plotting.VERMILION, "dense")):
        if (how, dense) in curves.index.droplevel("width"):
            rows = curves.loc[how, dense]
            axes.errorbar(rows.index, rows["mean"], rows["sem"], fmt=style, color=colour, markersize=4, label=label)
    if tuned is not None:
        axes.errorbar(tuned.columns, tuned.mean(), tuned.sem(), fmt="^:", color=plotting.GREEN, markersize=4,
                      label="sparse, best of 4 rates")


def _distances(axes: Axes, theory: pd.DataFrame) -> None:
    """Measured and exact distances with a dense last layer, formulas, and the exact one for np = 8."""
    rows = theory.sort_values("width")
    used, fixed = rows[rows.left], rows[~rows.left | (rows.width == 8)]
    axes.errorbar(used.width, used.measured, used.measured_error, fmt="o", color=plotting.ESTIMATE, markersize=4,
                  label="measured")
    axes.plot(used.width, used.exact, color=plotting.EXACT, label="exact (3.21)")
    axes.plot(used.width, used.second_order, ":", color=plotting.PURPLE, label="second order")
    axes.plot(used.width, used.printed, "--", color=plotting.THESIS, label="printed (3.29)")
    axes.plot(fixed.width, fixed.exact, "-.", color=plotting.GREEN, label="exact, np = 8")
    axes.set(xscale="log", yscale="log", xlabel="width n", ylim=(8e-4, 1e-1))
    plotting.set_ticks(axes, [8, 32, 128, 512])
