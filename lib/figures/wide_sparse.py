"""The figures of chapter 3: water-filling, layers of a widened ResNet, accuracies of small networks against the width.

Figure 3.2 is drawn by `lib.figures.resnet_blocks`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lib import plotting

_TITLES = {"relu": "ReLU", "linear": "linear"}
_LOWEST = {"relu": 86, "linear": 90}  # of the colours, in percent


def water_filling(states: Sequence[np.ndarray]) -> tuple[Figure, pd.DataFrame]:
    """Stacks of weights that are cut to one level, step by step (Fig. 3.4).

    Parameters
    ----------
    states : sequence of ndarray
        Weights left in each layer, of which the first are all.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        A column a layer.

    """
    figure, panels = plotting.new_figure(len(states), height=2.6)
    full = states[0]
    for axes, state in zip(panels, states):
        for layer, height in ((layer, height) for layer, size in enumerate(full) for height in range(size)):
            left = height < state[layer]
            axes.add_patch(Rectangle((layer + 0.55, height), 0.9, 0.9, facecolor=plotting.BLUE if left else "none",
                                     edgecolor=plotting.BLUE if left else plotting.VERMILION))
        axes.set(xlim=(0.3, len(full) + 0.7), ylim=(0, max(full) + 0.3), xticks=range(1, len(full) + 1),
                 xlabel="layer", title=f"{sum(full) - state.sum()} removed")
        axes.grid(False)
    panels[0].set_ylabel("weights")
    return figure, pd.DataFrame(states, columns=[f"layer {k + 1}" for k in range(len(full))])


def layers(thinned: pd.DataFrame) -> Figure:
    """Weights left in each layer of a ResNet, and their share, a curve a width (Fig. F.1).

    Parameters
    ----------
    thinned : pandas.DataFrame
        Of `lib.models.widening.thinned`.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (left, right) = plotting.new_figure(2, height=3.4)
    for (width, rows), colour, marker in zip(thinned.groupby("width"), plotting.COLORS, "os^Dv<>"):
        style = {"color": colour, "marker": marker, "markersize": 3.5, "linewidth": 1, "label": f"width {width}"}
        left.semilogy(rows.number, rows.left, **style)
        right.semilogy(rows.number, rows.connectivity, **style)
    left.set(xlabel="layer", ylabel="weights left")
    right.set(xlabel="layer", ylabel="connectivity of the layer")
    right.legend(loc="lower left")
    return figure


def multiply_adds(costs: pd.DataFrame) -> Figure:
    """Multiply-adds of sparse and dense networks against the widening factor.

    Parameters
    ----------
    costs : pandas.DataFrame
        Of `lib.models.widening.multiply_adds`.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, (axes,) = plotting.new_figure(height=3.0)
    axes.loglog(costs.factor, costs["dense"], "s--", color=plotting.VERMILION, label="dense, this width")
    axes.loglog(costs.factor, costs["sparse"], "o-", color=plotting.BLUE, label="sparse, equal weights")
    axes.set(xlabel="widening factor", ylabel="multiply-adds an image ($10^6$)")
    plotting.set_ticks(axes, costs.factor)
    axes.legend()
    return figure


def mnist(means: pd.Series, widths: Sequence[int], shares: Sequence[float]) -> Figure:
    """Maps of accuracy against the connectivities of network and last layer, a star at the best cell (Fig. 3.5).

    Parameters
    ----------
    means : pandas.Series
        Accuracy in percent by activation, width and last_connectivity.
    widths : sequence of int
        From left to right; the first is dense.
    shares : sequence of float
        Connectivities of the last layer.

    Returns
    -------
    matplotlib.figure.Figure

    """
    figure, panels = plotting.new_figure(2, height=3.8)
    for axes, kind in zip(panels, _TITLES):
        if kind in means.index.levels[0]:
            shown = means[kind].unstack("width").reindex(index=sorted(shares), columns=widths)
            _map(axes, shown, _LOWEST[kind])
            axes.set_title(_TITLES[kind])
        else:
            axes.text(0.5, 0.5, "not run", ha="center", transform=axes.transAxes)
            axes.set(title=kind, xticks=[], yticks=[])
    return figure


def _map(axes: Axes, shown: pd.DataFrame, lowest: float) -> None:
    image = axes.imshow(shown, origin="lower", aspect="auto", cmap="viridis", vmin=lowest)
    axes.figure.colorbar(image, ax=axes, label="test accuracy (%)", extend="min")
    row, column = np.unravel_index(np.nanargmax(shown), shown.shape)
    axes.plot(column, row, "*", color="white", markersize=12, markeredgecolor="black")
    axes.set(xlabel="connectivity (width)", ylabel="connectivity of the last layer", xticks=range(shown.shape[1]),
             yticks=range(len(shown)), yticklabels=shown.index)
    labels = [f"{shown.columns[0] / width:.3g} ({width})" for width in shown.columns]
    axes.set_xticklabels(labels, rotation=45, ha="right")
    axes.grid(False)


def digits(nets: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Accuracy on small digits against the width, for sparse networks of equal weights and for dense ones.

    Parameters
    ----------
    nets : pandas.DataFrame
        activation, dense, last_connectivity, width, chosen (share of the images); a row a network.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        activation, kind, width, mean, sem (percent).

    """
    kind = np.where(nets.dense, "dense", "sparse, last layer " + nets.last_connectivity.map("{:.0%}".format))
    percent = nets.assign(kind=kind, accuracy=100 * nets.chosen)
    curves = percent.groupby(["activation", "kind", "width"]).accuracy.agg(["mean", "sem"]).reset_index()
    figure, panels = plotting.new_figure(2, height=3.3)
    for axes, activation in zip(panels, _TITLES):
        here = curves[curves.activation == activation]
        first = here[here.width == here.width.min()]  # is dense, too
        for name, style, colour in (("sparse, last layer 100%", "o-", plotting.BLUE),
                                    ("sparse, last layer 50%", "^-.", plotting.GREEN),
                                    ("dense", "s--", plotting.VERMILION)):
            rows = here[here.kind == name]
            rows = pd.concat([first, rows]) if name == "dense" else rows
            axes.errorbar(rows.width, rows["mean"], rows["sem"], fmt=style, color=colour, label=name)
        axes.set(title=_TITLES[activation], xscale="log", xlabel="width")
        plotting.set_ticks(axes, sorted(curves.width.unique()))
    panels[0].set_ylabel("test accuracy (%)")
    panels[1].sharey(panels[0])
    panels[0].legend(loc="lower left")
    return figure, curves


def random_labels(nets: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Accuracies on training and test images against the width, for true labels and shuffled ones.

    Parameters
    ----------
    nets : pandas.DataFrame
        activation, shuffled_labels, width, training, test (percent); a row a network.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Of ReLU networks.
    table : pandas.DataFrame
        Means and standard errors of all.

    """
    learnt = nets.groupby(["activation", "shuffled_labels", "width"])[["training", "test"]].agg(["mean", "sem"])
    figure, panels = plotting.new_figure(2, height=3.0)
    for axes, shuffled in zip(panels, (False, True)):
        rows = learnt.loc["relu", shuffled]
        for what, style, colour in (("training", "o-", plotting.BLUE), ("test", "s--", plotting.VERMILION)):
            axes.errorbar(rows.index, rows[what, "mean"], rows[what, "sem"], fmt=style, color=colour, label=what)
        axes.axhline(10, color="black", linestyle=":", linewidth=1)
        axes.set(title="shuffled labels" if shuffled else "true labels", xscale="log", xlabel="width", ylim=(0, 105))
        plotting.set_ticks(axes, rows.index)
    panels[0].set_ylabel("accuracy (%)")
    panels[1].legend(loc="center right")
    table = learnt.reset_index()
    return figure, table.set_axis([" ".join(filter(None, column)) for column in table.columns], axis="columns")
