"""What every reader gives: bits with their meaning, `Shots`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lib.checks import is_integer
from lib.conventions import PLUS_OUTCOME

MISSING = 255  # the value of a site without an atom; `check_bits` refuses it, so that no training takes it for a bit
LIMIT = 2**31  # bytes that a file may take in memory, unless asked otherwise
# The bit that means the eigenvalue +1 along each axis.
GATES_PLUS = {"X": 0, "Y": 0, "Z": 0}  # packages of gates: outcome 0 is +1 along every axis
SPIN_PLUS = dict(PLUS_OUTCOME)  # chapter 5 and QuCumber
VALUES_PLUS = {"X": 1, "Y": 1, "Z": 1}  # bits made of eigenvalues as (value + 1) / 2
GATES = "1 is the outcome 1 of a gate circuit, the eigenvalue -1 (spin down along z)"
UP = "1 is spin up, the eigenvalue +1 along z"
RYDBERG = "1 is the Rydberg state, taken for spin up"


@dataclass(frozen=True, eq=False, repr=False)
class Shots:
    """Measurements as a file or an object held them.

    Attributes
    ----------
    bits : ndarray of uint8, shape (n_rows, n_sites)
        MISSING where there was no atom (with missing="keep" only).
    sites : tuple of str
        A name for every column.
    convention : str
        What plus says, in words, with the order of the columns.
    plus : dict of str to int
        The bit that means the eigenvalue +1 along each axis.
    bases : ndarray of str, shape (n_rows, n_sites), or None
        The letter X, Y or Z of every bit, or None where the source names none.
    format : str
        The name of the format.
    dropped : dict of str to int
        What was left out, with its number.
    source : str
        The file, or the type of the object.
    weights : ndarray of int64, shape (n_rows,), or None
        How often each row occurred, with expand=False; None where every row is one shot. Of the
        trainings `lib.rbm.readout.train` takes them.

    """

    bits: np.ndarray
    sites: tuple[str, ...]
    convention: str
    plus: Mapping[str, int] = field(default_factory=lambda: dict(GATES_PLUS))
    bases: np.ndarray | None = None
    format: str = ""
    dropped: Mapping[str, int] = field(default_factory=dict)
    source: str = ""
    weights: np.ndarray | None = None

    def __repr__(self) -> str:
        return f"Shots({self.n_shots} of {self.n_sites} sites, {self.format}, from {self.source})"

    def __str__(self) -> str:
        lines = [f"{self.n_shots:,} shots of {self.n_sites} sites ({self.format}) from {self.source}",
                 f"columns: {', '.join(self.sites[:12])}{', ...' if self.n_sites > 12 else ''}",
                 f"convention: {self.convention}"]
        if self.bases is not None:
            lines.append(f"bases: {len(np.unique(self.bases, axis=0)):,} different")
        lines += [f"left out: {count:,} {what}" for what, count in self.dropped.items()]
        return "\n".join(lines)

    @property
    def n_shots(self) -> int:
        """Shots, each as often as it was counted."""
        return len(self.bits) if self.weights is None else int(self.weights.sum())

    @property
    def n_sites(self) -> int:
        """Sites of a shot."""
        return self.bits.shape[1]

    def flipped(self) -> Shots:
        """0 and 1 exchanged, missing sites left missing.

        Returns
        -------
        Shots

        """
        bits = np.where(self.bits == MISSING, MISSING, self.bits ^ 1).astype(np.uint8)
        return replace(self, bits=bits, plus={axis: 1 - bit for axis, bit in self.plus.items()},
                       convention=f"0 and 1 exchanged, before which {self.convention}")

    def ordered(self, order: str | Sequence[int | str]) -> Shots:
        """Other columns.

        Parameters
        ----------
        order : {"kept", "reverse"} or list of int or str
            The wanted columns by number (from 0) or by name, in a list.

        Returns
        -------
        Shots

        Raises
        ------
        ValueError
            As of `columns`.

        """
        places = columns(order, self.sites)
        left = self.n_sites - len(places)
        return replace(self, bits=np.ascontiguousarray(self.bits[:, places]),
                       sites=tuple(self.sites[place] for place in places),
                       bases=None if self.bases is None else np.ascontiguousarray(self.bases[:, places]),
                       convention=f"{self.convention}; columns then chosen by order={order!r}",
                       dropped={**self.dropped, **({"columns not asked for": left} if left else {})})

    def turned(self) -> np.ndarray:
        """Where `lib.conventions` has the opposite bit, before rows are repeated.

        Bits whose basis the source does not name are taken for measurements along z.

        Returns
        -------
        ndarray of bool, shape (n_rows, n_sites)

        """
        turn = np.zeros(self.bits.shape, dtype=bool)
        for axis, bit in self.plus.items():
            if bit != PLUS_OUTCOME[axis]:
                turn |= (self.bases == axis) if self.bases is not None else axis == "Z"
        return turn

    def in_conventions(self, *, repeat: bool = True) -> np.ndarray:
        """The bits as `lib.conventions` means them (1 is spin up along z), for training.

        Parameters
        ----------
        repeat : bool
            Aggregated rows as often as they were counted, the default; False keeps each once, to go
            with the weights.

        Returns
        -------
        ndarray of uint8, shape (n_shots, n_sites)

        """
        bits = np.where(self.bits == MISSING, MISSING, self.bits ^ self.turned()).astype(np.uint8)
        return np.repeat(bits, self.weights, axis=0) if repeat and self.weights is not None else bits


def columns(order: str | Iterable[int | str], sites: Sequence[str]) -> list[int]:
    """The places of the columns that are asked for.

    Parameters
    ----------
    order : {"kept", "reverse"} or list of int or str
        Numbers (from 0) or names in a list.
    sites : list of str
        The names of all.

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        For names that are not there or come twice, and for no column.

    """
    if isinstance(order, str):
        if order not in ("kept", "reverse"):
            raise ValueError(f'expected order as "kept", "reverse" or a list of columns, got {order!r}; '
                             'try order="reverse"')
        return list(range(len(sites)))[::1 if order == "kept" else -1]
    places = []
    for column in order:
        if isinstance(column, str):
            if sites.count(column) != 1:
                raise ValueError(f"expected order to name columns among {', '.join(sites[:20])}, got {column!r}; "
                                 "try their numbers, counted from 0")
            places.append(sites.index(column))
        elif is_integer(column) and 0 <= column < len(sites):
            places.append(int(column))
        else:
            raise ValueError(f"expected columns from 0 to {len(sites) - 1} in order, got {column!r}; "
                             f"try order={list(range(len(sites)))[:20]}")
    if not places or len(set(places)) < len(places):
        raise ValueError(f"expected different columns in order, at least one, got {list(order)!r}; "
                         f"try order={list(range(len(sites)))[:20]}")
    return places
