"""The figures of chapter 4: a Gibbs chain, how fast chains forget, how wrong contrastive divergence is.

Figure 4.1 is drawn by `lib.figures.machines.draw_machine`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib import plotting
from lib.figures import machines


def gibbs_chain(states: Sequence[np.ndarray]) -> tuple[Figure, pd.DataFrame]:
    """Visible and hidden layers, drawn in turn (Fig. 4.2).

    Parameters
    ----------
    states : sequence of ndarray
        Bits of the visible layer, of the hidden one, and so on.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        sweep, layer, unit, value.

    """
    figure, (axes,) = plotting.new_figure(height=2.6)
    machines.draw_gibbs_chain(axes, states)
    rows = [((t + 1) // 2, "vh"[t % 2], unit + 1, bit) for t, state in enumerate(states)
            for unit, bit in enumerate(state)]
    return figure, pd.DataFrame(rows, columns=["sweep", "layer", "unit", "value"])


def convergence(curves: pd.DataFrame, rates: Mapping[str, float], floors: Mapping[str, float],
                n_chains: int) -> Figure:
    """Distance of chains from their machine after each sweep, a colour a machine.

    Parameters
    ----------
    curves : pandas.DataFrame
        machine, and the columns of `lib.rbm.mixing.convergence`.
    rates : mapping of str to float
        What a sweep leaves of the slowest mode, by machine (dashed).
    floors : mapping of str to float
        The distance of as many perfect samples (dotted).
    n_chains : int
        For the legend.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (axes,) = plotting.new_figure(height=3.8)
    for (name, rows), colour, marker in zip(curves.groupby("machine", sort=False), plotting.COLORS, "os"):
        axes.semilogy(rows.sweep, rows.exact, color=colour, label=f"{name} weights, exact")
        axes.semilogy(rows.sweep, rows.sampled, marker, color=colour, markersize=4,
                      label=f"{name} weights, {n_chains:,} chains")
        axes.axhline(floors[name], color=colour, linestyle=":", linewidth=1)
        anchor = rows[rows.exact > 1e-7].iloc[-1]
        slowest = anchor.exact * rates[name] ** (rows.sweep - anchor.sweep)
        axes.semilogy(rows.sweep, slowest, "--", color=colour, linewidth=1)
    axes.set(xlabel="sweeps", ylabel="total variation distance", ylim=(1e-6, 1.5))
    axes.legend(loc="upper right")  # on phones, too, where the steep line leaves no other place
    return figure


def divergence_bias(bias: pd.DataFrame) -> Figure:
    """Error and angle of the expected step of contrastive divergence against its sweeps.

    Parameters
    ----------
    bias : pandas.DataFrame
        machine ("weak", "strong"), and the columns of `lib.rbm.mixing.divergence_bias`.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (left, right) = plotting.new_figure(2, height=3.2)
    for name, marker, colour in (("weak", "o-", plotting.BLUE), ("strong", "s-", plotting.VERMILION)):
        rows = bias[bias.machine == name]
        left.loglog(rows.k, rows["relative error"], marker, color=colour, label=f"{name} weights")
        right.semilogx(rows.k, rows.angle, marker, color=colour)
    left.set(xlabel="$k$ (sweeps)", ylabel="relative error of the step", ylim=(1e-4, 2))
    right.set(xlabel="$k$ (sweeps)", ylabel="angle to the true gradient (degrees)")
    left.legend()
    return figure
