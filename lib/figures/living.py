"""The picture of chapter 7 of a machine at work, while it loses weights."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from lib import plotting
from lib.rbm.living import AtWork

N_DRAWN = 160  # sweeps


def at_work(numbers: pd.DataFrame, runs: Sequence[AtWork]) -> Figure:
    """Spins sweep by sweep after some removals, and below them order, energy and correlations.

    Parameters
    ----------
    numbers : pandas.DataFrame
        Of `lib.rbm.living.table`, whose exact values are the lines.
    runs : sequence of AtWork
        Of `lib.rbm.living.at_work` with two distances, one strip and one point in every panel each.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure = plotting.plt.figure(figsize=(plotting.TEXT_WIDTH, 6.4))
    areas = figure.add_gridspec(len(runs) + 1, 3, height_ratios=[1] * len(runs) + [2.2])
    below = [figure.add_subplot(areas[-1, column]) for column in range(3)]
    names = {name: below[min(column, 2)] for column, name in enumerate(runs[0].means)}
    titles = (r"order $\langle|m|\rangle$", "energy", "C(d)")
    for axes, title in zip(below, titles):
        axes.set(title=title, xlabel="weights removed")
    looks = dict(zip(list(names)[2:], (("-", plotting.BLUE), ("--", plotting.VERMILION))))
    for name, axes in names.items():
        what, d = ("correlation", int(name[2:-1])) if name.startswith("C(") else (name, 0)
        rows, (dash, colour) = numbers[numbers.i == d], looks.get(name, ("-", plotting.BLUE))
        kept = rows[rows.what == f"kept {what}"]
        axes.plot(kept.removed, kept.value, dash, color=colour, label=f"d = {d}")
        axes.axhline(rows[rows.what == f"ground {what}"].value.iloc[0], color="black", linestyle=":", linewidth=1)
    below[2].legend()
    look = plotting.mpl.colors.ListedColormap([plotting.ORANGE, plotting.BLUE])
    n_weights = int((numbers.what == "weight").sum())
    for row, run in enumerate(runs):
        axes, shown = figure.add_subplot(areas[row, :]), run.bits[:N_DRAWN].T
        axes.imshow(shown, aspect="auto", interpolation="nearest", cmap=look, vmin=0, vmax=1,
                    extent=(0, shown.shape[1], len(shown), 0))
        axes.set(title=f"{run.removed} of {n_weights} weights removed", ylabel="spin", yticks=[])
        axes.grid(False)
        for name, (mean, error) in run.means.items():
            names[name].errorbar(run.removed, mean, error, fmt="o", color=plotting.BLUE)
    axes.set_xlabel("sweep")
    return figure
