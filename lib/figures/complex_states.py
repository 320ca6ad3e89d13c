"""The figures of chapter 5.4: turned spins, two machines, starts, shots, signs, mixed states, methods."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lib import plotting

#: What is drawn by kind of state, and by method: marker, line, colour.
KINDS = {"GHZ": ("o", plotting.BLUE), "W": ("s", plotting.VERMILION), "random": ("^", plotting.GREEN)}
METHODS = {"shadows": ("s", "--", plotting.VERMILION), "matrix product": ("^", "-.", plotting.GREEN),
           "machine": ("o", "-", plotting.BLUE), "maximum likelihood": ("^", "-.", plotting.GREEN),
           "linear inversion": ("s", "--", plotting.VERMILION), "one machine": ("D", ":", plotting.ORANGE),
           "mean of machines": ("o", "-", plotting.BLUE)}


def rotations(turned: pd.DataFrame) -> Figure:
    """Circuits of two qubits, and below them the probabilities of their outcomes (Fig. 5.4).

    Parameters
    ----------
    turned : pandas.DataFrame
        Of `lib.rbm.two_qubits.turned`, for "ZZ" and "XZ", with the states "published state" and "twin".

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, panels = plotting.plt.subplots(2, 2, figsize=(plotting.TEXT_WIDTH, 4.6), height_ratios=[1, 2.2],
                                           sharey="row")
    places = np.arange(4)
    for (basis, part), (above, below) in zip(turned.groupby("basis", sort=False), panels.T):
        _circuit(above, basis)
        above.set_title("reference basis" if basis == "ZZ" else "first qubit turned")
        below.bar(places - 0.2, part["published state"], 0.4, color=plotting.BLACK, label="published state")
        below.bar(places + 0.2, part.twin, 0.4, color=plotting.ORANGE, hatch="//", edgecolor="white", label="its twin")
        below.errorbar(places - 0.2, part.measured, part.error, fmt="o", color=plotting.BLUE, markerfacecolor="white",
                       label="measured")
        below.set_xticks(places, part.outcome)
        below.set(xlabel=r"outcome $\sigma_0\sigma_1$" if basis == "ZZ" else r"outcome $\sigma^x_0\sigma_1$")
    panels[1, 0].set_ylabel("probability")
    panels[1, 0].legend(loc="upper left")
    return figure


def _circuit(axes: Axes, basis: str) -> None:
    """Two lines from a state to measurements along z, with a box H where a qubit is turned before."""
    for line, qubit in ((1, 0), (0, 1)):
        axes.plot([0.4, 3.4], [line, line], color=plotting.BLACK, linewidth=1.2)
        axes.text(0.3, line, rf"$\sigma_{qubit}$", ha="right", va="center")
        for x, letter, colour in ((3.0, "z", "white"), (1.7, "H", "#DCEAF5"))[:1 + (basis[qubit] == "X")]:
            axes.add_patch(Rectangle((x, line - 0.3), 0.7, 0.6, facecolor=colour, edgecolor="black", zorder=3))
            axes.text(x + 0.35, line, f"${letter}$", ha="center", va="center", zorder=4)
    axes.text(-0.35, 0.5, r"$|\Psi\rangle$", ha="right", va="center", fontsize=13)
    axes.set(xlim=(-0.9, 4.2), ylim=(-0.6, 1.6))
    axes.set_axis_off()


def training(curves: pd.DataFrame) -> Figure:
    """Fidelity and divergences while two machines learn, one thin line a start and their mean (Fig. 5.5).

    Parameters
    ----------
    curves : pandas.DataFrame
        Of `lib.rbm.two_qubits.learning_curves`.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (left, right) = plotting.new_figure(2, height=3.3)
    for axes, column, style, colour, label in (
            (left, "fidelity", "-", plotting.BLUE, "mean over seeds"),
            (right, "KL(mean)", "-", plotting.BLUE, "mean over bases"),
            (right, "KL(sum)", "--", plotting.ORANGE, "sum over bases")):
        for _, rows in curves.groupby("machine"):
            axes.plot(rows.epoch, rows[column], style, color=colour, linewidth=0.7, alpha=0.45)
        axes.plot(curves.groupby("epoch")[column].mean(), style, color=colour, linewidth=2.2, label=label)
        axes.legend()
    left.set(xlabel="epoch", ylabel=r"fidelity $|\langle\Psi|\psi_{\lambda\mu}\rangle|^2$", ylim=(None, 1.02))
    right.set(xlabel="epoch", ylabel="Kullback-Leibler divergence (nats)", yscale="log")
    return figure


def starts(small: pd.DataFrame) -> Figure:
    """Fidelity of trainings against their excess loss, and of the chosen ones against the size.

    Parameters
    ----------
    small : pandas.DataFrame
        Of `lib.rbm.complex_trials.small_states`.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (left, right) = plotting.new_figure(2, height=3.3)
    for kind, rows in small.groupby("kind"):
        marker, colour = KINDS[kind]
        left.plot(rows.excess.clip(lower=1e-4), rows.fidelity, marker, color=colour, markerfacecolor="none", label=kind)
        chosen = rows[rows.chosen]
        right.plot(chosen.qubits, chosen.fidelity, marker + "-", color=colour, label=kind)
    left.set(xscale="log", xlabel="loss above the lowest (nats)", ylabel="fidelity", ylim=(-0.03, 1.03))
    right.set(xlabel="qubits", ylabel="fidelity of the chosen start", xticks=sorted(small.qubits.unique()))
    left.legend(title="state")
    return figure


def shots(chain: pd.DataFrame) -> Figure:
    """What is missing of the state of a chain against the number of shots.

    Parameters
    ----------
    chain : pandas.DataFrame
        Of `lib.rbm.complex_trials.chain_by_shots`.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (left, right) = plotting.new_figure(2, height=3.0)
    for rows, fill, label in ((chain, "white", "a start"), (chain[chain.chosen == 1], plotting.BLUE, "lowest loss")):
        left.loglog(rows.shots, 1 - rows.fidelity, "o", color=plotting.BLUE, markerfacecolor=fill, label=label)
        right.loglog(rows.shots, rows["energy error"], "o", color=plotting.BLUE, markerfacecolor=fill)
    left.legend()
    left.set(xlabel="shots", ylabel="1 - fidelity")
    right.set(xlabel="shots", ylabel="energy error per spin")
    return figure


def signs(amplitudes: pd.DataFrame) -> Figure:
    """Learnt amplitudes against exact ones, a marker a seed.

    Parameters
    ----------
    amplitudes : pandas.DataFrame
        Of `lib.rbm.complex_trials.amplitudes`.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (axes,) = plotting.new_figure(height=3.6, width=5.0)
    for (number, rows), marker in zip(amplitudes.groupby("seed"), "ox^sv<>Dph" * 2):
        axes.plot(rows.exact, rows.machine, marker, color=f"C{number - 1}", markersize=3.5, markerfacecolor="none",
                  label=f"seed {number}")
    largest = amplitudes.exact.abs().max()
    axes.plot([-largest, largest], [-largest, largest], "--", color=plotting.BLACK, linewidth=1)
    axes.axvline(0, color=plotting.GREY, linewidth=1)
    axes.axhline(0, color=plotting.GREY, linewidth=1)
    axes.set(xlabel="exact amplitude, Marshall's sign taken out", ylabel="machine")
    axes.legend()
    return figure


def mixed(learnt: pd.DataFrame) -> Figure:
    """Fidelity, purity and entropy of learnt density matrices against the number of qubits.

    Parameters
    ----------
    learnt : pandas.DataFrame
        Of `lib.rbm.mixed_trials.mixed_states`.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (left, right) = plotting.new_figure(2, height=3.0)
    point = {"markerfacecolor": "white", "linestyle": ""}
    left.plot(learnt.qubits, learnt.fidelity, marker="o", color=plotting.BLUE, **point)
    for column, marker, style, colour in (("purity", "o", "-", plotting.BLUE),
                                          ("entropy", "s", "--", plotting.VERMILION)):
        right.plot(learnt.groupby("qubits")[f"{column} exact"].first(), style, color=plotting.BLACK)
        right.plot(learnt.qubits, learnt[column], marker=marker, color=colour, label=column, **point)
    sizes = list(learnt.qubits.unique())
    left.set(xlabel="qubits", ylabel="fidelity", ylim=(min(0.85, learnt.fidelity.min()), 1.005), xticks=sizes)
    right.set(xlabel="qubits", ylabel="purity, entropy (nats)", ylim=(0, None), xticks=sizes)
    right.legend()
    return figure


def typical_error(kind: str, errors: pd.Series) -> float:
    """One error for several data sets: their mean for mixed states, the root mean square for averages.

    Parameters
    ----------
    kind : str
        "mixed state", or another.
    errors : pandas.Series
        One a data set.

    Returns
    -------
    float

    """
    return errors.mean() if kind == "mixed state" else np.sqrt((errors**2).mean())


def compared(table: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """Errors of several methods against the number of shots, a panel a kind.

    Parameters
    ----------
    table : pandas.DataFrame
        shots, set, kind, method (of `METHODS`), error.
    labels : mapping of str to str
        By kind what the vertical axis says.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, panels = plotting.new_figure(len(labels), height=3.2)
    for axes, (kind, rows) in zip(panels, table.groupby("kind", sort=False)):
        for method, part in rows.groupby("method", sort=False):
            marker, style, colour = METHODS[method]
            line = part.groupby("shots").error.apply(lambda errors, kind=kind: typical_error(kind, errors))
            axes.loglog(line.index, line, style, marker=marker, color=colour, label=method, markersize=5)
            axes.loglog(part.shots, part.error, marker, color=colour, markersize=2.5, alpha=0.6)
        axes.set_xticks(sorted(rows.shots.unique()), [f"{n:,d}" for n in sorted(rows.shots.unique())])
        axes.set_xticks([], minor=True)
        axes.set(xlabel="shots", ylabel=labels[kind])
        axes.legend(fontsize="x-small")
    lowest = table.error[table.kind == "mixed state"].min()
    panels[-1].set_ylim(0.4 * lowest, None)
    return figure
