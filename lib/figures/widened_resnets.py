"""The figures of chapter 3.4: families of widened ResNets, by width, cost and connectivity.

Tables have a row a network, as in :mod:`lib.models.families`; `fixed` holds those of one learning rate, `chosen` those
whose rate was chosen (`lib.models.families.chosen_rate`).  Each figure is saved with the rows of `done` that it shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib import plotting
from lib.models import families, family_costs
from lib.models.families import curve

#: Accuracies of a network, in percent.
ACCURACIES = ["final", "best", "first_half", "second_half", "train_accuracy", "best_train_accuracy"]
#: What is saved of a network.
COLUMNS = [*families.KIND, "learning_rate", "n_weights", "connectivity", "multiply_adds", *ACCURACIES]
_MARKERS = "osD^v"
_TITLES = ("test accuracy (%)", "training accuracy (%)")


def draw(axes: Axes, rows: pd.DataFrame, label: str | None, style: str, colour: str, log: int = 2, **more) -> None:
    """A curve with error bars over a logarithmic axis, rings around single seeds.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    rows : pandas.DataFrame
        mean, sem and count by what it is drawn against.
    label : str or None
        Without points it says so.
    style, colour : str
        Marker and line, and their colour.
    log : int
        Base of the axis.
    **more
        For matplotlib's ``errorbar``.

    """
    axes.set_xscale("log", base=log)
    axes.xaxis.set_major_formatter("{x:g}")
    if label and not len(rows):
        axes.plot([], [], style, color=colour, label=f"{label} (not run)", **more)
    elif len(rows):
        axes.errorbar(rows.index, rows["mean"], rows["sem"], fmt=style, color=colour, label=label, **more)
        single = rows[rows["count"] == 1]
        axes.plot(single.index, single["mean"], "o", color=colour, markersize=11, fillstyle="none", markeredgewidth=0.7)


def bases(done: pd.DataFrame) -> list[int]:
    """The base widths of a table, each with a colour and a marker in all figures.

    Parameters
    ----------
    done : pandas.DataFrame
        Networks.

    Returns
    -------
    list of int

    """
    return sorted(int(base) for base in done.base_width.unique())


def by_width(done: pd.DataFrame, fixed: pd.DataFrame, chosen: pd.DataFrame, rate: float) -> tuple[Figure, pd.DataFrame]:
    """Test accuracy of sparse families and dense networks against width, by two protocols (Fig. 3.6).

    Parameters
    ----------
    done, fixed, chosen : pandas.DataFrame
        Networks: all, those of one learning rate, those whose rate was chosen.
    rate : float
        The one learning rate.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        `COLUMNS`.

    """
    figure, panels = plotting.new_figure(2, height=3.8)
    panels[1].sharey(panels[0])
    for axes, table, column, title in ((panels[0], fixed, "best", f"one learning rate, {rate}"),
                                       (panels[1], chosen, "final", "learning rate chosen")):
        for base, colour, marker in zip(bases(done), plotting.COLORS, _MARKERS):
            for way, line, face in (("sparse", "-", colour), ("dense", "--", "white")):
                rows = curve(table, way, base, column)
                rows.index = rows.index * base
                label = f"{base}: {way}" if len(rows) else None
                draw(axes, rows, label, marker + line, colour, markerfacecolor=face)
        axes.set(xlabel="width", title=title)
    panels[0].set_ylabel(_TITLES[0])
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, title="base width", ncols=5, fontsize=8, loc="outside lower center")
    return figure, done[COLUMNS]


def by_rate(done: pd.DataFrame, rates: Sequence[float]) -> tuple[Figure, pd.DataFrame]:
    """The sparse family of base width 8 at several learning rates.

    Parameters
    ----------
    done : pandas.DataFrame
        Networks.
    rates : sequence of float
        Learning rates.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        `COLUMNS`.

    """
    figure, panels = plotting.new_figure(2, height=3.2)
    for axes, column, title in zip(panels, ("final", "train_accuracy"), _TITLES):
        for rate, style, colour in zip(rates, ("o-", "s--", "D:"), plotting.COLORS):
            draw(axes, curve(done[done.learning_rate == rate], "sparse", 8, column), f"learning rate {rate}", style,
                 colour)
        axes.set(xlabel="widening factor", ylabel=title)
    panels[0].legend()
    return figure, done[(done.way == "sparse") & (done.base_width == 8)][COLUMNS]


def shares(done: pd.DataFrame, fixed: pd.DataFrame, chosen: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Share of the dense improvement that width alone explains, and training accuracy (Fig. 3.7).

    Parameters
    ----------
    done, fixed, chosen : pandas.DataFrame
        As in `by_width`.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        factor, share, error, seeds, base_width, protocol; without any share two rows that say so.

    """
    figure, (axes, trained) = plotting.new_figure(2, height=3.2)
    found = []
    for number, (base, colour, marker) in enumerate(zip(bases(done), plotting.COLORS, _MARKERS)):
        for table, column, protocol, face in ((fixed, "best", "one rate", colour),
                                              (chosen, "final", "chosen rate", "white")):
            rows = families.share_of_width(table, base, column)
            if len(rows):
                at = rows.index * 1.04 ** (2 * number + (face == "white") - 1)
                axes.errorbar(at, rows.share, rows.error, label=f"{base}, {protocol}", fmt=marker, color=colour,
                              markerfacecolor=face)
                found.append(rows.reset_index().assign(base_width=base, protocol=protocol))
        rows = curve(fixed, "sparse", base, "best_train_accuracy")
        draw(trained, rows, f"{base}", marker + "-", colour)
        if len(rows) > 1 and rows["mean"].idxmax() < rows.index[-1]:
            turn = rows["mean"].idxmax() * 1.02 ** (number - 1)  # beside each other
            trained.axvline(turn, color=colour, linewidth=1, linestyle="--")
    trained.set(xlabel="widening factor", ylabel=_TITLES[1])
    _frame_shares(axes, found)
    if not found:
        return figure, pd.DataFrame({"factor": [2, 4], "share": np.nan})
    trained.set_xlim(0.9, 45)  # room for the legend
    trained.legend(title="base width", fontsize=8, loc="upper right")
    return figure, pd.concat(found)


def _frame_shares(axes: Axes, found: Sequence[pd.DataFrame]) -> None:
    """Axes that hold all error bars, and the line at 1."""
    axes.set_xscale("log", base=2)
    axes.axhline(1, color=plotting.GREY, linewidth=1, linestyle=":")
    highest = max([1.0, *(rows.share.add(rows.error, fill_value=0).max() for rows in found)])
    lowest = min([0.0, *(rows.share.sub(rows.error, fill_value=0).min() for rows in found)])
    axes.set(xlabel="widening factor", ylabel="share of the dense gain", xlim=(1.6, 20),
             ylim=(lowest - 0.1, highest + 0.1))
    axes.set(xticks=[2, 4, 8, 16], xticklabels=[2, 4, 8, 16])
    if found:
        axes.legend(title="base width", fontsize=8, loc="lower left")
    else:
        axes.text(0.5, 0.5, "not run yet", transform=axes.transAxes, ha="center", color=plotting.GREY)


def by_cost(done: pd.DataFrame, fixed: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Test accuracy against the multiply-adds of one image.

    Parameters
    ----------
    done, fixed : pandas.DataFrame
        Networks: all, those of one learning rate.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        `COLUMNS`.

    """
    cost = family_costs.costs(done)
    figure, (axes,) = plotting.new_figure(height=3.6)
    for base, colour, marker in zip(bases(done), plotting.COLORS, _MARKERS):
        for way, line, face in (("sparse", "-", colour), ("dense", "--", "white")):
            rows = curve(fixed, way, base, "best")
            widths = rows.index * base
            rows.index = [cost[way if factor > 1 else "sparse", base, factor, 16] / 1e6 for factor in rows.index]
            label = f"base width {base}, {way}" if len(rows) else None
            draw(axes, rows, label, marker + line, colour, markerfacecolor=face)
            if base == 8 and way == "sparse":
                for x, y, width in zip(rows.index, rows["mean"], widths):
                    axes.annotate(f"{width:.0f}", (x, y), (6, -10), textcoords="offset points", fontsize=8,
                                  color=colour)
    axes.set(xlabel="multiply-adds an image ($10^6$)", ylabel=_TITLES[0])
    axes.legend(fontsize=8)
    return figure, done[COLUMNS]


def bottlenecks(done: pd.DataFrame, chosen: pd.DataFrame, rates: Sequence[float]) -> tuple[Figure, pd.DataFrame]:
    """Networks of base width 8 widened by the two bottlenecks (Fig. 3.3).

    Parameters
    ----------
    done, chosen : pandas.DataFrame
        Networks: all, those whose rate was chosen.
    rates : sequence of float
        Learning rates.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        `COLUMNS`.

    """
    figure, panels = plotting.new_figure(2, height=3.2)
    panels[1].sharey(panels[0])
    for axes, way in zip(panels, ("linear bottleneck", "nonlinear bottleneck")):
        for rate, style, colour in zip(rates, ("o-", "s-."), plotting.COLORS):
            rows = curve(done[done.learning_rate == rate], way, 8)
            rows.index = rows.index * 8
            draw(axes, rows, f"learning rate {rate}", style, colour)
        plain = curve(chosen, "sparse", 8)["mean"].get(1, np.nan)
        axes.axhline(plain, color=plotting.GREY, linestyle="--", label="plain network, chosen rate")
        axes.set(xlabel="width", title=way.capitalize().replace("Nonl", "Non-l"), xlim=(7, 37))
    panels[0].set_ylabel(_TITLES[0])
    panels[1].legend(loc="lower left")
    ways = done.way.str.contains("bottleneck") | ((done.way == "sparse") & (done.factor == 1))
    return figure, done[ways & (done.base_width == 8)][COLUMNS]


def by_connectivity(fixed: pd.DataFrame, shown: Sequence[int]) -> tuple[Figure, pd.DataFrame]:
    """The sparse families over connectivity (Fig. B.2, B.3).

    Parameters
    ----------
    fixed : pandas.DataFrame
        Networks of one learning rate.
    shown : sequence of int
        Base widths.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        `COLUMNS`.

    """
    figure, panels = plotting.new_figure(2, height=3.4)
    sparse = fixed[fixed.way == "sparse"]
    linked = sparse.groupby(["base_width", "factor"]).connectivity.first()
    for axes, column, title in zip(panels, ("best", "best_train_accuracy"), _TITLES):
        for base, colour, marker in zip(shown, plotting.COLORS, _MARKERS):
            rows = curve(fixed, "sparse", base, column)
            rows.index = [linked[base, factor] for factor in rows.index]
            if len(rows):
                weights = sparse[sparse.base_width == base].n_weights.iloc[0]
                draw(axes, rows, f"base {base}: {weights:,.0f} weights", marker + "-", colour, log=10)
        axes.set(xlabel="connectivity", ylabel=title)
    handles, labels = panels[1].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=3, fontsize=8, loc="outside lower center")
    return figure, sparse[COLUMNS]


def dimensions(fixed: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Single weights against whole kernels, base width 8 (Fig. E.1).

    Parameters
    ----------
    fixed : pandas.DataFrame
        Networks of one learning rate.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        `COLUMNS`.

    """
    figure, (axes,) = plotting.new_figure(height=3.2)
    for way, style, colour, label in (("sparse", "o-", plotting.BLUE, "all dimensions"),
                                      ("sparse channels", "x--", plotting.VERMILION, "inputs and outputs only")):
        rows = curve(fixed, way, 8, "best")
        rows.index = rows.index * 8
        draw(axes, rows, label, style, colour)
    axes.set(xlabel="width", ylabel=_TITLES[0])
    axes.legend()
    return figure, fixed[fixed.way.str.startswith("sparse")][COLUMNS]


def two_trainings(longer: pd.DataFrame, shorter: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """The family of base width 8 after 30 epochs at 32 x 32 pixels and after 6 at 16 x 16.

    Parameters
    ----------
    longer, shorter : pandas.DataFrame
        Networks.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        `COLUMNS`.

    """
    figure, panels = plotting.new_figure(2, height=3.4)
    for axes, column, title in zip(panels, ("best", "best_train_accuracy"), _TITLES):
        for table, budget, colour, marker in ((longer, (32, 30), plotting.COLORS[0], "o"),
                                              (shorter, (16, 6), plotting.COLORS[1], "s")):
            for way, line, face in (("sparse", "-", colour), ("dense", "--", "white")):
                rows = curve(table, way, 8, column, budget)
                rows.index = rows.index * 8
                label = f"{way}, {budget[1]} epochs at {budget[0]} x {budget[0]}"
                draw(axes, rows, label, marker + line, colour, markerfacecolor=face)
        axes.set(xlabel="width", ylabel=title)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=2, fontsize=8, loc="outside lower center")
    return figure, pd.concat([longer, shorter[shorter.base_width == 8]])[COLUMNS]
