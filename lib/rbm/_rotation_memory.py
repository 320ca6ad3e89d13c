"""Which configurations sums in rotated bases go through, the table of all or lists, and their memory."""

from __future__ import annotations

import numpy as np

from lib.memory import require_memory
from lib.rbm._flat_parameters import n_units
from lib.rbm.complex_state import ComplexState
from lib.spins.bases import Measurements

MAX_TABLE_SPINS = 20  # beyond, a table of all configurations is larger than any list that is allowed
_LIMIT = 2**31


def n_configurations(measurements: Measurements) -> np.ndarray:
    """Configurations along z that each row leaves open, 2^(its turned spins).

    Parameters
    ----------
    measurements : Measurements
        Outcomes with their bases.

    Returns
    -------
    ndarray of float64, shape (n_samples,)
        One number a row.

    """
    return 2.0 ** measurements.rotated().sum(axis=1)


def list_bytes(state: ComplexState, count: float) -> int:
    """Memory of so many configurations in the kernels.

    Parameters
    ----------
    state : ComplexState or MixedState
        Gives the numbers of units.
    count : float
        How many configurations.

    Returns
    -------
    int
        Bytes.

    """
    return int(8 * count * (n_units(state) + state.amplitude.n_hidden + state.phase.n_hidden + 10))


def table_bytes(state: ComplexState) -> int:
    """Memory of the table of all configurations in the kernels, in bytes.

    Parameters
    ----------
    state : ComplexState
        Whose configurations.

    Returns
    -------
    int

    """
    return list_bytes(state, 2**n_units(state))


def choose_table(state: ComplexState, measurements: Measurements, *, exact: bool,
                 batch_size: int | None = None) -> bool:
    """Whether sums use the table of all configurations.

    Parameters
    ----------
    state : ComplexState or MixedState
        The state to sum over.
    measurements : Measurements
        Outcomes with their bases.
    exact : bool
        Whether the table is needed for ln Z.
    batch_size : int or None
        Rows that are summed together; None, the default, means all.

    Returns
    -------
    bool
        True for the table, False for lists of the configurations that rows leave open.

    Raises
    ------
    ValueError
        With the memory where they do not fit it; try bases that turn few spins at a time, and
        ``negative_phase="sampled"`` or a smaller batch.

    """
    counts = n_configurations(measurements)
    n_rows = len(counts) if batch_size is None else min(batch_size, len(counts))
    table = exact or state.n_ancillas > 0 or \
        state.n_spins <= MAX_TABLE_SPINS and 2**state.n_spins <= n_rows * counts.mean()
    if table:
        require_memory(table_bytes(state), f"the table of 2^{n_units(state)} configurations with their hidden units",
                       limit=_LIMIT, hint='negative_phase="sampled", and bases that turn few spins at a time')
    else:
        largest = int(np.argmax(counts))
        together = counts[largest] if batch_size is None else np.sort(counts)[-n_rows:].sum()
        what = f"row {largest} turns {int(np.log2(counts[largest]))} of {state.n_spins}"
        require_memory(list_bytes(state, together), f"{together:.4g} configurations of turned spins ({what})",
                       limit=_LIMIT, hint="bases that turn few spins at a time, or a smaller batch")
    return table
