"""How the book's figures look, how they are saved, and the few drawings that more than one chapter needs.

Every figure is drawn from a tidy table (a :class:`pandas.DataFrame`, one row an observation), so that the
numbers behind a curve can be downloaded beside it.  Three conventions hold everywhere:

* exact results are black lines, estimates are blue points with error bars, numbers taken from the thesis orange;
* colour never carries a meaning alone: line style, marker or a word always says the same thing;
* figures are drawn on white; the site gives them other colours in the dark (`book/_ext/companion_figures.py`).

Colours are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), told apart in all common forms of
colour blindness.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from lib.checks import as_array, as_floats

BLACK, BLUE, ORANGE, GREEN = "#000000", "#0072B2", "#E69F00", "#009E73"
VERMILION, PURPLE, SKY, GREY = "#D55E00", "#CC79A7", "#56B4E9", "#6B6B6B"

#: The order in which curves take their colours.
COLORS = [BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK]

EXACT, ESTIMATE, THESIS = BLACK, BLUE, ORANGE
POSITIVE, NEGATIVE = BLUE, VERMILION

#: Width of a figure that fills the text column, in inches.
TEXT_WIDTH = 7.2

#: Width of the variant of a figure for phones, of a drawing without axes, in inches, and the end of its name.
NARROW_WIDTH, NARROW_DRAWING, NARROW = 4.0, 5.2, ".narrow.svg"

STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#333333",
    "axes.grid": True,
    "axes.labelsize": 11,
    "axes.prop_cycle": mpl.cycler(color=COLORS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "errorbar.capsize": 2.5,
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",  # ships with matplotlib, so the files are the same on every machine
    "font.size": 10,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "savefig.dpi": 200,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",  # letters as outlines: no font is needed to read the file
    "svg.hashsalt": "deep-quantum-companion",  # identifiers that do not change from run to run
}

# Without a date the same figure gives the same bytes.
_METADATA = {"Date": None}


def use_style() -> None:
    """Make :data:`STYLE` matplotlib's default in this process.

    In a notebook, figures are then shown as SVG and PNG.
    """
    mpl.rcParams.update(STYLE)
    try:
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:  # a plain Python process: nothing to show figures in
        return
    if get_ipython() is not None:
        set_matplotlib_formats("svg", "png", metadata=_METADATA)


def new_figure(n_columns: int = 1, *, height: float = 2.9, width: float = TEXT_WIDTH) -> tuple[Figure, list[Axes]]:
    """A row of panels.

    Parameters
    ----------
    n_columns : int, >= 1
        Panels, 1 by default.
    height, width : float, inches
        Of the whole figure, 2.9 and 7.2 by default.

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : list of matplotlib.axes.Axes
        A list also of one.

    Raises
    ------
    ValueError
        For less than one panel.

    """
    if n_columns < 1:
        raise ValueError(f"expected at least one panel, got n_columns={n_columns}; try n_columns=1")
    fig, axes = plt.subplots(1, n_columns, figsize=(width, height), squeeze=False)
    return fig, list(axes[0])


def save_figure(fig: Figure, name: str, table: pd.DataFrame, *, directory: str | Path = "figures") -> None:
    """Save ``name.svg``, ``name.png`` and the numbers behind the figure as ``name.csv``.

    Where its panels cannot be put below each other on a narrow screen, since there is one column of them or they share
    their numbers, ``name.narrow.svg`` is the figure drawn anew in the width of a phone.
    The figure stays open, laid out as it is saved: a notebook shows it at the end of the cell, with
    the caption of the cell's metadata.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        Drawn from ``table``.
    name : str
        Lower-case letters, digits, dots and hyphens, such as ``"fig5.1-training"``.
    table : pandas.DataFrame
        Tidy; one row an observation, one column a variable.
    directory : str or Path
        Created if missing; the pipeline collects ``figures``, the default, from a chapter's run
        directory.

    Raises
    ------
    ValueError
        For an unsuitable name, an empty table, two columns of one name, or an index that the CSV
        would lose.

    """
    if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", name):
        raise ValueError(f"expected a name of lower-case letters, digits, dots and hyphens, got {name!r}; "
                         "try 'fig5.1-training'")
    if table.empty:
        raise ValueError(f"expected the numbers behind {name!r}, got an empty table; try the table it is drawn from")
    if not table.columns.is_unique:
        raise ValueError(f"expected distinct column names in the table of {name!r}, got {list(table.columns)}; "
                         "try renaming them")
    if any(level is not None for level in table.index.names):
        raise ValueError(f"expected every variable of {name!r} in a column, got the index {table.index.names}; "
                         "try table.reset_index()")
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({key: STYLE[key] for key in ("svg.hashsalt", "svg.fonttype")}):
        if _stays_whole(fig):
            _save_narrow(fig, folder / f"{name}{NARROW}")
        fig.savefig(folder / f"{name}.svg", metadata=_METADATA)
    fig.set_layout_engine("none")  # it is laid out now, which takes as long as to draw it
    fig.savefig(folder / f"{name}.png", dpi=STYLE["savefig.dpi"], metadata=_METADATA)
    table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def set_ticks(ax: Axes, values: Sequence[float], fmt: str = "{}") -> None:
    """Ticks of the horizontal axis at some values, each with its number, and no others.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Logarithmic, or not.
    values : sequence of float
        Where.
    fmt : str
        A format of `str.format` for the numbers, "{}" by default.

    """
    ax.set_xticks(values, [fmt.format(value) for value in values])
    ax.minorticks_off()


def _panels(fig: Figure) -> list[Axes]:
    return [ax for ax in fig.axes if ax.get_subplotspec() is not None and ax.get_label() != "<colorbar>"]


def _unlabelled(ax: Axes) -> bool:
    """Whether a panel leaves the numbers beside it to the one on its left."""
    shown = ax.yaxis.get_tick_params()
    shows = shown.get("labelleft", True) or shown.get("labelright", False)
    return ax.get_subplotspec().colspan.start > 0 and not shows


def _stays_whole(fig: Figure) -> bool:
    """Whether panels stand in one column, are as wide as several others, or leave their numbers to a neighbour."""
    spans = [ax.get_subplotspec().colspan for ax in _panels(fig)]
    return len({*spans}) == 1 or any(len(span) > 1 for span in spans) or any(map(_unlabelled, _panels(fig)))


def _save_narrow(fig: Figure, path: Path) -> None:
    """Save a figure at the width of a phone, letters as large as else and panels about as wide, and leave it as it was.

    Columns that are too many follow below the others.  Drawings, whose letters have places among lines, take more of
    the width that keeps them legible.
    """
    size, legends, panels = fig.get_size_inches(), fig.legends[:], _panels(fig)
    places, unlabelled = [ax.get_subplotspec() for ax in panels], [ax for ax in panels if _unlabelled(ax)]
    width = min(size[0], NARROW_WIDTH if any(ax.axison for ax in panels) else NARROW_DRAWING)
    grid, height, named = places[0].get_gridspec(), size[1], []
    if grid.ncols > 1 and all(place.get_gridspec() is grid for place in places):
        columns = max(1, int(grid.ncols * width / size[0]))
        ratios = grid.get_height_ratios() if grid.get_height_ratios() is not None else [1] * grid.nrows
        at = [(place.colspan.start // columns, place.rowspan.start) for place in places]
        rows = sorted({*at})
        heights = [ratios[row] for _, row in rows]
        height *= sum(heights) / sum(ratios)
        narrow = GridSpec(len(rows), columns, figure=fig, height_ratios=heights)
        for ax, place, where in zip(panels, places, at, strict=True):
            column = place.colspan.start % columns
            ax.set_subplotspec(narrow[rows.index(where), column if len(place.colspan) == 1 else slice(None)])
            if ax in unlabelled and column == 0:
                ax.tick_params(axis="y", labelleft=True)
                left = next(other for other, its in zip(panels, places) if its.rowspan == place.rowspan)
                if not ax.get_ylabel():
                    named.append(ax)
                    ax.set_ylabel(left.get_ylabel())
    fig.set_size_inches(width, height)
    fig.legends.clear()
    for legend in legends:
        labels, points = [text.get_text() for text in legend.texts], legend.texts[0].get_fontsize()
        fig.legend(legend.legend_handles, labels, title=legend.get_title().get_text(), fontsize=points,
                   loc="outside lower center", ncols=2 if points * max(map(len, labels)) < 180 else 1)
    fig.savefig(path, metadata=_METADATA, bbox_inches="tight")
    for ax, place in zip(panels, places, strict=True):
        ax.set_subplotspec(place)
    for ax in unlabelled:
        ax.tick_params(axis="y", labelleft=False)
    for ax in named:
        ax.set_ylabel("")
    fig.legends[:] = legends
    fig.set_size_inches(size)


def draw_comparison(ax: Axes, table: pd.DataFrame, *, x: str, exact: str, estimate: str, error: str | None = None,
                    exact_label: str = "exact", estimate_label: str = "from the machine") -> None:
    """Draw an exact result as a black line and estimates of it as blue points with error bars.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    table : pandas.DataFrame
        One row a point; rows without an exact value (NaN) leave the line out, not the point.
    x, exact, estimate : str
        Names of its columns.
    error : str or None
        The column of one standard error; None, the default, draws no bars.
    exact_label, estimate_label : str
        Words for the legend, which the caller draws.

    Raises
    ------
    ValueError
        When a column is missing or an error bar is negative.

    """
    wanted = [column for column in (x, exact, estimate, error) if column is not None]
    missing = [column for column in wanted if column not in table.columns]
    if missing:
        raise ValueError(f"expected the columns {wanted}, got {list(table.columns)}; try adding {missing}")
    if error is not None and (table[error] < 0).any():
        raise ValueError(f"expected standard errors of at least 0 in {error!r}, got {table[error].min()}; "
                         "try a standard error, not a difference")
    rows = table.sort_values(x)
    line = rows.dropna(subset=[exact])
    ax.plot(line[x], line[exact], color=EXACT, marker="", zorder=2, label=exact_label)
    ax.errorbar(rows[x], rows[estimate], yerr=None if error is None else rows[error], fmt="o", color=ESTIMATE,
                markerfacecolor="white", markeredgewidth=1.4, zorder=3, label=estimate_label)


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
    ax.text(x_hidden[0] - 0.7, height, "hidden", ha="right", va="center", color=GREY)
    ax.text(x_visible[0] - 0.7, 0.0, "visible", ha="right", va="center", color=GREY)
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
        letter, colour = ("v", BLUE) if t % 2 == 0 else ("h", VERMILION)
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
    return {"color": POSITIVE, "linestyle": "-"} if value > 0 else {"color": NEGATIVE, "linestyle": (0, (2.4, 1.1))}


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
