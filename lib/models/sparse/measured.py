"""What was measured of sparse layers: how much faster than dense ones, from which density on, goals (chapter 3.6).

Measurements are rows of a run of `make bench ONLY=sparse`; that with the key `layers` has single ones, with seconds for
a training step of the dense layer of torch, and by density for the native one in its layout and inside torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib.models.sparse import choice

if TYPE_CHECKING:
    import pandas as pd  # of the book

#: How the names of everything begin that a whole run measures.
WANTED = ("linear layer", "3x3 convolution", "four 3x3 convolutions", "perceptron step", "ResNet-18 step",
          "peak memory")
#: How the names of single layers and chains begin.
SINGLE = ("linear", "3x3", "four")


def speeds(layers: pd.DataFrame) -> pd.DataFrame:
    """How many times less time native layers take than dense ones.

    Parameters
    ----------
    layers : pandas.DataFrame
        A row a layer that was measured.

    Returns
    -------
    pandas.DataFrame
        A row a density: also name (of the layer), layout and torch (dense time over native time), gflops, gbytes.

    """
    name = (layers.kernel.map("{0}x{0}".format) + layers.stride.map({1: "", 2: ", stride 2"}) + ", "
            + layers.n_in.map("{} to ".format) + layers.n_out.map("{} channels".format)
            + layers.out_size.map(", {0}x{0}".format))
    by_density = ["densities", "seconds_layout", "seconds_torch", "gflops", "gbytes"]
    rows = layers.assign(name=name).explode(by_density)
    rows = rows.astype({"densities": float, "gflops": float, "gbytes": float})
    return rows.assign(layout=rows.seconds_dense / rows.seconds_layout.astype(float),
                       torch=rows.seconds_dense / rows.seconds_torch.astype(float))


def crossovers(layers: pd.DataFrame) -> pd.DataFrame:
    """From which density down native layers pay.

    Parameters
    ----------
    layers : pandas.DataFrame
        A row a layer that was measured.

    Returns
    -------
    pandas.DataFrame
        Its shape, dense (ms), and the crossovers of the table of `lib.models.sparse.choice` in the layout and in torch.

    """
    places = ["kernel", "stride", "n_in", "n_out", "out_size", "images"]
    table = layers[places].rename(columns={"out_size": "pixels", "n_in": "in", "n_out": "out"})
    table["dense (ms)"] = 1000 * layers.seconds_dense
    for inside, title in ((False, "in the layout"), (True, "in torch")):
        table[title] = [choice.crossover((row.n_out, row.n_in, row.kernel, row.kernel), row.stride, row.out_size,
                                                in_torch=inside) for row in layers.itertuples()]
    return table


def choice_loss(layers: Sequence[Mapping], crossover: Sequence[float]) -> float:
    """What the choice by a crossover costs at worst, against the best of dense, native and CSR.

    Parameters
    ----------
    layers : sequence of mapping
        densities, seconds_torch, seconds_dense and, where it was measured, seconds_csr.
    crossover : sequence of float
        Of each layer.

    Returns
    -------
    float
        The largest time over the smallest one, less one.

    """
    losses = []
    for row, below in zip(layers, crossover, strict=True):
        dense = row["seconds_dense"]
        for density, native, csr in zip(row["densities"], row["seconds_torch"],
                                        row.get("seconds_csr", row["seconds_torch"])):
            losses.append((native if density < below else dense) / min(native, dense, csr))
    return max(losses) - 1


def goals(bench: Sequence[Mapping]) -> pd.DataFrame:
    """The ratios for which there is a goal, how far they miss it, and the speed as a part of what the machine can do.

    Parameters
    ----------
    bench : sequence of mapping
        All rows of a run.

    Returns
    -------
    pandas.DataFrame
        machine, name, peer, ratio, goal, threads, gflops, of peak, gflops, gbytes, of peak, gbytes, missed by.

    """
    import pandas as pd

    peaks = {row["machine"]: row["peaks"] for row in bench if "peaks" in row}
    rows = [row for row in bench if row.get("group") == "sparse" and "earlier" not in row and row["goal"] is not None]
    table = pd.DataFrame(rows)[["machine", "name", "peer", "ratio", "goal", "threads"]]
    for column, peak in (("gflops", "gflops_cache"), ("gbytes", "gbytes")):
        table[column] = [row.get(column) for row in rows]
        highest = np.array([peaks.get(row["machine"], {}).get(peak, np.nan) for row in rows])
        table[f"of peak, {column}"] = table[column].astype(float) / table.threads / highest
    table["missed by"] = (1 - table.ratio / table.goal).clip(lower=0.0)
    return table.assign(machine=table.machine.str.replace(r", \d+ cores", "", regex=True))


def lacking(table: pd.DataFrame) -> list[str]:
    """What a run does not hold.

    Parameters
    ----------
    table : pandas.DataFrame
        Its `goals`.

    Returns
    -------
    list of str
        Of `WANTED`.

    """
    return [kind for kind in WANTED if not table.name.str.startswith(kind).any()]
