"""Drawings of Boltzmann machines: as a graph, and as a chain of Gibbs sampling (Fig. 4.1, 4.2, 7.1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from lib import plotting
from lib.checks import as_array, as_floats


def weights_table(weights: np.ndarray) -> pd.DataFrame:
    """The weights of a machine as a tidy table.

    Parameters
    ----------
    weights : array_like, shape (n_visible, n_hidden)
        The weights.

    Returns
    -------
    pandas.DataFrame
        With columns visible, hidden, weight.

    """
    matrix = _matrix(weights)
    visible, hidden = np.indices(matrix.shape)
    return pd.DataFrame({"visible": visible.ravel(), "hidden": hidden.ravel(), "weight": matrix.ravel()})


def draw_machine(ax: Axes, weights: np.ndarray, visible_bias: np.ndarray | None = None,
                 hidden_bias: np.ndarray | None = None, *, largest: float | None = None) -> int:
    """Draw a restricted Boltzmann machine as a bipartite graph (Fig. 4.1; Fig. 7.1).

    A line's width is the magnitude of the weight; blue and solid means positive, vermilion and
    dashed negative. The outline of a unit says the same of its bias. Weights that are exactly zero
    (pruned) leave no line.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; its axes are switched off.
    weights : array_like, shape (n_visible, n_hidden)
        The weights.
    visible_bias, hidden_bias : array_like, shapes (n_visible,) and (n_hidden,), or None
        Without them outlines are neutral.
    largest : float or None
        The magnitude drawn at full width; give it to compare two machines, else the largest weight.

    Returns
    -------
    int
        The number of lines drawn: one for each weight that is not zero.

    Raises
    ------
    ValueError
        When shapes disagree, a value is not finite, or ``largest`` is not positive.

    """
    matrix = _matrix(weights)
    n_visible, n_hidden = matrix.shape
    biases = {"visible_bias": (visible_bias, n_visible), "hidden_bias": (hidden_bias, n_hidden)}
    outlines = {}
    for name, (bias, length) in biases.items():
        outlines[name] = None if bias is None else as_floats(bias, name)
        if bias is not None and (outlines[name].shape != (length,) or not np.isfinite(outlines[name]).all()):
            raise ValueError(f"expected {name} as {length} finite numbers, got shape {outlines[name].shape}; "
                             f"try the bias that belongs to weights of shape {matrix.shape}")
    if largest is not None and not largest > 0:
        raise ValueError(f"expected a positive magnitude, got largest={largest}; try largest=None")
    full = largest if largest is not None else (np.abs(matrix).max() or 1.0)

    span = float(max(n_visible, n_hidden) - 1) or 1.0
    x_visible, x_hidden = _spread(n_visible, span), _spread(n_hidden, span)
    height, radius = max(0.34 * span, 2.0), 0.32
    n_edges = 0
    # Weak weights first, so that the strong ones lie on top.
    for index in np.argsort(np.abs(matrix), axis=None):
        i, j = np.unravel_index(index, matrix.shape)
        if matrix[i, j] != 0:
            n_edges += 1
            strength = min(abs(matrix[i, j]) / full, 1.0)
            ax.plot([x_visible[i], x_hidden[j]], [0.0, height], marker="", zorder=1, alpha=0.25 + 0.75 * strength,
                    linewidth=0.3 + 3.7 * strength, solid_capstyle="butt", **_sign_style(matrix[i, j]))
    for x, y, letter, bias in ((x_visible, 0.0, "v", outlines["visible_bias"]),
                               (x_hidden, height, "h", outlines["hidden_bias"])):
        for unit, position in enumerate(x):
            _draw_unit(ax, position, y, radius, None if bias is None else bias[unit], full)
            ax.text(position, y, f"${letter}_{{{unit + 1}}}$", ha="center", va="center", fontsize=9, zorder=5)
    ax.text(x_hidden[0] - 0.7, height, "hidden", ha="right", va="center", color=plotting.GREY)
    ax.text(x_visible[0] - 0.7, 0.0, "visible", ha="right", va="center", color=plotting.GREY)
    handles = [Line2D([], [], marker="", linewidth=2.5, **_sign_style(sign)) for sign in (1, -1)]
    ax.legend(handles, [f"positive (full width: {full:.2f})", "negative"], loc="upper center", ncols=2,
              bbox_to_anchor=(0.5, 0.0), handlelength=3.2)
    ax.set_xlim(min(x_visible[0], x_hidden[0]) - 2.4, span + 0.6)
    ax.set_ylim(-2 * radius, height + 2 * radius)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return n_edges


def draw_gibbs_chain(ax: Axes, states: Sequence[np.ndarray]) -> None:
    """Draw a block Gibbs chain layer by layer: visible, hidden, visible, ... (Fig. 4.2; 4.9, 4.10).

    Each layer is one column, drawn at once because its units are independent given the other layer.
    Filled circles are ones, empty circles zeros.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; its axes are switched off.
    states : list of array_like of 0 and 1
        Bits of the layers in the order drawn, shapes ``(n_visible,)``, ``(n_hidden,)``,
        ``(n_visible,)``, ...

    Raises
    ------
    ValueError
        For fewer than two layers, values other than 0 and 1, or layers that change their width.

    """
    layers = [as_array(state, f"states[{t}]") for t, state in enumerate(states)]
    if len(layers) < 2:
        raise ValueError(f"expected at least a visible and a hidden layer, got {len(layers)}; try adding a sweep")
    for t, layer in enumerate(layers):
        width = layers[t % 2].shape
        if layer.ndim != 1 or layer.shape != width or not np.isin(layer, (0, 1)).all():
            raise ValueError(f"expected layer {t} as {width} bits of 0 and 1, got shape {layer.shape}; "
                             "try states in the order visible, hidden, visible, ...")
    gap, step = 0.62, 2.3
    middle = gap * (max(len(layers[0]), len(layers[1])) - 1) / 2
    for t, layer in enumerate(layers):
        letter, colour = ("v", plotting.BLUE) if t % 2 == 0 else ("h", plotting.VERMILION)
        half = gap * (len(layer) - 1) / 2
        ax.add_patch(FancyBboxPatch((step * t - 0.3, middle - half - 0.3), 0.6, 2 * half + 0.6, facecolor="#F3F6F9",
                                    boxstyle="round,pad=0.05,rounding_size=0.3", edgecolor="#9AA5B1", zorder=2))
        for unit, bit in enumerate(layer):
            ax.add_patch(Circle((step * t, middle + half - gap * unit), 0.2, facecolor=colour if bit else "white",
                                edgecolor=colour, linewidth=1.4, zorder=3))
        ax.text(step * t, 2 * middle + 0.55, f"${letter}^{{({t // 2})}}$", ha="center", va="bottom")
        if t > 0:
            _draw_arrow(ax, step * (t - 1) + 0.42, step * t - 0.42, middle)
            drawn = r"$p(h\,|\,v)$" if t % 2 else r"$p(v\,|\,h)$"
            ax.text(step * (t - 0.5), middle + 0.18, drawn, fontsize=9, ha="center", va="bottom")
    end = step * (len(layers) - 1)
    _draw_arrow(ax, end + 0.42, end + 1.1, middle)
    ax.text(end + 1.5, middle, r"$\cdots$", fontsize=15, ha="center", va="center")
    ax.set_xlim(-0.6, end + 1.9)
    ax.set_ylim(-0.6, 2 * middle + 1.3)
    ax.set_aspect("equal")
    ax.set_axis_off()


def _matrix(weights: np.ndarray) -> np.ndarray:
    matrix = as_floats(weights, "weights")
    if matrix.ndim != 2 or 0 in matrix.shape or not np.isfinite(matrix).all():
        raise ValueError(f"expected finite weights of shape (n_visible, n_hidden), got shape {matrix.shape}"
                         f"{' with values that are not finite' if matrix.size else ''}; try machine.weights")
    return matrix


def _spread(n_units: int, span: float) -> np.ndarray:
    """Unit positions: one apart, a smaller layer stretched towards the width of the larger one."""
    gap = 1.0 if n_units == 1 else min(span / (n_units - 1), 1.6)
    return span / 2 + gap * (np.arange(n_units) - (n_units - 1) / 2)


def _sign_style(value: float) -> dict:
    return ({"color": plotting.POSITIVE, "linestyle": "-"} if value > 0
            else {"color": plotting.NEGATIVE, "linestyle": (0, (2.4, 1.1))})


def _draw_unit(ax: Axes, x: float, y: float, radius: float, bias: float | None, full: float) -> None:
    if bias is None or bias == 0:
        outline = {"edgecolor": "#333333", "linestyle": "-", "linewidth": 1.0}
    else:
        style = _sign_style(bias)
        outline = {"edgecolor": style["color"], "linestyle": "-" if bias > 0 else (0, (2, 1)),
                   "linewidth": 1.0 + 2.0 * min(abs(bias) / full, 1.0)}
    ax.add_patch(Circle((x, y), radius, facecolor="white", zorder=4, **outline))


def _draw_arrow(ax: Axes, start: float, end: float, height: float) -> None:
    ax.add_patch(FancyArrowPatch((start, height), (end, height), arrowstyle="-|>", mutation_scale=11,
                                 color="#444444", linewidth=1.2, shrinkA=0, shrinkB=0))
