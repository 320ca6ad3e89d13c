"""Figure 3.2 from the networks themselves: what one block of a ResNet-18 computes, and a drawing of it.

`block_steps` runs a small image through the network and writes down what happens in the block, so that the places of
BatchNorm and ReLU, the channels, the kernels and the numbers of weights are those of the module, not of a description.
`draw_blocks` draws such lists below each other, to one scale, and `ways` both for a base and networks that are widened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Patch, Polygon, Rectangle
from torch.overrides import TorchFunctionMode

from lib import plotting
from lib.models.resnet import Architecture, ResNet, n_weights

_KINDS = {"conv2d": "convolution", "batch_norm": "batch norm", "relu": "relu", "add": "addition"}
_CONVOLUTION, _STRIPE, _GAP = 2.6, 0.12, 0.1  # widths in inches: the convolutions before a BatchNorm; its stripe
_INK = "#333333"


class Step(NamedTuple):
    """One operation of a block.

    Attributes
    ----------
    kind : {"convolution", "batch norm", "addition", "relu"}
        What it is.
    name : str
        Of the layer or the BatchNorm in the module.
    n_in, n_out : int
        Channels before and after it.
    kernel : int
        Its size; this and what follows belong to convolutions and are 0 or None else.
    n_weights : int
        Weights that are there.
    n_dense : int
        Weights that would be there without the mask.
    mask : ndarray of bool, shape (n_out, n_in, kernel, kernel), or None
        True where the weight exists.

    """

    kind: str  # "convolution", "batch norm", "addition" or "relu"
    name: str  # of the layer or the BatchNorm in the module
    n_in: int
    n_out: int
    kernel: int = 0
    n_weights: int = 0
    n_dense: int = 0
    mask: np.ndarray | None = None


def block_steps(model: ResNet, block: str) -> list[Step]:
    """What a network does in one block, in the order in which it does it.

    The weights and the running averages of BatchNorm stay as they are.

    Parameters
    ----------
    model : lib.models.resnet.ResNet
        The network.
    block : str
        Such as "stage3_block2".

    Returns
    -------
    list of Step

    Raises
    ------
    ValueError
        For a block that is not in the network, or has a convolution on its shortcut, which is not
        one of the steps in a row.

    """
    plain = sorted({name.rsplit("_conv", 1)[0] for name in model.norms if "_conv" in name}
                   - {name.removesuffix("_shortcut") for name in model.norms})
    if block not in plain:
        raise ValueError(f"expected a block whose shortcut has no convolution, one of {', '.join(plain)}, "
                         f"got {block!r}; try block={plain[-1]!r}")
    recorder, training = _Recorder(), model.training
    named = [*model.layers.items(), *model.norms.items()]
    hooks = [module.register_forward_pre_hook(lambda _, inputs, name=name: recorder.enter(name))
             for name, module in named]
    weight = model.layers["linear"].weight
    try:
        with torch.no_grad(), recorder:  # 33 pixels are enough for either stem
            model.eval()(torch.zeros(1, 3, 33, 33, dtype=weight.dtype, device=weight.device))
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()

    first = next(index for index, (_, name, *_) in enumerate(recorder.seen) if name.startswith(f"{block}_"))
    added = next(index for index, (kind, *_) in enumerate(recorder.seen) if index > first and kind == "addition")
    steps = []
    for kind, name, n_in, n_out in recorder.seen[first:added + 2]:  # a block ends with the ReLU of its sum
        if kind != "convolution":
            steps.append(Step(kind, name if kind == "batch norm" else "", n_in, n_out))
            continue
        layer = model.layers[name]
        mask = None if layer.mask is None else layer.mask.cpu().numpy().copy()
        n_dense = layer.weight.numel()
        steps.append(Step(kind, name, n_in, n_out, layer.weight.shape[-1],
                          n_dense if mask is None else int(mask.sum()), n_dense, mask))
    return steps


def draw_blocks(ax: Axes, blocks: Mapping[str, Sequence[Step]], notes: Mapping[str, str] | None = None) -> None:
    """Draw blocks below each other, to one scale: heights are channels (Fig. 3.2).

    Activations are dark bars, the weights between them polygons; where a mask takes some away,
    squares show an excerpt of that mask. Stripes are BatchNorm and ReLU, the line above is the
    shortcut. One unit of the axes is an inch at a width of `plotting.TEXT_WIDTH`; the axes are
    switched off.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw, alone in a figure.
    blocks : dict of str to sequence of Step
        Steps of each, by its title, in the order from top to bottom.
    notes : dict of str to str, optional
        By title, a line to the right of it.

    Raises
    ------
    ValueError
        For no blocks, steps that do not go on where the last ended, or a note without a block.

    """
    if not blocks or any(not steps or any(one.n_out != next_one.n_in for one, next_one in zip(steps, steps[1:]))
                         for steps in blocks.values()):
        raise ValueError(f"expected blocks whose steps each take what the one before gives, got {list(blocks)}; "
                         'try block_steps(model, "stage3_block2")')
    if set(notes or {}) - set(blocks):
        raise ValueError(f"expected notes on {list(blocks)}, got {list(notes)}; try the same titles")
    scale = 0.78 / max(max(step.n_in, step.n_out) for steps in blocks.values() for step in steps)
    top = 0.0
    for title, steps in blocks.items():
        ax.text(0.0, top - 0.12, title, fontsize=11.5, fontweight="bold", va="center")
        ax.text(plotting.TEXT_WIDTH, top - 0.12, (notes or {}).get(title, ""), fontsize=11, va="center", ha="right",
                color=plotting.GREY)
        tallest = scale * max(max(step.n_in, step.n_out) for step in steps)
        _draw_block(ax, steps, top - 0.68 - tallest / 2, tallest / 2, scale)
        top -= tallest + 1.08
    handles = [Patch(facecolor=_INK), Patch(facecolor=plotting.BLUE), _batch_norm((0, 0), 1, 1),
               Patch(facecolor=plotting.VERMILION)]
    ax.legend(handles, ["channels", "weights", "BatchNorm", "ReLU"], loc="upper center", ncols=4, fontsize=11,
              bbox_to_anchor=(plotting.TEXT_WIDTH / 2, top + 0.04), bbox_transform=ax.transData, borderaxespad=0,
              handlelength=1.1, handleheight=1.0, columnspacing=2.2)
    ax.set_xlim(-0.12, plotting.TEXT_WIDTH)
    ax.set_ylim(top - 0.27, 0.02)
    ax.set_aspect("equal")
    ax.set_axis_off()


def ways(starts: Mapping[str, Architecture], nets: Mapping[str, ResNet], block: str) -> tuple[Figure, pd.DataFrame]:
    """One block of a base and of networks that are widened in several ways (Fig. 3.2).

    Parameters
    ----------
    starts : mapping of str to Architecture
        What is widened, by the title of the way.
    nets : mapping of str to ResNet
        "Base", and the widened networks by title.
    block : str
        As in `block_steps`.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        net, and the fields of `Step` but the mask.

    """
    figure, (axes,) = plotting.new_figure(height=6.8)
    steps = {title: block_steps(net, block) for title, net in nets.items()}
    notes = {"Base": f"{nets['Base'].n_weights:,} weights"}
    notes |= {title: f"{n_weights(start):,} → {nets[title].n_weights:,}" for title, start in starts.items()}
    draw_blocks(axes, steps, notes)
    rows = [(title, *step) for title in steps for step in steps[title]]
    return figure, pd.DataFrame(rows, columns=["net", *Step._fields]).drop(columns="mask")


class _Recorder(TorchFunctionMode):
    """Lists torch's calls of the kinds that matter: kind, name of the module that was entered last, channels."""

    def __init__(self):
        super().__init__()
        self.seen, self.name = [], ""

    def enter(self, name: str) -> None:
        self.name = name

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        kind = _KINDS.get(getattr(function, "__name__", ""))
        if kind:
            self.seen.append((kind, self.name, args[0].shape[1], result.shape[1]))
        return result


def _draw_block(ax: Axes, steps: Sequence[Step], middle: float, half: float, scale: float) -> None:
    """The steps from left to right, centred on the height `middle`; `half` is half the height of the tallest bar."""
    source, x, wire = 0.06, 0.34, {"color": _INK, "linewidth": 1.2, "marker": "", "zorder": 1}
    ax.plot([-0.1, x], [middle, middle], **wire)
    ax.plot([source], [middle], marker="o", markersize=4.5, color=_INK, zorder=1)
    _draw_channels(ax, x, middle, steps[0].n_in, scale, label=True)
    for place, step in enumerate(steps):
        if step.kind == "convolution":
            # The convolutions up to the next BatchNorm share one width, so that blocks line up; 1x1 takes less.
            group = _neighbours(steps, place)
            share = (1.5 if step.kernel > 1 else 1.0) / sum(1.5 if other.kernel > 1 else 1.0 for other in group)
            end = x + _CONVOLUTION * share
            _draw_weights(ax, x, end, middle, step, scale)
            label = f"{step.kernel}×{step.kernel}: {step.n_weights:,}"
            if step.mask is not None:
                label += f" of {step.n_dense:,}"
            ax.text((x + end) / 2, middle - half - 0.18, label, fontsize=11, ha="center", va="center")
            x = end
            _draw_channels(ax, x, middle, step.n_out, scale, label=True)
        elif step.kind == "addition":
            x += _GAP + 0.1
            height, radius = middle + half + 0.27, 0.1
            ax.plot([source, source, x], [middle, height, height], **wire)
            ax.add_patch(FancyArrowPatch((x, height), (x, middle + radius), arrowstyle="-|>", mutation_scale=10,
                                         color=_INK, linewidth=1.2, shrinkA=0, shrinkB=0))
            ax.add_patch(Circle((x, middle), radius, facecolor="white", edgecolor=_INK, linewidth=1.2, zorder=5))
            ax.plot([x - 0.055, x + 0.055], [middle, middle], **wire | {"zorder": 6})
            ax.plot([x, x], [middle - 0.055, middle + 0.055], **wire | {"zorder": 6})
            x += 0.1
        else:
            x += _GAP
            size = step.n_out * scale
            corner = (x, middle - size / 2)
            ax.add_patch(_batch_norm(corner, _STRIPE, size) if step.kind == "batch norm" else
                         Rectangle(corner, _STRIPE, size, facecolor=plotting.VERMILION, edgecolor="none"))
            x += _STRIPE
            if step.kind == "relu":
                x += _GAP
                _draw_channels(ax, x, middle, step.n_out, scale)
    ax.plot([x, x + 0.3], [middle, middle], **wire)


def _neighbours(steps: Sequence[Step], place: int) -> list[Step]:
    """The convolutions that follow each other without anything between them, that at `place` among them."""
    first = last = place
    while first > 0 and steps[first - 1].kind == "convolution":
        first -= 1
    while last + 1 < len(steps) and steps[last + 1].kind == "convolution":
        last += 1
    return list(steps[first:last + 1])


def _draw_channels(ax: Axes, x: float, middle: float, n_channels: int, scale: float, label: bool = False) -> None:
    size = n_channels * scale
    ax.add_patch(Rectangle((x - 0.03, middle - size / 2), 0.06, size, facecolor=_INK, edgecolor="none", zorder=4))
    if label:
        ax.text(x, middle + size / 2 + 0.04, str(n_channels), fontsize=11, ha="center", va="bottom", zorder=4)


def _draw_weights(ax: Axes, start: float, end: float, middle: float, step: Step, scale: float) -> None:
    left, right = step.n_in * scale / 2, step.n_out * scale / 2
    corners = [(start, middle - left), (start, middle + left), (end, middle + right), (end, middle - right)]
    colour = plotting.BLUE if step.kernel > 1 else plotting.SKY
    if step.mask is None:
        ax.add_patch(Polygon(corners, facecolor=colour, edgecolor="none", zorder=2))
        return
    start, end = start + 0.03, end - 0.03  # not under the bars
    # The middle weight of the kernels between the first channels: rows are inputs, columns outputs.
    n_rows = min(step.n_in, 14)
    n_columns = min(step.n_out, round(n_rows * (end - start) / (left + right)))
    there = step.mask[:n_columns, :n_rows, step.kernel // 2, step.kernel // 2].T
    width, height = (end - start) / n_columns, (left + right) / n_rows
    for row, column in np.argwhere(there):
        ax.add_patch(Rectangle((start + column * width, middle + left - (row + 1) * height), width, height,
                               facecolor=colour, edgecolor="white", linewidth=0.4, zorder=2))
    ax.add_patch(Polygon(corners, facecolor="none", edgecolor=colour, linewidth=1.0, zorder=3))


def _batch_norm(corner: tuple[float, float], width: float, height: float) -> Rectangle:
    return Rectangle(corner, width, height, facecolor="white", edgecolor=plotting.GREY, linewidth=1.0, hatch="////")
