"""Tables of text: means over runs with their scatter, where there are any."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from lib.checks import as_floats

#: From a mean, a standard deviation and a format to text.
Text = Callable[[float, float, str], str]


def rounded(mean: float, spread: float, fmt: str) -> str:
    """A mean and a standard deviation in one format.

    Parameters
    ----------
    mean, spread : float
        The two.
    fmt : str
        A Python format.

    Returns
    -------
    str

    """
    return f"{mean:{fmt}} ± {spread:{fmt}}"


def spreads(values: Mapping[tuple[str, str], Sequence[float]], text: Text, fmt: str = ".0f") -> pd.DataFrame:
    """Means and standard deviations as text.

    Parameters
    ----------
    values : mapping of (str, str) to sequence of float
        By row and column the numbers of the single runs.
    text : callable
        From a mean, a standard deviation and a format to text.
    fmt : str
        A Python format, of whole numbers by default.

    Returns
    -------
    pandas.DataFrame
        "not run" for fewer than two numbers.

    """
    cells = {place: text(np.mean(found), np.std(found, ddof=1), fmt) if len(found) > 1 else "not run"
             for place, found in values.items()}
    return arranged(cells)


def styled(table: pd.DataFrame, precision: int = 2, missing: str = "–") -> Styler:
    """A table of numbers for a page, without its index.

    Parameters
    ----------
    table : pandas.DataFrame
        The table.
    precision : int, default 2
        Decimals.
    missing : str
        What stands for NaN.

    Returns
    -------
    pandas.io.formats.style.Styler
        With the class that the style sheet of the book knows.

    """
    return table.style.format(precision=precision, na_rep=missing).hide(axis="index").set_table_attributes(
        'class="dataframe"')


def arranged(cells: Mapping[tuple[str, str], object]) -> pd.DataFrame:
    """Cells as a table, rows and columns in the order in which they first come.

    Parameters
    ----------
    cells : mapping of (str, str)
        By row and column.

    Returns
    -------
    pandas.DataFrame

    """
    return pd.Series(cells).unstack(sort=False)


def where_reached(values: Sequence[float], text: Text, fmt: str = ".1f") -> str:
    """The same for one cell, over the runs that reach something, and in how many it is never reached.

    Parameters
    ----------
    values : sequence of float
        NaN where it is never reached.
    text : callable
        From a mean, a standard deviation and a format to text.
    fmt : str
        A Python format, of one decimal by default.

    Returns
    -------
    str
        "never" where no run reaches it, "not run" without runs; a single one has no scatter.

    """
    values = as_floats(values, "values")
    found = values[np.isfinite(values)]
    missing = len(values) - len(found)
    absent = f"; never in {missing} of {len(values)}" if missing else ""
    if len(found) > 1:
        return text(np.mean(found), np.std(found, ddof=1), fmt) + absent
    if len(found):
        return format(found[0], fmt) + absent
    return "never" if len(values) else "not run"
