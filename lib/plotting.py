"""How the book's figures look, how they are saved, and the comparison that more than one chapter draws.

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
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

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


def save_figure(fig: Figure | tuple[Figure, pd.DataFrame], name: str, table: pd.DataFrame | None = None, *,
                directory: str | Path = "figures") -> None:
    """Save ``name.svg``, ``name.png`` and the numbers behind the figure as ``name.csv``.

    Where its panels cannot be put below each other on a narrow screen, since there is one column of them or they share
    their numbers, ``name.narrow.svg`` is the figure drawn anew in the width of a phone.
    The figure stays open, laid out as it is saved: a notebook shows it at the end of the cell, with
    the caption of the cell's metadata.

    Parameters
    ----------
    fig : matplotlib.figure.Figure, or tuple of Figure and pandas.DataFrame
        Drawn from ``table``, or both, as functions of :mod:`lib.figures` return them.
    name : str
        Lower-case letters, digits, dots and hyphens, such as ``"fig5.1-training"``.
    table : pandas.DataFrame, optional
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
    fig, table = (fig, table) if table is not None else fig
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
