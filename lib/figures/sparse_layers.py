"""The figures of chapter 3.6: how much faster sparse layers are, and what limits them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler

from lib import plotting
from lib.figures import tables


def speed(speeds: pd.DataFrame) -> Figure:
    """How many times less time native 3x3 convolutions take than dense ones, against the density.

    Parameters
    ----------
    speeds : pandas.DataFrame
        Of `lib.models.sparse.measured.speeds`; shown are some of stride 1.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, panels = plotting.new_figure(2, height=3.8)
    panels[1].sharey(panels[0])
    shown = speeds[(speeds.kernel == 3) & (speeds.stride == 1) & speeds.out_size.isin([32, 16, 8])]
    shown = shown[(shown.n_in * shown.out_size).isin([1024, 2048])]
    for axes, column, title in zip(panels, ("layout", "torch"), ("in the layout", "in a torch network")):
        for (name, rows), colour, marker in zip(shown.groupby("name"), plotting.COLORS, "os^Dv<>"):
            axes.loglog(rows.densities, rows[column], marker + "-", color=colour, label=name[5:])
        axes.axhline(1, color=plotting.GREY, linestyle=":", linewidth=1)
        axes.set(xlabel="density", title=title)
    panels[0].set_ylabel("time of dense / time of native")
    panels[1].legend(fontsize=8, loc="upper right")
    return figure


def limits(speeds: pd.DataFrame, peaks: Mapping[str, float]) -> Figure:
    """Operations and bytes a second of native layers against the density, with what the machine can do.

    Parameters
    ----------
    speeds : pandas.DataFrame
        Of `lib.models.sparse.measured.speeds`.
    peaks : mapping of str to float
        gflops_cache and gbytes.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, panels = plotting.new_figure(2, height=3.3)
    three = speeds[speeds.kernel == 3]
    kinds = {"3x3": three[three.stride == 1], "3x3, stride 2": three[three.stride == 2],
             "1x1 and linear": speeds[speeds.kernel == 1]}
    for axes, column, peak, unit, label in (
            (panels[0], "gflops", "gflops_cache", "$10^9$ operations a second", "peak, from the first cache"),
            (panels[1], "gbytes", "gbytes", "$10^9$ bytes a second", "triad in memory")):
        for (name, rows), colour, marker in zip(kinds.items(), plotting.COLORS, "os^"):
            axes.semilogx(rows.densities, rows[column], marker, color=colour, label=name, markersize=3.5)
        axes.axhline(peaks[peak], color=plotting.BLACK, linestyle="--", linewidth=1, label=label)
        axes.set(xlabel="density", ylabel=unit, ylim=(0, None))
    panels[0].legend(fontsize=8, loc="upper left", bbox_to_anchor=(0, 0.95))
    panels[1].legend(*(part[-1:] for part in panels[1].get_legend_handles_labels()), fontsize=8)
    return figure


def goals(table: pd.DataFrame) -> Iterator[Styler]:
    """The ratios with a goal, a table for each machine.

    Parameters
    ----------
    table : pandas.DataFrame
        `lib.models.sparse.measured.goals`.

    Yields
    ------
    pandas.io.formats.style.Styler
        Its caption is the machine.

    """
    names = {"gflops": "Gop/s", "of peak, gflops": "of the peak", "gbytes": "GB/s", "of peak, gbytes": "of a triad"}
    percent = ["missed by", "of the peak", "of a triad"]
    for machine, rows in table.rename(columns=names).groupby("machine", sort=False):
        styled = tables.styled(rows.drop(columns=["machine", "threads"])).set_caption(machine)
        yield styled.format("{:.0%}", subset=percent, na_rep="–")
