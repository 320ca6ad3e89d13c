"""Figures and tables of chapter 7 that the thesis does not have: what its record of many machines shows.

Runs are results of `lib.experiments.pruning.pruning_run` with their settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib import plotting
from lib.experiments.pruning import RETRAINED
from lib.figures.pruning import NAMES, Run
from lib.rbm import pruning_harm
from lib.rbm.pruning_graphs import minimal
from lib.rbm.recorded_runs import as_factor, mean_error

_DASHES = ("-", "--", "-.", ":", "-")
_MARKERS = {"pruned": "o", "same mask": "s", "local mask": "D", "random mask": "x", "fewer units": "^"}


def sensitivity(gains: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Growth of the measures with pruning: absolute, and in units of half the width of each one's band.

    Parameters
    ----------
    gains : pandas.DataFrame
        `lib.rbm.pruning_growth.gains`; means over runs are drawn.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        The gains.

    """
    means = mean_gains(gains)
    figure, (left, right) = plotting.new_figure(2, height=3.5)
    dashes = ("-", "-.", ":", "--", (0, (5, 1, 1, 1, 1, 1)))
    for name, dash, colour in zip(pruning_harm.WATCHED, dashes, plotting.COLORS):
        rows, style = means.loc[name], {"linestyle": dash, "color": colour}
        left.semilogy(rows.index, rows.absolute.where(lambda x: x > 0), label=NAMES[name], **style)
        right.plot(rows.index, rows.relative, **style)
    right.axhline(1, color="black", linestyle=":", linewidth=1)
    right.set_yscale("symlog", linthresh=1)
    left.set(xlabel="weights removed (%)", ylabel="growth")
    right.set(xlabel="weights removed (%)", ylabel="growth / half band")
    right.set_ylim(-1, None)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    return figure, gains


def mean_gains(gains: pd.DataFrame) -> pd.DataFrame:
    """The means over runs.

    Parameters
    ----------
    gains : pandas.DataFrame
        `lib.rbm.pruning_growth.gains`.

    Returns
    -------
    pandas.DataFrame
        Absolute and relative, by measure and percentage removed.

    """
    return gains.groupby(["measure", "removed"])[["absolute", "relative"]].mean()


def graph(graphs: pd.DataFrame, ends: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Share of the spins in the largest component, of pruned machines and of random graphs.

    Parameters
    ----------
    graphs : pandas.DataFrame
        `lib.rbm.pruning_graphs.graphs`.
    ends : pandas.DataFrame
        `lib.rbm.pruning_correlations.ends`; a cross marks where correlations are cut off.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        The graphs.

    """
    sizes = list(dict.fromkeys(graphs.n))
    figure, panels = plotting.new_figure(len(sizes), height=3.2)
    for axes, n in zip(panels, sizes):
        these = graphs[graphs.n == n]
        runs = these[these.seed != "random"]
        axes.set_title(f"N = {n}" if len(runs) else f"N = {n} (not run)")
        for seed, rows in runs.groupby("seed", sort=False):
            percent = 100 * rows.left / rows.left.iloc[0]
            axes.plot(percent, rows.largest, color=plotting.BLUE, linewidth=1, alpha=0.7)
            cut = ends[(ends.n == n) & (ends.seed == seed)]["cut off"].iloc[0]
            at = np.isclose(percent.astype(float), cut)
            axes.plot(percent[at], rows.largest[at], "x", color=plotting.VERMILION, zorder=5)
        drawn = these[these.seed == "random"]
        axes.plot(100 * drawn.left / (n * (n // 2)), drawn.largest, "--", color=plotting.GREY)
        axes.axvline(minimal(n), color="black", linestyle=":")
        axes.set(xscale="log", xlabel="weights left (%)", xlim=(105, 2.3), ylim=(0, 104))
        axes.set_xticks([100, 50, 20, 10, 5, 3], [100, 50, 20, 10, 5, 3])
        axes.minorticks_off()
    panels[0].set_ylabel("spins in the largest component (%)")
    return figure, graphs


def fine_tuning(found: Mapping[tuple[float, int], Sequence[Run]]) -> tuple[Figure, pd.DataFrame]:
    """Divergence and mROE along pruning with several lengths of fine-tuning, at two fields.

    Parameters
    ----------
    found : mapping of (float, int) to sequence of mapping
        Runs by field and epochs a step; where there are none, no line is drawn.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        field, length, seed, step, left (weights), kl, mROE.

    """
    table = pd.DataFrame(
        [(h, length, run["seed"], step, left, run["pruning kl"][step], run["pruning mROE"][step])
         for (h, length), runs in found.items() for run in runs
         for step, left in enumerate(run["pruning weights left"])],
        columns=["field", "length", "seed", "step", "left", "kl", "mROE"])
    figure, panels = plotting.plt.subplots(2, 2, figsize=(7.2, 5.4), sharex=True, sharey="row")
    lengths = list(dict.fromkeys(length for _, length in found))
    for h, column in zip(dict.fromkeys(h for h, _ in found), panels.T):
        for length, style, colour in zip(lengths, _DASHES, plotting.COLORS):
            rows = table[(table.field == h) & (table.length == length)]
            if rows.empty:
                continue
            share = 100 - 100 * rows.groupby("step").left.first() / rows.left.max()
            n_runs = rows.seed.nunique()
            for axes, name in zip(column, ("kl", "mROE")):
                values = rows.groupby("step")[name]
                _mean_and_range(axes, share, values, n_runs, linestyle=style, color=colour,
                                label=f"{length} ({n_runs} runs)")
        column[0].set_title(f"h/J = {h:g}")
        column[1].set_xlabel("weights removed (%)")
    panels[0, 0].set_ylabel("KL (nats)")
    panels[1, 0].set_ylabel("mROE")
    panels[0, 0].legend(title="epochs a step")
    return figure, table


def criteria(found: Mapping[tuple[float, str], Sequence[Run]]) -> tuple[Figure, pd.DataFrame]:
    """Divergence along pruning by several rules, at two fields.

    Parameters
    ----------
    found : mapping of (float, str) to sequence of mapping
        Runs by field and rule; a rule without any is marked "not run".

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        field, rule, seed, removed (%), kl.

    """
    table = pd.DataFrame(
        [(h, rule, run["seed"], 100 * (1 - left / run["pruning weights left"][0]), kl)
         for (h, rule), runs in found.items() for run in runs
         for left, kl in zip(run["pruning weights left"], run["pruning kl"])],
        columns=["field", "rule", "seed", "removed", "kl"])
    figure, panels = plotting.new_figure(2, height=3.4)
    panels[1].sharey(panels[0])
    rules = list(dict.fromkeys(rule for _, rule in found))
    for h, axes in zip(dict.fromkeys(h for h, _ in found), panels):
        for rule, style, colour in zip(rules, _DASHES, plotting.COLORS):
            rows = table[(table.field == h) & (table.rule == rule)]
            if rows.empty:
                axes.semilogy([], [], linestyle=style, color=colour, label=f"{rule} (not run)")
                continue
            values = rows.groupby("removed").kl
            _mean_and_range(axes, list(values.groups), values, rows.seed.nunique(), linestyle=style, color=colour,
                            label=rule)
        axes.set(title=f"h/J = {h:g}", xlabel="weights removed (%)")
    panels[0].set_ylabel("KL (nats)")
    panels[0].legend()
    return figure, table


def _mean_and_range(axes: Axes, x, values, n_runs: int, **style) -> None:
    """The geometric means of grouped values, and from three runs on the range of the middle 68 percent."""
    axes.semilogy(x, values.agg(_geometric_mean), **style)
    if n_runs > 2:
        axes.fill_between(x, values.quantile(0.16), values.quantile(0.84), color=style["color"], alpha=0.2, linewidth=0)


def _geometric_mean(values: pd.Series) -> float:
    return np.exp(np.log(values).mean())


def small_machines(recorded: Mapping[float, Sequence[Run]]) -> pd.DataFrame:
    """Pruned machines, and those that were trained from the beginning at their sizes.

    Parameters
    ----------
    recorded : mapping of float to sequence of mapping
        Runs by field; those without machines trained anew do not count.

    Returns
    -------
    pandas.DataFrame
        field, kind ("pruned", or one of `lib.experiments.pruning.RETRAINED`), seed, weights, kl, step. One row without
        a divergence where there is none.

    """
    rows = []
    for h, runs in recorded.items():
        for run in runs:
            for position, step in enumerate(run["retrained after"]):
                left, kl = run["pruning weights left"][step], run["pruning kl"][step]
                rows.append((h, "pruned", run["seed"], int(left), kl, step))
                rows += [(h, kind, run["seed"], run[f"{kind} weights left"][position], run[f"{kind} kl"][position],
                          step) for kind in RETRAINED]
    return pd.DataFrame(rows or [(next(iter(recorded)), "pruned", 0, 0, np.nan, 0)],
                        columns=["field", "kind", "seed", "weights", "kl", "step"])


def over_pruned(machines: pd.DataFrame, kind: str) -> pd.Series:
    """Logarithm of the divergence of machines trained from the beginning over that of the pruned ones of their size.

    Parameters
    ----------
    machines : pandas.DataFrame
        `small_machines`, or some of its rows.
    kind : str
        Of `lib.experiments.pruning.RETRAINED`.

    Returns
    -------
    pandas.Series
        By field, seed and step; NaN where training diverged, empty where the kind is missing.

    """
    kl = machines.pivot_table(index=["field", "seed", "step"], columns="kind", values="kl")
    return np.log(kl[kind]) - np.log(kl["pruned"]) if kind in kl else pd.Series(dtype=float)


def factor_over_pruned(machines: pd.DataFrame, kind: str, field: float,
                       step: int) -> tuple[float, float] | tuple[None, None]:
    """Divergence of machines trained from the beginning over that of the pruned ones, at one field and size.

    Parameters
    ----------
    machines : pandas.DataFrame
        `small_machines`.
    kind : str
        Of `lib.experiments.pruning.RETRAINED`.
    field : float
        h/J.
    step : int
        The pruning step whose size they have.

    Returns
    -------
    tuple of float, or (None, None)
        Geometric mean over the seeds and its standard error; nothing for fewer than two.

    """
    there = machines[(machines.field == field) & (machines.step == step)]
    return as_factor(mean_error(over_pruned(there, kind)))


def retrained(machines: pd.DataFrame, fields: Sequence[float]) -> tuple[Figure, pd.DataFrame]:
    """Divergence of `small_machines` against their number of weights, at two fields.

    Parameters
    ----------
    machines : pandas.DataFrame
        `small_machines`.
    fields : sequence of float
        Two fields, a panel each.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        The machines.

    """
    figure, panels = plotting.new_figure(2, height=3.4)
    panels[1].sharey(panels[0])
    for h, axes in zip(fields, panels):
        for (kind, marker), colour in zip(_MARKERS.items(), plotting.COLORS):
            these = machines[(machines.field == h) & (machines.kind == kind)].dropna()
            if these.empty:
                axes.plot([], [], marker, color=colour, label=f"{kind} (not run)")
                continue
            axes.plot(these.weights, these.kl, marker, color=colour, markersize=3, alpha=0.4)
            size, face = (10, "none") if kind == "pruned" else (6, colour)
            axes.plot(these.groupby("weights").kl.agg(_geometric_mean), marker + "-", color=colour, label=kind,
                      linewidth=1, markersize=size, markerfacecolor=face)
        axes.set(title=f"h/J = {h:g}", xlabel="weights", yscale="log")
    panels[0].set_ylabel("KL (nats)")
    panels[0].legend()
    return figure, machines
