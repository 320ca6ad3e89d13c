"""The figures of chapter 6: hidden units, measurements and weights that it takes to learn a state.

Tables of machines have a row a run of `lib.experiments.learning.learning_run`, with its settings; those of searches
are `lib.rbm.learning_figures.search_table`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib import plotting
from lib.rbm import learning_figures

_MACHINE = ["n_spins", "field", "n_hidden", "n_updates", "seed", "bound", "corrected bound"]


def _of_field(field: float, fields: Sequence[float]) -> dict[str, str]:
    """Colour and marker of a field, alike in all figures of the page."""
    number = sorted(set(fields)).index(field)
    return {"color": plotting.COLORS[number % 7], "marker": "svoD^<>ph*"[number]}


def hidden_units(recorded: pd.DataFrame, longer: pd.DataFrame, live: pd.DataFrame, searches: pd.DataFrame,
                 bounds: Sequence[float]) -> tuple[Figure, pd.DataFrame]:
    """Bound of the energy against hidden units, and hidden units needed against the field (Fig. 6.1).

    Parameters
    ----------
    recorded, longer, live : pandas.DataFrame
        Machines of one chain each: of the record, trained longer, and of this build.
    searches : pandas.DataFrame
        Their two longest chains up to 20 spins are drawn, at a bound of 0.002.
    bounds : sequence of float
        What counts as learnt, dashed lines.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        The machines, with their source.

    """
    figure, (left, right) = plotting.new_figure(2, height=3.5)
    shown = []
    for table, colour, marker, label in ((recorded, plotting.BLUE, "o", "record"),
                                         (longer, plotting.GREEN, "s", "record, longer"),
                                         (live, plotting.VERMILION, "^", "this build")):
        rows = table.dropna(subset=["bound"])
        if table is not live:
            left.semilogy(rows.n_hidden, rows.bound, marker, color=colour, markersize=3, alpha=0.5)
        line = "--" if table is live else "-"
        left.semilogy(rows.groupby("n_hidden").bound.median(), marker + line, color=colour,
                      label=f"N = {int(rows.n_spins.iloc[0])}, {label}")
        shown.append(rows[_MACHINE].assign(source=label))
    for bound in bounds:
        left.axhline(bound, color="black", linestyle="--", linewidth=1)
    left.set(xlabel="hidden units", ylabel=r"bound $\epsilon$ of the energy")
    left.legend(fontsize=8)
    _by_field(right, searches[(searches.eps == 0.002) & (searches.n_spins <= 20)])
    return figure, pd.concat(shown)


def _by_field(axes: Axes, searches: pd.DataFrame) -> None:
    """Hidden units needed by two chains against the field; arrows where none up to there was enough."""
    for n, colour, marker in zip(sorted(searches.n_spins.unique())[-2:], (plotting.SKY, plotting.BLUE), "so"):
        rows = searches[searches.n_spins == n]
        reached = rows[np.isfinite(rows.hidden)]
        axes.errorbar(reached.field, reached.hidden, _bars(reached, "hidden"), fmt=marker + "-", color=colour,
                      label=f"N = {n}")
        beyond = rows[~np.isfinite(rows.hidden)]
        axes.plot(beyond.field, beyond.low, "^", color=colour, markerfacecolor="white")
    axes.set(xlabel="field $h/J$", ylabel="hidden units needed", ylim=(0, None))
    axes.legend()


def _bars(rows: pd.DataFrame, value: str) -> list[pd.Series]:
    return [rows[value] - rows.low, rows.high - rows[value]]


def smallest(searches: pd.DataFrame, live: pd.DataFrame, fits: Mapping[tuple[str, float], Mapping],
             fields: Sequence[float]) -> tuple[Figure, pd.DataFrame]:
    """Hidden units needed against the length of the chain, by field and by bound (Fig. 6.2).

    Parameters
    ----------
    searches, live : pandas.DataFrame
        Searches of the record and of this build.
    fits : mapping of (str, float) to mapping
        By ("field", its value) and ("eps", its value) the laws of `lib.rbm.learning_figures.laws`, those that are
        drawn; without a law (too few lengths) the line is left out.
    fields : sequence of float
        All fields of the page, which give each its colour and marker.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        The searches, with their source.

    """
    figure, panels = plotting.new_figure(2, height=3.7)
    for axes, column, kept in ((panels[0], "field", searches.eps == 0.002), (panels[1], "eps", searches.field == 1.0)):
        for number, (value, rows) in enumerate(searches[kept].groupby(column)):
            if (column, value) not in fits:
                continue
            style, label = (_of_field(value, fields), f"h/J = {value:g}") if column == "field" else (
                {"color": plotting.COLORS[number % 7], "marker": "ovs"[number % 3]}, rf"$\epsilon$ = {value:g}")
            _needed(axes, rows, fits[column, value], label, 0.3 * (number - 1.5), **style)
        axes.set(xlabel="spins", ylim=(0, None))
    for value, rows in live.groupby("field"):
        panels[0].plot(rows.n_spins, rows.hidden, markerfacecolor="white", linestyle="none", **_of_field(value, fields))
    panels[0].set(ylabel="hidden units needed")
    for axes in panels:
        axes.legend(fontsize=8)
    return figure, pd.concat([searches.assign(source="record"), live.assign(source="this build")])


def _needed(axes: Axes, rows: pd.DataFrame, laws: Mapping, label: str, aside: float, *, color: str,
            marker: str) -> None:
    """One kind of searches, a little aside so that equal numbers do not hide each other, and the line through them."""
    good, none = rows[np.isfinite(rows.hidden)], rows[~np.isfinite(rows.hidden)]
    axes.errorbar(good.n_spins + aside, good.hidden, _bars(good, "hidden"), fmt=marker, color=color, label=label)
    axes.plot(none.n_spins + aside, none.low, "^", color=color, markerfacecolor="white")
    if laws:
        a, b = laws["linear"].parameters
        ends = np.array([good.n_spins.min(), good.n_spins.max()])
        axes.plot(ends, a + b * ends, color=color, linewidth=1)


def measurements(sampled: pd.DataFrame, live: pd.DataFrame, needed: pd.DataFrame,
                 eps: float) -> tuple[Figure, pd.DataFrame]:
    """Share of machines that learn against measurements, and the number needed against the length (Fig. 6.3).

    Parameters
    ----------
    sampled, live : pandas.DataFrame
        Machines of the record, which count as learnt at a bound of 0.002, and of this build: one chain, at eps.
    needed : pandas.DataFrame
        `lib.rbm.learning_figures.measurements_table`, with the ratio of hidden units to spins.
    eps : float
        What counts as learnt in this build.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        measurements, rate, low, high, machines, n_spins, n_hidden, source.

    """
    figure, (left, right) = plotting.new_figure(2, height=3.5)
    rates = []
    kinds = [(place, rows, "record") for place, rows in sampled.groupby(["n_spins", "n_hidden"])]
    kinds += [(place, rows, "this build") for place, rows in live.groupby(["n_spins", "n_hidden"])]
    for number, ((n, n_hidden), rows, source) in enumerate(kinds):
        curve = _success(rows, 0.002 if source == "record" else eps)
        style = {"color": plotting.COLORS[number % 7], "marker": "osD^vp*"[number % 7]}
        if source == "this build":
            style |= {"markerfacecolor": "white", "linestyle": ":"}
        words = f"N = {n}, {n_hidden} hidden" + ("" if source == "record" else ", this build")
        left.errorbar(curve.measurements, curve.rate, _bars(curve, "rate"), label=words, **style)
        rates.append(curve.assign(n_spins=n, n_hidden=n_hidden, source=source))
    for colour, (ratio, rows) in zip(plotting.COLORS, needed.groupby("ratio")):
        good = rows[np.isfinite(rows.half)]
        right.errorbar(good.n_spins, good.half, _bars(good, "half"), fmt="o-", color=colour, label=f"half, {ratio:g} N")
        right.errorbar(rows.n_spins, rows.printed, rows.printed_error, fmt="s--", color=colour, markerfacecolor="white",
                       label=f"mean of the first, {ratio:g} N")
    left.set(xlabel="measurements", ylabel="share of machines that learn", xscale="log")
    left.set_xlim(None, 20 * max(sampled.n_samples))  # room for the legends
    right.set(xlabel="spins", ylabel="measurements needed", ylim=(0, 1.9 * right.dataLim.ymax))
    left.legend(fontsize=7, loc="lower right")
    right.legend(fontsize=8, loc="upper left")
    return figure, pd.concat(rates)


def _success(rows: pd.DataFrame, bound: float) -> pd.DataFrame:
    """Share of the machines that learn by the number of measurements, with its interval."""
    found = [(amount, *learning_figures.success_rate((group.bound <= bound).astype(int)), len(group))
             for amount, group in rows.groupby("n_samples")]
    return pd.DataFrame(found, columns=["measurements", "rate", "low", "high", "machines"])


def weights(machines: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Sizes of the weights of trained machines, the largest first (Fig. 6.4).

    Parameters
    ----------
    machines : pandas.DataFrame
        field and magnitudes (a list of one length, the largest first).

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        field (missing for the noise), rank (%), size (the geometric mean over machines).

    """
    figure, (axes,) = plotting.new_figure(1, height=3.7)
    lines, noise = ["-", (0, (5, 1)), "--", (0, (3, 1, 1, 1)), "-."], None
    drawn = []
    for number, (field, rows) in enumerate(machines.groupby("field")):
        sizes = np.exp(np.mean([np.log(np.maximum(m, 1e-9)) for m in rows.magnitudes], axis=0))
        place = np.linspace(0, 100, len(sizes))
        axes.semilogy(place, sizes, label=f"h/J = {field:g}", color=plotting.COLORS[number % 7],
                      linestyle=lines[number % 5])
        drawn.append(pd.DataFrame({"field": field, "rank (%)": place, "size": sizes}))
        if field == 1.0:
            noise = learning_figures.half_normal(len(sizes))
            noise = noise * np.median(sizes) / np.median(noise)
            drawn.append(pd.DataFrame({"field": np.nan, "rank (%)": place, "size": noise}))
    if noise is not None:
        axes.semilogy(place, noise, ":", color="black", label="noise")
    axes.set(xlabel="rank (%)", ylabel="size of the weight", ylim=(1e-3, None))
    axes.legend()
    return figure, pd.concat(drawn)


def against_products(searches: pd.DataFrame, products: pd.DataFrame, pruned: Mapping[int, float], whole: pd.DataFrame,
                     staircase: pd.DataFrame, by_error: pd.DataFrame,
                     fields: Sequence[float]) -> tuple[Figure, pd.DataFrame]:
    """Parameters of machines beside those of matrix product states, against the length and against the error.

    Parameters
    ----------
    searches : pandas.DataFrame
        Searches that found a machine, at one bound.
    products : pandas.DataFrame
        `lib.spins.mps_variational.needed`, at the nearest error.
    pruned : mapping of int to float
        Weights of pruned machines by the length of the chain.
    whole : pandas.DataFrame
        n_spins, field and parameters of the exact state.
    staircase, by_error : pandas.DataFrame
        The same as `products` and `searches` for one chain and many errors.
    fields : sequence of float
        All fields of the page, as in `smallest`.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        Rows of all of them, with their kind.

    """
    figure, (left, right) = plotting.new_figure(2, height=4.2)
    shown = []
    for field, rows in searches.groupby("field"):
        style, own = _of_field(field, fields), products[products.field == field]
        machines = rows.n_spins * rows.hidden
        left.plot(rows.n_spins, machines, linestyle="none", label=f"machine, {field:g}", **style)
        left.plot(own.n_spins, own.parameters, linestyle="--", markerfacecolor="white", markersize=5, **style)
        shown += [rows.assign(parameters=machines, kind="machine"), own.assign(kind="matrix product")]
        if field == 1.0:
            left.plot(own.n_spins, own["uniform parameters"], ":", color=style["color"], label="uniform, 1")
    left.plot(list(pruned), list(pruned.values()), "*", color="black", label="pruned, 1")
    left.plot(whole.n_spins, whole.parameters, "-", color="black", label="exact state, 1")
    left.set(xscale="log", yscale="log", xlabel="spins", ylabel="parameters")
    left.set_ylim(None, 60 * left.get_ylim()[1])  # room for the legend
    left.legend(fontsize=7, ncols=2, title="h/J", title_fontsize=7)
    n_spins = int(by_error.n_spins.iloc[0])
    right.loglog(by_error.eps, n_spins * by_error.hidden, "v", color=plotting.BLUE, label="machine")
    for column, line, label in (("parameters", "--", "matrix product"), ("uniform parameters", ":", "uniform")):
        right.step(staircase.eps, staircase[column], line, where="pre", color=plotting.BLUE, label=label)
    right.set(xlabel="relative error of the energy", title=f"h/J = 1, N = {n_spins}")
    right.legend(fontsize=8)
    shown += [whole.assign(kind="exact state"), staircase.assign(kind="matrix product"),
              by_error.assign(kind="machine")]
    return figure, pd.concat(shown)


def ways(machines: pd.DataFrame, names: Sequence[str]) -> tuple[Figure, pd.DataFrame]:
    """Bound of critical chains against hidden units, for several ways to train.

    Parameters
    ----------
    machines : pandas.DataFrame
        way, n_spins, n_hidden, bound.
    names : sequence of str
        All ways, which give each its colour and marker.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        The machines.

    """
    lengths = sorted(machines.n_spins.unique())
    figure, panels = plotting.new_figure(max(1, len(lengths)), height=3.7)
    for axes, n in zip(panels, lengths):
        for way, rows in machines[machines.n_spins == n].groupby("way", sort=False):
            number = list(names).index(way)
            style = {"color": plotting.COLORS[number % 7], "marker": "osD^vP"[number % 6]}
            aside = 0.06 * (number - 2.5)
            axes.semilogy(rows.n_hidden + aside, rows.bound, linestyle="none", markersize=3, alpha=0.6, **style)
            middle = rows.groupby("n_hidden").bound.median()
            axes.semilogy(middle.index + aside, middle, markersize=5, label=way, **style)
        axes.axhline(0.002, color="black", linestyle="--", linewidth=1)
        axes.set(xlabel="hidden units", title=f"N = {n}")
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[0].set(ylabel=r"bound $\epsilon$ of the energy")
    panels[0].legend(fontsize=8)
    return figure, machines
