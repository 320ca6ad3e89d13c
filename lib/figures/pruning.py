"""The figures of chapter 7 that the thesis has too: a pruned machine, all measures, order, correlations.

Runs are results of `lib.experiments.pruning.pruning_run` with their settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib import plotting
from lib.checks import as_floats
from lib.figures import machines
from lib.rbm import recorded_runs
from lib.rbm.machine import Machine
from lib.rbm.pruning_correlations import exact_correlation
from lib.rbm.pruning_order import magnetizations

Run = Mapping
#: The measures in words.
NAMES = {
    "kl": "KL from the exact state",
    "kl data": "KL from the data",
    "infidelity": "1 - fidelity",
    "energy error": "error of the energy",
    "eROE": "eROE",
    "abs m error": "error of the size of m",
    "mROE": "mROE",
    "correlation mse": "mean squared error of C(d)",
}
_ROWS = [  # of figure 7.2
    [("kl", "-", plotting.BLUE), ("kl data", "--", plotting.SKY), ("infidelity", "-.", plotting.GREEN)],
    [("eROE", "-", plotting.VERMILION), ("mROE", "--", plotting.PURPLE)],
    [("correlation mse", "-", plotting.BLACK)],
]
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))


def before_and_after(before: Machine, after: Machine) -> tuple[Figure, pd.DataFrame]:
    """A machine as a graph above what pruning has left of it (Fig. 7.1).

    Parameters
    ----------
    before, after : Machine
        Of one size; widths of lines are on one scale.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        A row a weight: visible, hidden, weight, pruned (the weight after pruning).

    """
    figure, panels = plotting.plt.subplots(2, 1, figsize=(plotting.TEXT_WIDTH, 6.4))
    largest = max(float(machine.weights.abs().max()) for machine in (before, after))
    for axes, machine, title in zip(panels, (before, after), ("before pruning", "after pruning")):
        parts = (part.numpy() for part in (machine.weights, machine.visible_bias, machine.hidden_bias))
        n_lines = machines.draw_machine(axes, *parts, largest=largest)
        axes.set_title(f"{title}: {n_lines} weights")
    panels[0].get_legend().remove()
    table, left = (machines.weights_table(machine.weights.numpy()) for machine in (before, after))
    return figure, table.assign(pruned=left.weight)


def measures(runs: Mapping[float, Run], recorded: Mapping[float, Sequence[Run]]) -> tuple[Figure, pd.DataFrame]:
    """All measures of two fields through training, control and pruning (Fig. 7.2).

    Parameters
    ----------
    runs : mapping of float to mapping
        A run for each of two fields, drawn as lines.
    recorded : mapping of float to sequence of mapping
        Runs with the same schedule, drawn as bands from the lowest to the highest; none leaves the bands out.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        `lib.rbm.recorded_runs.curve` of the lines, and their field.

    """
    figure, panels = plotting.plt.subplots(3, 2, figsize=(7.2, 8.6), sharex=True, sharey="row")
    curves = {h: recorded_runs.curve(run) for h, run in runs.items()}
    for (h, run), column in zip(runs.items(), panels.T):
        line = curves[h].assign(x=_place(curves[h], run))
        bands = _lowest_and_highest(recorded[h], run) if recorded[h] else None
        for axes, names in zip(column, _ROWS):
            axes.axvspan(-run["n_control"], 0, color=plotting.GREY, alpha=0.15, linewidth=0)
            for name, style, colour in names:
                axes.semilogy(line.x, line[name], style, color=colour, label=NAMES[name])
                if bands is not None:
                    axes.fill_between(bands.index, *bands[name].to_numpy().T, color=colour, alpha=0.2, linewidth=0)
        column[0].axhline(run["exact kl data"], color="black", linestyle=":", linewidth=1)
        _label_stages(column, run, curves[h])
        column[0].set_title(f"h/J = {h:g}", pad=14)
    for axes, label in zip(panels[:, 0], ("nats, or 1 - F", "relative error", "mean squared error of C(d)")):
        axes.set_ylabel(label)
    panels[0, 1].legend(fontsize=8, loc="center", bbox_to_anchor=(0.55, 0.6))
    panels[1, 1].legend(fontsize=8, loc="upper center")
    return figure, pd.concat(table.assign(field=h) for h, table in curves.items())


def _width(run: Run) -> int:
    """Of the part for training, in units of pruning steps."""
    return max(4, 14 * run["n_steps"] // 32)


def _place(table: pd.DataFrame, run: Run) -> np.ndarray:
    """The horizontal position: training to the left, then the control, then pruning steps from 0 on."""
    trained = -run["n_control"] - _width(run) * (1 - table.epoch / run["epochs"])
    steps = table.step.astype(float) - run["n_control"] * (table.stage == "control")
    return np.where(table.stage == "training", trained, steps)


def _lowest_and_highest(recorded: Sequence[Run], run: Run) -> pd.DataFrame:
    """Of each measure of some runs at each place that it has in the picture of one run."""
    many = pd.concat([recorded_runs.curve(other) for other in recorded])
    return many.assign(x=_place(many, run)).groupby("x")[list(recorded_runs.MEASURES)].agg(["min", "max"])


def _label_stages(column: Sequence[Axes], run: Run, curve: pd.DataFrame) -> None:
    """Epochs and pruning steps below a column of panels, percentages of the weights above it."""
    n_steps, n_control, epochs = run["n_steps"], run["n_control"], run["epochs"]
    ticks = np.arange(0, n_steps + 1, max(2, n_steps // (4 if n_steps > 16 else 2)))
    column[2].set_xticks([-n_control - _width(run), -n_control - _width(run) / 2, -n_control, *ticks],
                         ["0", f"{epochs // 2}", f"{epochs}\nepochs", *ticks])
    column[2].set_xlabel("training          pruning step", loc="center")
    percent = curve[curve.stage == "pruning"].set_index("step")["percent left"]
    top = column[0].secondary_xaxis("top")
    top.set_xticks(ticks, [f"{percent.get(step, np.nan):.0f}%" for step in ticks])
    top.set_xlabel("weights left", loc="right", fontsize=9)


def order(run: Run, recorded: Sequence[Run]) -> tuple[Figure, pd.DataFrame]:
    """Magnetization along pruning, and its distribution after some steps (Fig. 7.3).

    Parameters
    ----------
    run : mapping
        The run that is drawn.
    recorded : sequence of mapping
        Runs with the same schedule, drawn as bands from the lowest to the highest; none leaves the bands out.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        A row a pruning step: step, m, abs m.

    """
    table = pd.DataFrame({"step": np.arange(len(run["pruning m"])), "m": run["pruning m"],
                          "abs m": run["pruning abs m"]})
    figure, (left, right) = plotting.new_figure(2, height=3.5)
    for name, style, colour, label, exact in (
            ("abs m", "o-", plotting.BLUE, r"$\langle|m|\rangle$", run["exact abs m"]),
            ("m", "s--", plotting.VERMILION, r"$\langle m\rangle$", 0.0)):
        left.plot(table.step, table[name], style, color=colour, label=label, markersize=3)
        left.axhline(exact, color="black", linestyle=":", linewidth=1)
        many = [other[f"pruning {name}"] for other in recorded]
        if many and len(many[0]) == len(table):
            left.fill_between(table.step, np.min(many, axis=0), np.max(many, axis=0), color=colour, alpha=0.2,
                              linewidth=0)
    left.set(xlabel="pruning step", ylabel="magnetization per spin")
    left.legend(loc="center left")
    _distributions(right, run)
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    return figure, table


def _distributions(axes: Axes, run: Run) -> None:
    """Of the magnetization per spin: the exact one, and those after five steps from the first to the last."""
    m = magnetizations(run["n_spins"])
    last = len(run["pruning m"]) - 1
    shown = sorted({0, *np.linspace(run["n_steps"] // 4, last, 4).round().astype(int)})
    axes.plot(m, run["exact histogram"], color="black", label="exact", zorder=5)
    for step, style, colour in zip(shown, ("o", "s", "^", "D", "v"), plotting.COLORS):
        share = 100 * run["pruning weights left"][step] / run["pruning weights left"][0]
        axes.plot(m, run["pruning histogram"][step], style + "-", color=colour, linewidth=0.8, markersize=3,
                  label=f"step {step}: {share:.0f}% left")
    axes.set(xlabel="magnetization per spin m", ylabel="probability", ylim=(0, None))


def decay(shown: Mapping[int, Run | None], fits: pd.DataFrame, field: float) -> tuple[Figure, pd.DataFrame]:
    """Correlations along pruning, and the rate at which they fall below the exact ones, for three chains (Fig. 7.4).

    Parameters
    ----------
    shown : mapping of int to mapping or None
        By the length of the chain the run whose correlations are drawn after five steps.
    fits : pandas.DataFrame
        `lib.rbm.pruning_correlations.decays` of all runs; a chain without any is marked "not run".
    field : float
        h/J of the exact correlations.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        n, step (missing for the exact state; all of them), left (%), distance, correlation, exact.

    """
    figure, panels = plotting.plt.subplots(2, 3, figsize=(7.2, 5.6))
    rows = []
    for (n, run), (top, bottom) in zip(shown.items(), panels.T):
        rows += _correlations(top, n, run, exact_correlation(n, field))
        these = fits[(fits.n == n) & (fits.seed != "exact")]
        for _, fit in these.groupby("seed"):
            bottom.plot(fit.left, fit.rate, color=plotting.BLUE, linewidth=1, alpha=0.7)
        bottom.axhline(2 / n, color="black", linestyle=":")
        bottom.axhline(0, color=plotting.GREY, linewidth=1)
        bottom.set(xlabel="weights left (%)", xscale="log", xlim=(105, 2.5), ylim=(-0.02, 0.26))
        _percent_ticks(bottom)
        if these.empty:
            top.set_title(f"N = {n} (not run)")
    panels[0, 0].set_ylabel("C(d)")
    panels[1, 0].set_ylabel(r"$1/\xi$")
    return figure, pd.DataFrame(rows, columns=["n", "step", "left", "distance", "correlation", "exact"])


def _correlations(axes: Axes, n: int, run: Run | None, exact: np.ndarray) -> list[tuple]:
    """C(d) of the exact state, and of a run after five steps; the rows of the table, which has all steps."""
    distance = np.arange(1, n // 2 + 1)
    axes.loglog(distance, exact[1:n // 2 + 1], color="black", linewidth=2.2, label="exact")
    rows = [(n, np.nan, np.nan, d, np.nan, value) for d, value in zip(distance, exact[1:])]
    axes.set(title=f"N = {n}", xlabel="distance d", ylim=(1e-2, 1))
    marks = [mark for mark in (1, 2, 5, 10, 20, 50) if mark <= n // 2]
    axes.set_xticks(marks, marks)
    axes.minorticks_off()
    if run is not None:
        left = as_floats(run["pruning weights left"], "weights left")
        left = 100 * left / left[0]
        measured = [as_floats(values, "correlation")[1:n // 2 + 1] for values in run["pruning correlation"]]
        for step, style, colour in zip(np.linspace(0, len(left) - 1, 5).astype(int), _DASHES, plotting.COLORS):
            drawn = np.where(measured[step] > 0, measured[step], np.nan)
            axes.plot(distance, drawn, linestyle=style, color=colour, linewidth=1.2, label=f"{left[step]:.0f}%")
        rows += [(n, step, left[step], d, value, truth) for step, values in enumerate(measured)
                 for d, value, truth in zip(distance, values, exact[1:])]
    axes.legend(fontsize=7, loc="lower left")
    return rows


def _percent_ticks(axes: Axes) -> None:
    axes.set_xticks([100, 50, 20, 10, 5, 3], [100, 50, 20, 10, 5, 3])
    axes.minorticks_off()


def against_divergence(runs: Mapping[float, Run]) -> tuple[Figure, pd.DataFrame]:
    """Errors of energy, magnetization and correlations against the divergence, at two fields (Fig. 7.5).

    Parameters
    ----------
    runs : mapping of float to mapping
        A run for each field, of which training (open markers) and pruning (filled ones) are drawn.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        As of `measures`.

    """
    figure, panels = plotting.new_figure(3, height=3.2)
    curves = {h: recorded_runs.curve(run) for h, run in runs.items()}
    for axes, name in zip(panels, ("eROE", "mROE", "correlation mse")):
        for (h, curve), marker, colour in zip(curves.items(), ("o", "s"), (plotting.BLUE, plotting.VERMILION)):
            for stage, face in (("training", "none"), ("pruning", colour)):
                rows = curve[curve.stage == stage]
                axes.loglog(rows.kl, rows[name], marker, color=colour, markerfacecolor=face, markersize=4,
                            label=f"h/J = {h:g}, {stage}")
        axes.set(xlabel="KL (nats)", title=NAMES[name])
    panels[2].set_title("mean sq. error of C(d)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    return figure, pd.concat(curve.assign(field=h) for h, curve in curves.items())
