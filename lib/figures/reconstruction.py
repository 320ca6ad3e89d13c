"""The figures of chapter 5: training, observables across the phase diagram, two valleys, entanglement."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib import plotting

_FIELD = "transverse field $h/J$"
_FIDELITY = r"fidelity $|\langle\Psi|\psi_\lambda\rangle|^2$"


def training(curves: pd.DataFrame, floor: float) -> Figure:
    """Fidelity and divergences against the epoch, a colour a machine (Fig. 5.1).

    Parameters
    ----------
    curves : pandas.DataFrame
        Of `lib.rbm.reconstruction_trials.learning_curves`.
    floor : float
        The divergence of the exact distribution from the data, in nats.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (left, right) = plotting.new_figure(2, height=3.3)
    for number, rows in curves.groupby("machine"):
        colour = f"C{number - 1}"
        left.plot(rows.epoch, rows.fidelity, color=colour, label=f"machine {number}")
        right.semilogy(rows.epoch, rows["KL(exact)"], color=colour)
        right.semilogy(rows.epoch, rows["KL(data)"], "--", color=colour)
    right.axhline(floor, color="black", linestyle=":", linewidth=1)
    lowest = curves.fidelity[curves.epoch == curves.epoch.max()].min()
    left.set(xlabel="epoch", ylabel=_FIDELITY, ylim=(min(0.9, 0.95 * lowest), 1.002))
    right.set(xlabel="epoch", ylabel="Kullback-Leibler divergence (nats)")
    left.legend(loc="lower right")
    return figure


def magnetization(measured: pd.DataFrame, exact: pd.DataFrame) -> Figure:
    """Magnetization along z and x against the field (Fig. 5.2).

    Parameters
    ----------
    measured : pandas.DataFrame
        Of `lib.experiments.reconstruction.magnetizations`, a row a field.
    exact : pandas.DataFrame
        field, abs m, x.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (left, right) = plotting.new_figure(2, height=3.3)
    left.plot(exact.field, exact["abs m"], color="black", label=r"exact $\langle|m|\rangle$")
    left.axhline(0, color="black", linestyle="--", linewidth=1, label=r"exact $\langle\sigma^z\rangle$")
    right.plot(exact.field, exact.x, color="black", label="exact")
    for axes, name, colour, marker, label in (
            (left, "abs m", plotting.BLUE, "o", r"machine $\langle|m|\rangle$"),
            (left, "z", plotting.VERMILION, "s", r"machine $\langle\sigma^z\rangle$"),
            (right, "x", plotting.BLUE, "o", "machine")):
        axes.errorbar(measured.field, measured[name], measured[f"{name} error"], fmt=marker, color=colour, label=label)
    left.set(xlabel=_FIELD, ylabel="longitudinal magnetization")
    right.set(xlabel=_FIELD, ylabel=r"transverse magnetization $\langle\sigma^x\rangle$")
    left.legend()
    right.legend()
    return figure


def histogram(distributions: pd.DataFrame, fields: Iterable[float]) -> Figure:
    """How probable each magnetization of one outcome is, at a few fields.

    Parameters
    ----------
    distributions : pandas.DataFrame
        field, m, probability.
    fields : iterable of float
        Those that are drawn, up to five.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (axes,) = plotting.new_figure(height=3.2)
    for h, style, colour in zip(fields, ("o-", "s--", "^-.", "D:", "v-"), plotting.COLORS):
        here = distributions[distributions.field == h]
        axes.plot(here.m, here.probability, style, color=colour, label=f"h/J = {h:.2g}")
    axes.set(xlabel="magnetization per spin m", ylabel="probability", ylim=(0, None))
    axes.legend()
    return figure


def many_machines(done: pd.DataFrame) -> Figure:
    """Fidelity and the error of the transverse magnetization of many machines, a colour and marker a length.

    Parameters
    ----------
    done : pandas.DataFrame
        n_spins, field, fidelity (missing where nothing is summed), x, x exact; a row a machine.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (left, right) = plotting.new_figure(2, height=3.6)
    right.axhline(0, color="black", linewidth=0.8)
    styles = zip(plotting.COLORS, "os^Dv<>P")
    for size, rows in done.groupby("n_spins"):
        colour, marker = next(styles, ("gray", "."))
        style = {"color": colour, "marker": marker, "markersize": 4, "label": f"N = {size}"}
        if rows.fidelity.notna().all():
            middle, worst, best = (rows.groupby("field").fidelity.agg(f) for f in ("median", "min", "max"))
            left.errorbar(middle.index, middle, [middle - worst, best - middle], **style)
        off = (rows.x - rows["x exact"]).groupby(rows.field)
        right.errorbar(off.mean().index, off.mean(), off.sem().fillna(0), **style)
    left.set(xlabel=_FIELD, ylabel=_FIDELITY, ylim=(0.4, 1.03))
    right.set(xlabel=_FIELD, ylabel=r"error of $\langle\sigma^x\rangle$", ylim=(None, 0.0115))
    right.legend(loc="upper right", ncols=2)
    return figure


def two_valleys(flow: pd.DataFrame) -> Figure:
    """Mean magnetization along training without noise.

    Parameters
    ----------
    flow : pandas.DataFrame
        Of `lib.rbm.valleys.expected_training`.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (axes,) = plotting.new_figure(height=3.0)
    for (k, rows), style, colour in zip(flow.groupby("k"), ("-", "--", ":"), plotting.COLORS):
        axes.plot(rows.step, rows.m, style, color=colour, label="exact gradient" if k == 0 else f"CD-{k}")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(xlabel="training step", ylabel=r"mean magnetization $\langle m\rangle$", ylim=(-0.1, 1.05))
    axes.legend(loc="center right")
    return figure


def cures(fidelities: pd.DataFrame) -> Figure:
    """Fidelity along several ways of training, a line a machine.

    Parameters
    ----------
    fidelities : pandas.DataFrame
        Of `lib.rbm.valleys.cures`.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (axes,) = plotting.new_figure(height=3.0)
    ways = zip(fidelities.groupby("way", sort=False), plotting.COLORS, ("-", "--", ":"))
    for (way, lines), colour, style in ways:
        for number, line in lines.groupby("seed"):
            axes.plot(line.epoch, line.fidelity, style, marker="", color=colour, label=way if number == 0 else None)
    axes.axhline(0.5, color="black", linewidth=0.8, linestyle=(0, (5, 5)))
    axes.set(xlabel="epoch", ylabel="fidelity", ylim=(0, 1.03))
    axes.legend(loc="lower right")
    return figure


def renyi(entropy: pd.DataFrame) -> Figure:
    """Second Rényi entropy of the first sites, and its difference from the exact one (Fig. 5.3).

    Parameters
    ----------
    entropy : pandas.DataFrame
        Of `lib.rbm.reconstruction_trials.entropies`.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (left, right) = plotting.new_figure(2, height=3.3)
    left.plot(entropy["size"], entropy["S2 exact"], color="black", label="exact ground state")
    right.axhline(0, color="black")
    for axes, reference in ((left, np.zeros(len(entropy))), (right, entropy["S2 exact"])):
        axes.errorbar(entropy["size"], entropy.S2 - reference, entropy["S2 error"], fmt="o", color=plotting.BLUE,
                      markerfacecolor="white", label="machine, Swap estimate")
        axes.plot(entropy["size"], entropy["S2 machine"] - reference, "x", color=plotting.VERMILION, zorder=5,
                  label="machine, exact sum")
        axes.set(xlabel="sites in subregion $A$")
    left.set(ylabel="second Rényi entropy $S_2$ (nats)", ylim=(0, None))
    right.set(ylabel="difference from exact (nats)")
    left.legend()
    return figure
