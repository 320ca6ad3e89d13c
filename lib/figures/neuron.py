"""The drawing of a neuron, with numbers that add up (Fig. 2.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from lib import plotting

Texts = Mapping[str, Text | Sequence[Text]]


def neurons(inputs: np.ndarray, weights: np.ndarray, biases: np.ndarray,
            shown: Sequence[int]) -> tuple[Figure, pd.DataFrame, list[Texts]]:
    """Two neurons of a layer, with all their numbers (Fig. 2.2).

    Parameters
    ----------
    inputs : ndarray, shape (4,)
        What the layer sees.
    weights, biases : ndarray, shapes (n_neurons, 4) and (n_neurons,)
        Of the layer.
    shown : sequence of int
        The upper and the lower neuron.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        A row a neuron, counted from 1: inputs, weights, bias, pre-activation, activation.
    texts : list of mapping
        The numbers as they are printed: x and w (lists), b, sum, activation.

    """
    sums = weights @ inputs + biases
    figure, (axes,) = plotting.new_figure(height=4.4)
    texts, rows = [], []
    for height, i in zip((4.2, 0.0), shown):
        activation = max(sums[i], 0.0)
        texts.append(_inputs(axes, height, inputs, weights[i])
                     | _sum(axes, height, biases[i], sums[i])
                     | _activation(axes, height, sums[i], activation, 0.8 / np.abs(sums).max()))
        rows.append((i + 1, *inputs, *weights[i], biases[i], sums[i], activation))
    axes.set(xlim=(-1.1, 11.4), ylim=(-1.9, 6.1))
    axes.set_axis_off()
    names = [*(f"x{j}" for j in range(1, 5)), *(f"W{j}" for j in range(1, 5)), "bias", "pre-activation", "activation"]
    return figure, pd.DataFrame(rows, columns=["neuron", *names]), texts


_TEXT = {"ha": "center", "va": "center", "fontsize": 9}


def _number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}".replace("-", "\u2212")  # a minus sign, not a hyphen


def _inputs(axes: Axes, height: float, inputs: np.ndarray, weights: np.ndarray) -> dict[str, list[Text]]:
    """Circles with the inputs of a neuron, and lines with its weights."""
    texts = {"x": [], "w": []}
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    for j, (x, w) in enumerate(zip(inputs, weights)):
        y = height + 1.35 - 0.9 * j
        colour = plotting.POSITIVE if w >= 0 else plotting.NEGATIVE
        axes.plot([0, 4], [y, height], "-" if w >= 0 else "--", color=colour, linewidth=0.5 + 1.2 * abs(w), zorder=1)
        axes.plot(0, y, "o", markersize=25, markerfacecolor="white", markeredgecolor=plotting.GREY, zorder=2)
        texts["x"].append(axes.text(0, y, _number(x, 1), **_TEXT))
        texts["w"].append(axes.text(1.6, y + 0.4 * (height - y), _number(w, 1), color=colour, bbox=box, **_TEXT))
        axes.text(-0.75, y, f"$x_{j + 1}$", **_TEXT)
    return texts


def _sum(axes: Axes, height: float, bias: float, total: float) -> dict[str, Text]:
    """The circle with the sum, the bias from above, and the pre-activation."""
    axes.annotate("", (4, height + 0.4), (4, height + 1.3), arrowprops={"arrowstyle": "->"})
    texts = {"b": axes.text(4.15, height + 1.0, _number(bias, 1), **_TEXT | {"ha": "left"})}
    axes.plot(4, height, "o", markersize=30, markerfacecolor="white", markeredgecolor="black", zorder=2)
    axes.text(4, height, r"$\Sigma$", **_TEXT | {"fontsize": 15})
    axes.annotate("", (6.5, height), (4.5, height), arrowprops={"arrowstyle": "->"})
    texts["sum"] = axes.text(5.5, height + 0.28, _number(total, 2), **_TEXT | {"fontsize": 10})
    axes.text(5.5, height - 0.32, r"$\bar\Phi$", **_TEXT)
    return texts


def _activation(axes: Axes, height: float, total: float, activation: float, unit: float) -> dict[str, Text]:
    """The box with the ReLU and the place of the neuron on it, and the activation on its way to the next layer."""
    axes.add_patch(plotting.plt.Rectangle((6.5, height - 0.75), 2, 1.5, facecolor="#F3F6F9", edgecolor="#9AA5B1"))
    place = np.array([-1, 0, 1])
    axes.plot(7.5 + 0.9 * place, height - 0.35 + 0.9 * np.maximum(place, 0), color="black")
    axes.plot(7.5 + unit * total, height - 0.35 + unit * activation, "o", color=plotting.ORANGE, zorder=3)
    axes.text(7.5, height - 0.58, r"$\sigma$", **_TEXT)
    for k in range(3):
        y = height + 0.8 - 0.8 * k
        axes.annotate("", (10.7, y), (8.5, height), arrowprops={"arrowstyle": "->", "color": plotting.GREY})
        axes.plot(10.95, y, "o", markersize=12, markerfacecolor="white", markeredgecolor=plotting.GREY)
    text = axes.text(9.35, height + 0.72, _number(activation, 2), **_TEXT | {"fontsize": 10})
    axes.text(9.35, height - 0.72, r"$\Phi$", **_TEXT)
    return {"activation": text}


def printed_numbers(texts: Texts) -> dict[str, np.ndarray]:
    """What stands in the picture of one neuron, read back as numbers.

    Parameters
    ----------
    texts : mapping
        As `neurons` returns them.

    Returns
    -------
    dict of str to ndarray
        By the same names.

    """
    return {name: np.array([float(text.get_text().replace("\u2212", "-")) for text in np.ravel(found)])
            for name, found in texts.items()}


def largest_slip(texts: Sequence[Texts]) -> float:
    """How far what stands in the pictures is from sums and activations of the numbers beside it.

    Parameters
    ----------
    texts : sequence of mapping
        As `neurons` returns them.

    Returns
    -------
    float
        The largest difference of all neurons.

    """
    off = []
    for n in map(printed_numbers, texts):
        off += [abs(n["w"] @ n["x"] + n["b"] - n["sum"]).item(), abs(max(n["sum"].item(), 0) - n["activation"]).item()]
    return max(off)
