"""Samples of simulators: PennyLane, QuTiP, TeNPy, quimb, NetKet; tables without a maker."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lib.checks import as_array, as_plain
from lib.spins.measurements.checking import check_shots, mapping, member, short, table, wrong
from lib.spins.measurements.counts import counted, is_list_of_strings, meaning, require_order
from lib.spins.measurements.shots import GATES, LIMIT, VALUES_PLUS, Shots

WIRES = f"{GATES}; columns in the order of the wires that were measured"
LETTERS = np.array(["X", "Y", "Z"])


def numbered(bits: np.ndarray, convention: str, source: str, shots: int | None, **others) -> Shots:
    """Shots whose sites have numbers for names.

    Parameters
    ----------
    bits : ndarray of uint8, shape (n_shots, n_sites)
        Outcomes.
    convention : str
        What a 1 means.
    source : str
        Where it comes from, for the message.
    shots : int or None
        How many there must be, where that is known.
    **others : object
        Further fields of `Shots`.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        For another number of shots.

    """
    check_shots(len(bits), None, source, shots)
    return Shots(bits, tuple(map(str, range(bits.shape[1]))), convention, **others)


def from_values(rows: object, source: str, plus_bit: int) -> np.ndarray:
    """Eigenvalues -1 and +1 as bits.

    Parameters
    ----------
    rows : array_like of -1 and +1, shape (n_shots, n_sites)
        The values.
    source : str
        What messages call it.
    plus_bit : {0, 1}
        The bit that stands for +1.

    Returns
    -------
    ndarray of uint8, shape (n_shots, n_sites)

    Raises
    ------
    ValueError
        For other values and shapes.

    """
    values = as_array(rows, f"values in {source}", words="-1 and +1").astype(np.float64)
    values = values.reshape(-1, values.shape[-1]) if values.ndim > 2 else values
    if values.ndim != 2 or 0 in values.shape:
        raise wrong(source, "values (shots, sites)", f"shape {values.shape}", "one row a shot")
    bad = np.abs(values) != 1
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise wrong(source, "eigenvalues -1 and +1", f"{values[row, column]:g}",
                    'format="rows" for zeros and ones', f"row {row}, column {column} (counted from 0)")
    return ((values > 0) == plus_bit).astype(np.uint8)


def read_pennylane(document: object, source: str, *, limit: int = LIMIT, shots: int | None = None,
                   expand: bool = True, n_sites: int | None = None) -> Shots:
    """Samples of wires (0, 1) or of observables (+1, -1), shadows (bits and recipes), counts.

    Samples of observables have a row an observable as PennyLane returns them, and a row a shot in
    many tables; n_sites, the number of observables, tells which.

    Parameters
    ----------
    document : array_like, pair of arrays, or dict
        The samples; the bits and recipes of a shadow, 0, 1, 2 for X, Y, Z (bit 0 is the eigenvalue
        +1 along each); or counts.
    source : str
        What messages call it.
    limit, shots, expand, n_sites : optional
        As in `reading.read`.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for what is none of these.

    """
    if hasattr(document, "recipes"):
        document = {"bits": document.bits, "recipes": document.recipes}
    if isinstance(document, Mapping) and "recipes" in document:
        document = (member(document, "bits", source), document["recipes"])
    elif isinstance(document, Mapping) or is_list_of_strings(document):
        bits, weights = counted(document, source, shots=shots, expand=expand, limit=limit)
        return Shots(bits, tuple(map(str, range(bits.shape[1]))), WIRES, weights=weights)
    array = None if isinstance(document, tuple) else as_plain(document, source)
    if array is not None and array.ndim == 3 and array.shape[0] == 2 and array.dtype.kind == "i":
        document = (array[0], array[1])
    if isinstance(document, tuple):
        bits = table(document[0], f"{source}, bits")
        recipes = as_plain(document[1], f"{source}, recipes")
        if recipes.shape != bits.shape or recipes.dtype.kind not in "iu" or not np.isin(recipes, (0, 1, 2)).all():
            raise wrong(source, f"recipes 0, 1, 2 (X, Y, Z) of shape {bits.shape}", f"{recipes.dtype} {recipes.shape}",
                        "the recipes of the same shadow")
        return numbered(bits, WIRES, source, shots, bases=LETTERS[recipes])
    if array.dtype.kind == "f" or array.dtype.kind == "i" and (array < 0).any():
        return numbered(_observables(from_values(array, source, 0), n_sites, source), f"{WIRES}; from eigenvalues",
                        source, shots)
    return numbered(table(array, source, n_sites=n_sites), WIRES, source, shots)


def _observables(bits: np.ndarray, n_sites: object, source: str) -> np.ndarray:
    """A row a shot of what PennyLane returns with a row an observable."""
    if n_sites not in bits.shape:
        raise wrong(source, "n_sites=, the number of observables: samples of eigenvalues have a row an observable, or "
                    "a row a shot", f"n_sites={short(n_sites)} for shape {bits.shape}", f"n_sites={bits.shape[0]}, if "
                    "they are as PennyLane returned them")
    return np.ascontiguousarray(bits.T) if bits.shape[0] == n_sites else bits


def read_qutip(document: object, source: str, *, shots: int | None = None) -> Shots:
    """Outcomes of `measure_observable` of Pauli operators, a row a shot.

    Positions in the lists of `measurement_statistics` are refused: impossible outcomes are left out
    there, so that position 0 means another outcome for another state.

    Parameters
    ----------
    document : array_like of -1 and +1, shape (n_shots, n_sites)
        The outcomes.
    source : str
        What messages call it.
    shots : int, optional
        As in `reading.read`.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for other values.

    """
    return numbered(from_values(document, source, 0),
                    f"{GATES}; from eigenvalues (basis(2, 0) has +1); columns as measured", source, shots)


def _configurations(document: object, source: str) -> list:
    rows = []
    for place, pair in enumerate([document] if isinstance(document, tuple) else document):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not np.ndim(pair[0]) == 1 or np.ndim(pair[1]):
            raise wrong(source, "samples with their weights, (outcomes, weight)", short(pair),
                        "a list of what one call returned, a pair a shot", f"shot {place + 1}")
        rows.append(as_plain(pair[0], f"{source}, shot {place + 1}"))
    return rows


def read_tenpy(document: object, source: str, *, shots: int | None = None, one: str | None = None) -> Shots:
    """What `MPS.sample_measurements` returned; the weights (amplitudes) are left out.

    Parameters
    ----------
    document : list of pairs
        A pair a shot.
    source : str
        What messages call it.
    shots : int, optional
        As in `reading.read`.
    one : {"up", "down"}
        "up" where the local state 1 is up, as SpinHalfSite has it with conserve "Sz" or "parity",
        else "down".

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for what are no such pairs, and where one= is
        missing.

    """
    words, plus = meaning(one, source, "psi.sites[0].state_labels tells: one=\"up\" where 'up' is 1")
    rows = _configurations(document, source)
    return numbered(table(rows, source), f"{words}; column i is site i of the state", source, shots, plus=plus,
                    dropped={"weights": len(rows)})


def read_quimb(document: object, source: str, *, shots: int | None = None) -> Shots:
    """What `MatrixProductState.sample` gave; the probabilities are left out.

    Parameters
    ----------
    document : list of pairs
        Pairs of outcomes and probability.
    source : str
        What messages call it.
    shots : int, optional
        As in `reading.read`.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for what are no such pairs.

    """
    rows = _configurations(document, source)
    return numbered(table(rows, source), f"{GATES}; column i is site i of the state", source, shots,
                    dropped={"probabilities": len(rows)})


def read_netket(document: object, source: str, *, shots: int | None = None) -> Shots:
    """Samples of a sampler, or the outcomes of its reconstruction with their bases.

    Parameters
    ----------
    document : array_like of -1 and +1, shape (chains, samples, sites), or pair
        The samples, or the pair (outcomes, bases).
    source : str
        What messages call it.
    shots : int, optional
        As in `reading.read`.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for what is neither.

    """
    convention = "1 is the eigenvalue +1 (spin up along z); column i is site i"
    bases = None
    if isinstance(document, tuple):
        document, strings = document
        bases = letters(strings, source)
    bits = from_values(document, source, 1)
    if bases is not None and bases.shape != bits.shape:
        raise wrong(source, f"a basis of {bits.shape[1]} letters for each of {len(bits)} shots", f"{bases.shape}",
                    "the bases of the same data")
    return numbered(bits, convention, source, shots, plus=VALUES_PLUS, bases=bases)


def letters(strings: object, source: str) -> np.ndarray:
    """Bases as letters.

    Parameters
    ----------
    strings : list of str or of rows of letters
        Strings "XZZ" or rows of letters.
    source : str
        What messages call it.

    Returns
    -------
    ndarray of str, shape (n_shots, n_sites)

    Raises
    ------
    ValueError
        For other letters, lower-case ones too, for different lengths, and for none.

    """
    rows = [list(row) if isinstance(row, str) else [str(letter) for letter in row] for row in strings]
    for place, row in enumerate(rows):
        bad = [letter for letter in row if letter not in ("X", "Y", "Z")]
        if bad or len(row) != len(rows[0]):
            raise wrong(source, f"bases of {len(rows[0])} letters X, Y, Z", short("".join(row)),
                        "upper-case letters: NetKet itself takes others for Z", f"row {place}")
    if not rows:
        raise wrong(source, "at least one basis", "none", "the bases of the same data")
    return np.array(rows)


def read_rows(document: object, source: str, *, n_sites: int | None = None, shots: int | None = None,
              order: object = None, one: str | None = None) -> Shots:
    """A table of zeros and ones that no package marked.

    Parameters
    ----------
    document : array_like of 0 and 1, shape (n_shots, n_sites)
        The table.
    source : str
        What messages call it.
    n_sites, shots, order, one : optional
        As in `reading.read`; the order and the meaning of 1 are the user's to say.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for what is no such table, and where order= or one=
        is missing.

    """
    require_order(order, source)
    words, plus = meaning(one, source, "as in chapter 5")
    if isinstance(document, Mapping):
        document = mapping(document, source, "a table")
    return numbered(table(document, source, n_sites=n_sites), f"{words}; columns as in the table", source, shots,
                    plus=plus)
