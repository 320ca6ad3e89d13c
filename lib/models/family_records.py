"""Records of families of widened networks, trained on two devices and by two budgets (chapter 3.4).

Tables are those of `families`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lib.models.families import curve, scatter, share, top

if TYPE_CHECKING:
    import pandas as pd  # of the book

Value = tuple[float | None, float | None]  # with its standard error


class Networks(NamedTuple):
    """The networks of two records.

    Attributes
    ----------
    nets : pandas.DataFrame
        All that were asked for, once each, and whether they are done.
    done : pandas.DataFrame
        Those that are, with accuracies in percent.
    twice : pandas.DataFrame
        Those that both records have, columns of the second with `_gpu` at their ends.

    """

    nets: pd.DataFrame
    done: pd.DataFrame
    twice: pd.DataFrame


def merged(native: pd.DataFrame, gpu: pd.DataFrame, settings: Sequence[str], accuracies: Sequence[str]) -> Networks:
    """One table of two records; of a network that both have, the first one counts if it is done.

    Parameters
    ----------
    native, gpu : pandas.DataFrame
        What the records hold, with a column state.
    settings : sequence of str
        The columns that make a network.
    accuracies : sequence of str
        Columns that are shares.

    Returns
    -------
    Networks

    """
    import pandas as pd

    nets = pd.concat([native, gpu]).assign(done=lambda rows: rows.state == "valid")
    nets = nets.iloc[np.argsort(~nets.done, kind="stable")].drop_duplicates(settings)
    done = nets[nets.done].astype({"seed": int, "epochs": int}).reset_index(drop=True)
    done[list(accuracies)] *= 100
    return Networks(nets, done, native.merge(gpu, on=list(settings), suffixes=("", "_gpu")))


class LongTraining(NamedTuple):
    """The family of base width 8 after a longer training; gains in points, factors as widths over the base's.

    Attributes
    ----------
    peak : float
        Factor of the best sparse network.
    gain, fall : tuple of float
        From the base to the best network, and from there to factor 16; with the error that the scatter between seeds
        of the shorter training makes.
    share_2, share_4 : tuple of float
        Of the dense gain at factors 2 and 4, with its error.
    trained, trained_wide, trained_dense : float or None
        Training accuracy: of the best sparse network, at factor 16, and of the dense one at 4.
    best, dense : float or None
        Test accuracy of the best sparse network, and of the dense one at factor 2.
    cheaper : float
        Computing of that dense network over that of the best sparse one.

    """

    peak: float
    gain: Value
    fall: Value
    share_2: Value
    share_4: Value
    trained: float | None
    trained_wide: float | None
    trained_dense: float | None
    best: float
    dense: float | None
    cheaper: float


#: Where the longer training was not run.
NOT_TRAINED = LongTraining(np.nan, *4 * [(None, None)], *6 * [None])


def long_training(longer: pd.DataFrame, shorter: pd.DataFrame, cost: Mapping) -> LongTraining:
    """What becomes of the family of base width 8 in 30 epochs at 32 x 32 pixels.

    Parameters
    ----------
    longer, shorter : pandas.DataFrame
        Networks of both trainings at one learning rate; the longer one may have one seed each.
    cost : mapping
        As `family_costs.costs` gives it.

    Returns
    -------
    LongTraining

    """
    tested, fitted = ({way: curve(longer, way, 8, column, (32, 30))["mean"] for way in ("sparse", "dense")}
                      for column in ("best", "best_train_accuracy"))
    sparse, dense, n_seeds = tested["sparse"], tested["dense"], longer.seed.nunique()
    plain, peak, sigma = sparse.get(1), sparse.idxmax(), scatter(shorter, "best")
    error = sigma * np.sqrt(2 / n_seeds)
    share_2, share_4 = (share(sparse[factor] - plain, dense[factor] - plain, sigma, n_seeds) for factor in (2, 4))
    return LongTraining(
        peak, (sparse.max() - plain, error), (sparse.max() - sparse.get(16, np.nan), error), share_2, share_4,
        fitted["sparse"].get(peak), fitted["sparse"].get(16), fitted["dense"].get(4), sparse.max(), dense.get(2),
        cost["dense", 8, 2, 32] / cost["sparse", 8, peak, 32])


def seeds_of(lines: Mapping[int, pd.DataFrame], *bases: int) -> str:
    """How many seeds families have, for the scale of a claim.

    Parameters
    ----------
    lines : mapping of int to pandas.DataFrame
        `families.curve` by base width.
    *bases : int
        Base widths; 0 seeds where there is no line.

    Returns
    -------
    str

    """
    counted = {base: int(lines[base]["count"].min()) if base in lines else 0 for base in bases}
    listed = ", ".join(f"{n} of base width {base}" for base, n in counted.items())
    return f"{listed}; error by the scatter of all families"


def ratio_of_tops(lines: Mapping[int, pd.DataFrame], bases: Sequence[int], sigma: float) -> Value | None:
    """The largest over the smallest connectivity at which families are best.

    Parameters
    ----------
    lines : mapping of int to pandas.DataFrame
        `families.curve` by base width.
    bases : sequence of int
        Those that are compared.
    sigma : float
        Standard deviation of one network between seeds.

    Returns
    -------
    ratio, error : float
        None where a family is missing, or best at an end of its line.

    """
    if not all(base in lines and 1 < lines[base]["mean"].idxmax() < lines[base].index[-1] for base in bases):
        return None
    (least, error_least), *_, (most, error_most) = sorted(top(lines[base], sigma) for base in bases)
    ratio = 4 ** (most - least)  # the connectivity falls with the square of the factor
    return ratio, ratio * np.log(4) * np.hypot(error_least, error_most)
