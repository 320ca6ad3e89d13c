"""The tables of page 6: numbers of searches and of records in, tables of text out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def span(numbers: Sequence[float]) -> str:
    """One number, or the smallest to the largest, as text.

    Parameters
    ----------
    numbers : sequence of float
        At least one.

    Returns
    -------
    str

    """
    return " to ".join(map(str, sorted({min(numbers), max(numbers)})))


def bonds_table(needed: pd.DataFrame) -> pd.DataFrame:
    """Bond dimensions over all lengths, those of uniform states in brackets, by field and error.

    Parameters
    ----------
    needed : pandas.DataFrame
        Of `lib.spins.mps_variational.needed`.

    Returns
    -------
    pandas.DataFrame
        Text.

    """
    bonds = needed.groupby(["field", "eps"])[["bond", "uniform bond"]].agg(span)
    bonds = (bonds.bond + " (" + bonds["uniform bond"] + ")").unstack()
    return bonds.rename_axis(index="h/J", columns="error of the energy at most").rename(columns="{:g}".format)


def samples_table(needed: pd.DataFrame, laws: Mapping[str, Mapping[float, tuple]],
                  text: Callable[..., str]) -> pd.DataFrame:
    """Exponents of measurements against the length, and measurements for each weight, by hidden units a spin.

    Parameters
    ----------
    needed : pandas.DataFrame
        Of `learning_thresholds.measurements_table`.
    laws : mapping of str to mapping
        "half" and "printed" -> hidden units a spin -> an exponent with its error, None where there is none.
    text : callable
        From a value, its error and a format to text.

    Returns
    -------
    pandas.DataFrame
        Text; empty where a record does not hold it.

    """
    import pandas as pd

    rows = {}
    for ratio, table in needed.groupby("ratio"):
        exponents = [laws[kind][ratio] for kind in ("half", "printed")]
        good = table[np.isfinite(table.weight)]
        ends = [f"{text(one.weight, one.weight_error, '.0f')} (N = {one.n_spins})" for one in good.itertuples()]
        rows[f"{ratio:g}"] = [*(text(*one, ".2f") if one[0] is not None else "" for one in exponents),
                              *(ends[:1] + ends[-1:] if len(ends) > 1 else ["", ""])]
    columns = ("exponent, half of the machines", "exponent, mean first number", "for each weight, shortest", "longest")
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("hidden units a spin")
