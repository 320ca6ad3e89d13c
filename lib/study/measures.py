"""Numbers that are a function of the table behind a figure, so that anyone can compute them again from the CSV.

A page asks for one by :func:`from_table` and settles a claim with it; `make verify` does the same with the stored file
and names every claim whose value is another (:mod:`lib.pipeline.verify`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lib.study.stored import Stored

if TYPE_CHECKING:  # the driver imports this, too, and has to be quick
    import pandas as pd


def is_number(value: object) -> bool:
    """Whether a value of JSON is a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def only(rows: pd.DataFrame, column: str) -> float:
    """The value of a column in the one row there is."""
    if len(rows) != 1:
        raise ValueError(f"expected one row, got {len(rows)}; try more conditions in where=")
    return rows[column].iloc[0]


def smallest(rows: pd.DataFrame, column: str) -> float:
    """The smallest value of a column."""
    return rows[column].min()


def largest(rows: pd.DataFrame, column: str) -> float:
    """The largest value of a column."""
    return rows[column].max()


def mean(rows: pd.DataFrame, column: str) -> float:
    """The mean of a column."""
    return rows[column].mean()


def largest_size(rows: pd.DataFrame, column: str) -> float:
    """The largest absolute value of a column."""
    return rows[column].abs().max()


def largest_distance(rows: pd.DataFrame, one: str, other: str, error: str | None = None) -> float:
    """The largest distance between two columns, in units of a third one where it is given."""
    distance = (rows[one] - rows[other]).abs()
    return (distance if error is None else distance / rows[error].clip(lower=1e-12)).max()


def ratio(rows: pd.DataFrame, one: str, other: str) -> float:
    """One column over another in the one row there is."""
    return only(rows, one) / only(rows, other)


def exponent(rows: pd.DataFrame, x: str, y: str) -> float:
    """The power of `x` that `y` grows with: a straight line through the logarithms, of the root mean square at each."""
    import numpy as np

    squares = (rows[y] ** 2).groupby(rows[x]).mean()
    return np.polyfit(np.log(squares.index.to_numpy(float)), np.log(squares) / 2, 1)[0]


def largest_mean_distance(rows: pd.DataFrame, one: str, other: str, *by: str) -> float:
    """The largest absolute mean of the difference of two columns, over groups with the same values of `by`."""
    return (rows[one] - rows[other]).groupby([rows[name] for name in by]).mean().abs().max()


def smallest_median(rows: pd.DataFrame, column: str, *by: str) -> float:
    """The smallest median of a column over groups with the same values of `by`; rows without a value do not count."""
    return rows.dropna(subset=[column]).groupby(list(by))[column].median().min()


FUNCTIONS = {function.__name__: function
             for function in (only, smallest, largest, mean, largest_size, largest_distance, ratio, exponent,
                              largest_mean_distance, smallest_median)}


@dataclass(frozen=True)
class Table(Stored):
    """Where a number comes from: the figure, a function of this module, its columns, conditions on the rows."""

    figure: str
    function: str
    columns: list[str]
    where: dict[str, object]


@dataclass(frozen=True)
class FromTable:
    """A number, and where it comes from."""

    value: float
    source: Table


def from_table(figure: str, function: str, *columns: str, where: Mapping[str, object] | None = None,
               folder: str | Path = "figures") -> FromTable:
    """A number from the table of a figure that `save_figure` has saved.

    Parameters
    ----------
    figure
        The name of the figure, such as `fig-5-1-training`.
    function
        The name of a function of this module.
    columns
        Its columns.
    where
        Values that some columns have in the rows that count; all rows where it is left out.
    folder
        Where the figures are; in a chapter, where `save_figure` puts them.

    Raises
    ------
    ValueError
        For a figure, function or column that is not there, and rows that are not.
    """
    import pandas as pd

    where = {name: value.item() if hasattr(value, "item") else value for name, value in (where or {}).items()}
    if function not in FUNCTIONS:
        raise ValueError(f"expected a function among {', '.join(FUNCTIONS)}, got {function!r}")
    path = Path(folder) / f"{figure}.csv"
    if not path.exists():
        raise ValueError(f"expected the table of a figure that is saved already, got no {path}; try save_figure first")
    rows = pd.read_csv(path)
    if absent := [name for name in (*where, *columns) if name not in rows]:
        raise ValueError(f"expected columns of {figure}, got {', '.join(absent)}; try {', '.join(rows.columns)}")
    for name, value in where.items():
        rows = rows[rows[name] == value]
    if rows.empty:
        raise ValueError(f"expected rows of {figure} with {where}, got none")
    return FromTable(float(FUNCTIONS[function](rows, *columns)), Table(figure, function, list(columns), where))
