"""The pictures of page 6: tables of searches and of records in, a figure and the table behind it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib import plotting
from lib.plotting import COLORS
from lib.rbm import learning_thresholds, weight_shapes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EPS = 0.002  # the bound of the records
MARKS = "osDvp*P"
HOLLOW = {"markerfacecolor": "white"}


def marks(values: Sequence[float]) -> dict[float, dict]:
    """A colour and a marker for each value, the same in all pictures of the same values.

    Parameters
    ----------
    values : sequence of float
        Fields, say; each may come more than once.

    Returns
    -------
    dict of float to dict
        Keywords of matplotlib, in rising order of the values.

    """
    return {value: {"color": COLORS[number % 7], "marker": "svoD<>ph*P"[number % 10]}
            for number, value in enumerate(sorted({*values}))}


def procedure(tables: Sequence[tuple[str, pd.DataFrame]], found: pd.DataFrame,
              bounds: Sequence[float]) -> tuple[Figure, pd.DataFrame]:
    """Figure 6.1: the bound against hidden units, and hidden units needed against the field.

    Parameters
    ----------
    tables : sequence of (str, pandas.DataFrame)
        Machines, as `lib.experiments.learning.learning_run` gives them; the last table is that of this
        build, with one machine a size.
    found : pandas.DataFrame
        Of `learning_searches.search_table`; chains of up to 50 spins that were searched at six fields or more are
        drawn.
    bounds : sequence of float
        What counts as learnt: dashed.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        The machines that are drawn.

    """
    import pandas as pd

    figure, (left, right) = plotting.new_figure(2, height=3.5)
    shown = []
    for number, (label, table) in enumerate(tables):
        rows, own = table.dropna(subset=["bound"]), number == len(tables) - 1
        colour, marker = (plotting.BLUE, plotting.GREEN, plotting.VERMILION)[number], "os^"[number]
        if not len(rows):
            continue
        if not own:
            left.semilogy(rows.n_hidden, rows.bound, marker, color=colour, markersize=3, alpha=0.5)
        left.semilogy(rows.groupby("n_hidden").bound.median(), marker + ("--" if own else "-"), color=colour,
                      label=f"N = {int(rows.n_spins.iloc[0])}, {label}")
        columns = ["n_spins", "field", "n_hidden", "n_updates", "seed", "bound", "corrected bound"]
        shown.append(rows[columns].assign(source=label))
    for bound in {*bounds}:
        left.axhline(bound, color="black", linestyle="--", linewidth=1)
    left.set(xlabel="hidden units", ylabel=r"bound $\epsilon$ of the energy")
    left.legend(fontsize=8)
    inset = found[(found.eps == EPS) & (found.n_spins <= 50)]
    fields = inset.groupby("n_spins").size()
    lengths = sorted(fields.index[fields >= 6], reverse=True)
    for number, n in enumerate(lengths):
        style = {"color": (plotting.BLUE, plotting.VERMILION, plotting.GREEN)[number % 3], "marker": MARKS[number % 7]}
        searches(right, inset[inset.n_spins == n], x="field", line=("-", "--", ":")[number % 3], label=f"N = {n}",
                 **style)
    right.set(xlabel="field $h/J$", ylabel="hidden units needed", xscale="log", ylim=(0, None))
    plotting.set_ticks(right, [0.5, 0.7, 1.0, 1.4, 2.0], "{:g}")
    if lengths:
        right.legend()
    return figure, pd.concat(shown)


def searches(axes: Axes, rows: pd.DataFrame, *, x: str, aside: float = 0.0, line: str = "", **style) -> None:
    """Hidden units needed with their intervals; where none was enough, an arrow at the largest that was tried.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where.
    rows : pandas.DataFrame
        Of `learning_searches.search_table`.
    x : str
        Column along the axis.
    aside : float, default 0.0
        Moves all to the right, so that equal numbers do not hide each other.
    line : str, default ""
        Its style, where points and arrows are joined by one.
    **style
        Keywords of ``errorbar``.

    """
    heights = rows.hidden.where(np.isfinite(rows.hidden), rows.largest)
    if line:
        axes.plot(rows[x] + aside, heights, line, color=style.get("color"), linewidth=1.2)
        style = {"linestyle": "none"} | style
    reached = rows[np.isfinite(rows.hidden)]
    bars = [reached.hidden - reached.low, reached.high - reached.hidden]
    axes.errorbar(reached[x] + aside, reached.hidden, bars, **style)
    beyond = rows[~np.isfinite(rows.hidden)]
    axes.plot(beyond[x] + aside, beyond.largest, "^", color=style.get("color"), **HOLLOW)


def growth(found: pd.DataFrame, now: pd.DataFrame, fields: Sequence[float],
           fits: Mapping[tuple[str, float], Mapping], tuned: pd.DataFrame, tied: pd.DataFrame) -> Figure:
    """Figure 6.2: hidden units needed against the length of the chain.

    Parameters
    ----------
    found, now : pandas.DataFrame
        Of `learning_searches.search_table`: the record's, and this build's.
    fields : sequence of float
        Those of the record that are drawn on the left.
    fits : dict of (str, float) to dict
        ("field" or "eps", its value) -> laws of `scaling_laws.laws`; lines are drawn where there are any.
    tuned : pandas.DataFrame
        Of `learning_repeats.tuned`: stars on the right.
    tied : pandas.DataFrame
        Of `learning_searches.search_table`, machines with biases tied to the symmetry, critical point: crosses on the
        right.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, panels = plotting.new_figure(2, height=3.7)
    look = marks([*fields, *now.field])
    for axes, column, rows in ((panels[0], "field", found[(found.eps == EPS) & found.field.isin(fields)]),
                               (panels[1], "eps", found[found.field == 1.0])):
        for number, (value, group) in enumerate(rows.groupby(column)):
            style = look[value] if column == "field" else {"color": COLORS[number % 7], "marker": "ovsD"[number % 4]}
            label = f"h/J = {value:g}" if column == "field" else rf"$\epsilon$ = {value:g}"
            searches(axes, group, x="n_spins", aside=0.3 * (number - 1.5), linestyle="none", label=label, **style)
            if fits.get((column, value)):
                a, b = fits[column, value]["linear"].parameters
                lengths = group.n_spins[np.isfinite(group.hidden)]
                ends = np.array([lengths.min(), lengths.max()])
                axes.plot(ends, a + b * ends, color=style["color"], linewidth=1)
        axes.set(xlabel="spins", ylim=(0, None))
    if len(tuned):
        searches(panels[1], tuned, x="n_spins", aside=0.8, marker="*", line=":", color="black",
                 label=r"$\epsilon$ = 0.002, tuned")
    if len(tied):
        searches(panels[1], tied, x="n_spins", aside=-0.8, marker="P", line="--", color=COLORS[4],
                 label=r"$\epsilon$ = 0.002, biases tied")
    for value, rows in now.groupby("field"):
        panels[0].plot(rows.n_spins, rows.hidden, linestyle="none", **look[value] | HOLLOW)
    panels[0].set(ylabel="hidden units needed")
    for axes in panels:
        axes.legend(fontsize=8)
    return figure


def samples(kinds: Sequence[tuple[str, float, pd.DataFrame]], needed: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Figure 6.3: the share of machines that learn against the number of measurements, how many are needed, and for
    each weight.

    Parameters
    ----------
    kinds : sequence of (str, float, pandas.DataFrame)
        Source, bound that counts as learnt, and machines of one size of chain and machine; those of the record with
        half as many hidden units as spins, and of this build, are drawn on the left.
    needed : pandas.DataFrame
        Of `learning_thresholds.measurements_table`.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        A row for each number of measurements of each size.

    """
    import pandas as pd

    figure, (left, middle, right) = plotting.new_figure(3, height=4.1)
    rates, drawn = [], 0
    for source, eps, rows in kinds:
        n, n_hidden = int(rows.n_spins.iloc[0]), int(rows.n_hidden.iloc[0])
        curve = pd.DataFrame([(amount, *learning_thresholds.success_rate((group.bound <= eps).astype(int)), len(group))
                              for amount, group in rows.groupby("n_samples")],
                             columns=["measurements", "rate", "low", "high", "machines"])
        rates.append(curve.assign(n_spins=n, n_hidden=n_hidden, source=source))
        here = source != "record"
        if not here and n_hidden != n // 2:
            continue
        style = {"color": COLORS[drawn % 7], "marker": MARKS[drawn % 7]} | (HOLLOW | {"linestyle": ":"} if here else {})
        left.errorbar(curve.measurements, curve.rate, [curve.rate - curve.low, curve.high - curve.rate],
                      label=f"N = {n}" + (f", {source}" if here else ""), **style)
        drawn += 1
    for number, (ratio, rows) in enumerate(needed.groupby("ratio")):
        good, look = rows[np.isfinite(rows.half)], {"color": COLORS[number % 7], "marker": MARKS[number % 7]}
        never = rows[rows.half == np.inf]  # with the most that were tried fewer than half learn
        if len(never):
            label = None if len(good) else f"{ratio:g}: more"
            middle.errorbar(never.n_spins, never.low, 0.06 * needed.low.max(), lolims=True, linestyle="none",
                            color=look["color"], marker="_", label=label)
        if not len(good):
            continue
        middle.errorbar(good.n_spins, good.half, [good.half - good.low, good.high - good.half], label=f"{ratio:g}",
                        **look)
        middle.errorbar(rows.n_spins, rows.printed, rows.printed_error, linestyle="--", **look | HOLLOW)
        right.errorbar(good.n_spins, good.weight, good.weight_error, label=f"{ratio:g}", **look)
    table = pd.concat(rates)
    left.set(xlabel="measurements", ylabel="share of machines that learn", xscale="log", ylim=(-0.04, 1.04))
    middle.set(xlabel="spins", ylabel="measurements needed", ylim=(0, 1.5 * max(middle.dataLim.ymax, 1)))
    right.set(xlabel="spins", ylabel="measurements for each weight", ylim=(0, None))
    # Above the panel: curves rise from its lower left to its upper right, and shares end at one.
    left.legend(fontsize=7, loc="lower left", bbox_to_anchor=(-0.05, 1.0), ncols=2, columnspacing=1.0)
    for axes in (middle, right) if len(needed) else ():
        axes.legend(fontsize=7, title="hidden units a spin", title_fontsize=7)
    return figure, table


def weights(machines: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Figure 6.4: sizes of weights by rank, and noise of the same median as at the critical point.

    Parameters
    ----------
    machines : pandas.DataFrame
        Of `lib.experiments.learning.learning_run`, of one size.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        A row a point; the field of noise is missing.

    """
    import pandas as pd

    figure, (axes,) = plotting.new_figure(1, height=3.7)
    drawn = []
    for number, (field, rows) in enumerate(machines.groupby("field")):
        sizes = np.exp(np.mean([np.log(np.maximum(m, 1e-9)) for m in rows.magnitudes], axis=0))
        place = np.linspace(0, 100, len(sizes))
        line = ["-", (0, (5, 1)), "--", (0, (3, 1, 1, 1)), "-."][number % 5]
        axes.semilogy(place, sizes, label=f"h/J = {field:g}", color=COLORS[number % 7], linestyle=line)
        drawn.append(pd.DataFrame({"field": field, "rank (%)": place, "size": sizes}))
        if field == 1.0:
            noise = weight_shapes.half_normal(len(sizes))
            drawn.append(pd.DataFrame({"field": np.nan, "rank (%)": place,
                                       "size": noise * np.median(sizes) / np.median(noise)}))
    table = pd.concat(drawn) if drawn else pd.DataFrame({"field": [], "rank (%)": [], "size": []})
    noise = table[table.field.isna()]
    if len(noise):
        axes.semilogy(noise["rank (%)"], noise["size"], ":", color="black", label="noise")
    axes.set(xlabel="rank (%)", ylabel="size of the weight", ylim=(1e-3, None))
    if len(table):
        axes.legend()
    return figure, table


def parameters(found: pd.DataFrame, needed: pd.DataFrame, pruned: Mapping[int, float], whole: pd.DataFrame,
               staircase: pd.DataFrame, look: Mapping[float, dict]) -> tuple[Figure, pd.DataFrame]:
    """Numbers that states of equal energy error take, against the length of the chain and against the error.

    Parameters
    ----------
    found : pandas.DataFrame
        Machines: of `learning_searches.search_table`.
    needed, staircase : pandas.DataFrame
        Matrix product states: of `lib.spins.mps_variational.needed`; staircase at the critical point and one length,
        for many errors.
    pruned : dict of int to float
        Weights left after pruning, by length.
    whole : pandas.DataFrame
        field, n_spins and parameters of the states themselves.
    look : dict of float to dict
        Of `marks`, for the fields that are drawn.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        What is drawn, but for the stars.

    """
    import pandas as pd

    figure, (left, right) = plotting.new_figure(2, height=4.2)
    shown, reached = [], found[np.isfinite(found.hidden)]
    closest = min(needed.eps.unique(), key=lambda bound: abs(bound - EPS))
    for field, rows in reached[(reached.eps == EPS) & reached.field.isin([*look])].groupby("field"):
        rows = rows.assign(parameters=rows.n_spins * rows.hidden, kind="machine")
        left.plot(rows.n_spins, rows.parameters, linestyle="none", label=f"machine, {field:g}", **look[field])
        own = needed[(needed.field == field) & (needed.eps == closest)].assign(kind="matrix product")
        left.plot(own.n_spins, own.parameters, linestyle="--", markersize=5, **look[field] | HOLLOW)
        if field == 1.0:
            left.plot(own.n_spins, own["uniform parameters"], ":", color=look[field]["color"], label="uniform, 1")
        shown += [rows, own]
    left.plot(list(pruned), list(pruned.values()), "*", color="black", label="pruned, 1")
    for field, rows in whole.groupby("field"):
        style = {"color": "black", "label": "exact state, 1"} if field == 1.0 else {"linewidth": 0.8}
        left.plot(rows.n_spins, rows.parameters, "-", **{"color": look.get(field, {}).get("color", "gray"), **style})
    left.set(xscale="log", yscale="log", xlabel="spins", ylabel="parameters")
    left.set_ylim(None, 60 * left.get_ylim()[1])  # room for the legend
    left.legend(fontsize=7, ncols=2, title="h/J", title_fontsize=7)
    n = int(staircase.n_spins.iloc[0])
    machines = reached[(reached.field == 1.0) & (reached.n_spins == n)]
    right.loglog(machines.eps, n * machines.hidden, "v", color=plotting.BLUE, label="machine")
    for column, line, label in (("parameters", "--", "matrix product"), ("uniform parameters", ":", "uniform")):
        right.step(staircase.eps, staircase[column], line, where="pre", color=plotting.BLUE, label=label)
    right.set(xlabel="relative error of the energy", title=f"h/J = 1, N = {n}")
    right.legend(fontsize=8)
    return figure, pd.concat([*shown, whole.assign(kind="exact state"), staircase.assign(kind="matrix product"),
                              machines.assign(kind="machine", parameters=n * machines.hidden)])
