"""The pictures of page 6.2: tables of records in, a figure and the table behind it out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib import plotting
from lib.figures.learnability import EPS, HOLLOW, MARKS, searches
from lib.plotting import COLORS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def forms(table: pd.DataFrame, needed: pd.DataFrame) -> Figure:
    """What missing units cost the likeliest machines, and hidden units needed by each criterion.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `form_limits.forms_table`.
    needed : pandas.DataFrame
        Of `form_limits.needed_by`.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (left, right) = plotting.new_figure(2, height=3.5)
    for number, ((start, missing), rows) in enumerate(table.groupby(["start", "missing"])):
        words = {1: "one unit fewer", 0: "N/2 units", -1: "one unit more"}[missing]
        hollow = {"linestyle": ":", **HOLLOW} if start == "random" else {}
        left.semilogy(rows.n_spins, rows.cost, marker=MARKS[number], color=COLORS[number % 7], **hollow,
                      label=words if start == "laid out" else f"{words}, random start")
    left.set(xlabel="spins", ylabel="error of the energy ($J$)")
    words = {"bound": "energy (6.2)", "summed infidelity": "fidelity", "summed correlation mse": "correlations"}
    for number, name in enumerate(needed):
        right.plot(needed.index + 0.15 * (number - 1), needed[name], marker=MARKS[number], color=COLORS[number],
                   label=words[name])
    right.plot(needed.index, needed.index / 2, ":", color="black", label="half of the spins")
    right.set(xlabel="spins", ylabel="hidden units needed", ylim=(0, None))
    left.legend(fontsize=8), right.legend(fontsize=8)
    return figure


def ways(runs: pd.DataFrame, order: Sequence[str]) -> Figure:
    """The bound against hidden units for each way to train, a panel a length.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of `lib.experiments.learning_ways.learning_way`.
    order : sequence of str
        All ways, so that each looks the same in all panels.

    Returns
    -------
    matplotlib.figure.Figure

    """
    lengths = sorted(runs.n_spins.unique())
    figure, panels = plotting.new_figure(max(1, len(lengths)), height=3.7)
    for axes, n in zip(panels, lengths):
        for way, rows in runs[runs.n_spins == n].groupby("way", sort=False):
            number = list(order).index(way)
            style = {"color": COLORS[number % 7], "marker": "osD^vP"[number % 6]}
            aside = 0.06 * (number - 2.5)
            axes.semilogy(rows.n_hidden + aside, rows.bound, linestyle="none", markersize=3, alpha=0.6, **style)
            middle = rows.groupby("n_hidden").bound.median()
            axes.semilogy(middle.index + aside, middle, markersize=5, label=way, **style)
        axes.axhline(EPS, color="black", linestyle="--", linewidth=1)
        axes.set(xlabel="hidden units", title=f"N = {n}")
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[0].set(ylabel=r"bound $\epsilon$ of the energy")
    panels[0].legend(fontsize=8)
    return figure


def broken(kept: pd.DataFrame, broken: pd.DataFrame, tied: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Hidden units needed against the field, for measurements with and without the symmetry, a panel a length.

    Parameters
    ----------
    kept, broken, tied : pandas.DataFrame
        Of `learning_searches.search_table`; the last of machines that have the symmetry, as the measurements do.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        The rows that are drawn.

    """
    import pandas as pd

    lengths = sorted(broken.n_spins.unique())
    figure, panels = plotting.new_figure(max(1, len(lengths)), height=3.2)
    shown = []
    for axes, n in zip(panels, lengths):
        for label, table, style in (
            ("kept", kept, {"color": plotting.BLUE, "marker": "o", "line": "-"}),
            ("broken", broken, {"color": plotting.VERMILION, "marker": "s", "line": "--"}),
            ("kept, biases tied", tied, {"color": plotting.GREEN, "marker": "D", "line": ":"}),
        ):
            table = table[(table.eps == EPS) & (table.field <= 1.0)]
            rows = table[table.n_spins == n]
            aside = {"kept": 0.0, "broken": 0.008}.get(label, -0.008)
            searches(axes, rows, x="field", aside=aside, label=label, **style)
            shown.append(rows.assign(symmetry=label))
        axes.set(xlabel="field $h/J$", title=f"N = {n}", ylim=(0, None))
        plotting.set_ticks(axes, [0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    panels[0].set(ylabel="hidden units needed")
    panels[0].legend(title="symmetry", fontsize=8)
    return figure, pd.concat(shown) if shown else broken


def steps(table: pd.DataFrame) -> Figure:
    """Hidden units needed in the ferromagnet against what the likeliest product state misses.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `learning_symmetry.steps`.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (axes,) = plotting.new_figure(1, height=3.2)
    for number, (kind, rows) in enumerate(table.groupby("measurements", sort=False)):
        found = np.isfinite(rows.hidden)
        axes.loglog(rows["product state"][found], rows.hidden[found], MARKS[number], color=COLORS[number],
                    fillstyle="none", label=f"symmetry {kind}")
        axes.loglog(rows["product state"][~found], rows.largest[~found], "^", color=COLORS[number], fillstyle="none")
    axes.axvline(1, linestyle="--", color="black")
    axes.set(xlabel="error of the likeliest product state / bound", ylabel="hidden units needed")
    axes.legend(fontsize=8)
    return figure


def chains(found: pd.DataFrame) -> Figure:
    """Hidden units needed against the length, for several chains.

    Parameters
    ----------
    found : pandas.DataFrame
        Of `learning_searches.search_table`, with the column model, a name for each chain.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (axes,) = plotting.new_figure(1, height=3.5)
    for number, (name, rows) in enumerate(found.groupby("model", sort=False)):
        searches(axes, rows, x="n_spins", aside=0.12 * (number - 1), marker=MARKS[number % 7], line="-",
                 color=COLORS[number % 7], label=name)
    ends = np.array([found.n_spins.min(), found.n_spins.max()])
    axes.plot(ends, ends / 2, ":", color="black", label="half of the spins")
    axes.set(xlabel="spins", ylabel="hidden units needed", ylim=(0, None))
    axes.legend(fontsize=8)
    return figure


def joint(table: pd.DataFrame, n_fields: int) -> Figure:
    """One machine for all fields against one a field: divergence, and the energy where nothing was measured.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `learning_variants.joint_table`.
    n_fields : int
        Fields that were measured.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (left, right) = plotting.new_figure(2, height=3.5)
    for number, (kind, rows) in enumerate(table.groupby("kind", sort=False)):
        style = {"color": COLORS[number % 7], "marker": MARKS[number % 7], "markersize": 5}
        for axes, column in ((left, "kl"), (right, "held out energy error")):
            groups = rows.groupby("n_samples")[column]
            axes.errorbar(groups.mean().index, groups.mean(), groups.sem().fillna(0.0), label=kind, **style)
        amounts = np.array(sorted(rows.n_samples.unique()))
        # Maximum likelihood misses by half a nat for each parameter and all measurements, to first order.
        left.plot(amounts, rows.parameters.iloc[0] / (2 * n_fields * amounts), ":", color=style["color"], linewidth=1)
    right.axhline(EPS, color="black", linestyle="--", linewidth=1)
    for axes, words in ((left, "divergence (nats), mean over fields"), (right, "error of the energy, fields between")):
        axes.set(xscale="log", yscale="log", xlabel="measurements a field", ylabel=words)
        axes.set_xticks(sorted(table.n_samples.unique()), [f"{n:,}" for n in sorted(table.n_samples.unique())])
        axes.minorticks_off()
    left.legend(fontsize=8)
    return figure
