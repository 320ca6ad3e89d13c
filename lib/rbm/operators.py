"""Operators on spins by what they connect: sums and products of them, and their averages in any state, from samples.

An operator is known by its rows: for configurations v it gives all v' with an element <v|O|v'> other than zero, and
these elements.  Sums, multiples and products (`@`) of operators follow from that, and so does the local estimator

    O_loc(v) = sum_v' <v|O|v'> psi(v') / psi(v)                                                              (5.6)

of positive, complex and mixed states, whose mean over samples of |psi|^2 is the average of O.  `pauli`, `of_chain` and
`diagonal` make operators; one of your own is `Operator(rows)` with a function of bits.  The product of local estimators
is not the local estimator of the product, unless the factor on the left is diagonal: multiply operators, not values.

>>> from lib.rbm.operators import diagonal, pauli
>>> flips = pauli({0: "X"}) @ pauli({1: "X"}) + 0.5 * diagonal(lambda bits: bits.sum(-1))
>>> moved, elements = flips.rows([[0, 1, 1]])
>>> moved.tolist(), elements.real.tolist()
([[[1, 0, 1], [0, 1, 1]]], [[1.0, 1.0]])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Complex

import numpy as np

from lib.chain_checks import check_bits, check_region
from lib.checks import COMPLEX, as_array
from lib.conventions import PAULI, spins_from_bits
from lib.rbm.complex_state import ComplexState, MixedState
from lib.rbm.states import PositiveState
from lib.spins.chains import Chain

Rows = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
_CHUNK = 2**21  # hidden units of connected configurations in memory at a time


@dataclass(frozen=True, eq=False)
class Operator:
    """An operator, as the function that gives its rows.

    Sums, differences, multiples and products (``@``) of operators are operators.

    Attributes
    ----------
    connected : callable
        Takes bits, uint8 (n, n_spins), and gives the configurations that each is connected to,
        uint8 (n, k, n_spins), and the elements ``<v|O|v'>``, (n, k). The same configuration may
        come twice: its elements add up.

    """

    connected: Rows

    def rows(self, bits) -> tuple[np.ndarray, np.ndarray]:
        """What `connected` gives for rows of bits, checked.

        Parameters
        ----------
        bits : array_like of 0 and 1, shape (n, n_spins)
            Configurations v.

        Returns
        -------
        moved : ndarray of uint8, shape (n, k, n_spins)
            The configurations v' that each is connected to.
        elements : ndarray of complex128, shape (n, k)
            The elements ``<v|O|v'>``.

        Raises
        ------
        ValueError
            For what is not bits, and for a function that gives other shapes; try one row a
            configuration.

        """
        bits = check_bits(bits, name="bits")
        moved, elements = self.connected(bits)
        moved, elements = as_array(moved, "moved"), as_array(elements, "elements", kinds=COMPLEX)
        if elements.ndim != 2 or moved.shape != (len(bits), elements.shape[-1], bits.shape[1]) \
                or len(elements) != len(bits):
            raise ValueError(f"expected configurations ({len(bits)}, k, {bits.shape[1]}) and elements ({len(bits)}, k) "
                             f"of an operator, got {moved.shape} and {elements.shape}; try one row a configuration")
        return moved.astype(np.uint8), elements.astype(np.complex128)

    def __call__(self, state: PositiveState | ComplexState | MixedState, samples) -> np.ndarray:
        """The local estimator (5.6) of each sample.

        The mean of the real parts estimates a Hermitian operator's average.

        Parameters
        ----------
        state : PositiveState, ComplexState or MixedState
            The samples' own.
        samples : array_like of 0 and 1, shape (..., n_spins)
            Bits of the state's distribution along z, as its ``sample`` gives them; those of a mixed
            state have its ancillas behind the spins.

        Returns
        -------
        ndarray, shape (...)
            float64 for a positive state and real elements, else complex128.

        Raises
        ------
        ValueError
            For another state (try ``PositiveState(machine)``), and for samples of another width or
            value.

        """
        if not isinstance(state, (PositiveState, ComplexState, MixedState)):
            raise ValueError("expected a PositiveState, ComplexState or MixedState, got "
                             f"{type(state).__name__}; try PositiveState(machine)")
        samples = as_array(samples, "samples")
        width = state.n_spins + getattr(state, "n_ancillas", 0)
        if samples.ndim == 0 or samples.shape[-1] != width:
            raise ValueError(f"expected samples of shape (..., {width}) for this state, got {samples.shape}; try those "
                             "that its sample gives")
        bits = check_bits(samples.reshape(-1, width), name="samples")
        n_rows = self.rows(bits[:1])[1].shape[1] if len(bits) else 1
        machine = state.machine if isinstance(state, PositiveState) else state.amplitude
        size = max(1, _CHUNK // (max(1, n_rows) * machine.n_hidden))
        parts = [self._local(state, bits[start:start + size]) for start in range(0, len(bits), size)]
        values = np.concatenate(parts) if parts else np.empty(0)
        return values.reshape(samples.shape[:-1])

    def _local(self, state, bits: np.ndarray) -> np.ndarray:
        moved, elements = self.rows(bits[:, :state.n_spins])
        ancillas = np.broadcast_to(bits[:, None, state.n_spins:], (*elements.shape, bits.shape[1] - state.n_spins))
        whole = np.concatenate([moved, ancillas], axis=2)
        away = (whole != bits[:, None]).any(axis=2)  # where nothing moves the ratio is one
        change = np.zeros(elements.shape, np.complex128)
        if away.any():
            before = state.log_psi(bits).detach().cpu().numpy()
            after = state.log_psi(whole[away]).detach().cpu().numpy()
            change[away] = after - np.broadcast_to(before[:, None], away.shape)[away]
        values = (elements * np.exp(change)).sum(1)
        return values.real if isinstance(state, PositiveState) and not elements.imag.any() else values

    def __add__(self, other: Operator) -> Operator:
        if not isinstance(other, Operator):
            return NotImplemented

        def connected(bits):
            (moved, elements), (others, more) = self.rows(bits), other.rows(bits)
            return np.concatenate([moved, others], axis=1), np.concatenate([elements, more], axis=1)
        return Operator(connected)

    def __mul__(self, factor: complex) -> Operator:
        if isinstance(factor, (bool, Operator)) or not isinstance(factor, Complex):
            return NotImplemented

        def connected(bits):
            moved, elements = self.rows(bits)
            return moved, factor * elements
        return Operator(connected)

    __rmul__ = __mul__

    def __neg__(self) -> Operator:
        return -1 * self

    def __sub__(self, other: Operator) -> Operator:
        return self + -other if isinstance(other, Operator) else NotImplemented

    def __matmul__(self, other: Operator) -> Operator:
        """The product, other first: ``<v|AB|v''> = sum_v' <v|A|v'> <v'|B|v''>``."""
        if not isinstance(other, Operator):
            return NotImplemented

        def connected(bits):
            moved, elements = self.rows(bits)
            n, k, n_spins = moved.shape
            further, more = other.rows(moved.reshape(n * k, n_spins))
            return further.reshape(n, -1, n_spins), (elements[:, :, None] * more.reshape(n, k, -1)).reshape(n, -1)
        return Operator(connected)


def pauli(paulis: Mapping[int, str]) -> Operator:
    """The product of Pauli operators on some of the sites.

    Parameters
    ----------
    paulis : mapping of int to {"X", "Y", "Z"}
        The letter of each site that has one: ``{0: "X", 1: "X"}``; ``{}`` is one.

    Returns
    -------
    Operator
        For states of any number of spins.

    Raises
    ------
    ValueError
        For another letter (try X, Y or Z), and when used for a site that the state does not have.

    """
    if not isinstance(paulis, Mapping):
        raise ValueError(f"expected paulis as a dict from sites to letters, got {type(paulis).__name__}; try "
                         '{0: "X"}')
    for site, letter in paulis.items():
        if letter not in PAULI:
            raise ValueError(f'expected letters X, Y, Z, got {letter!r} of site {site}; try {{{site}: "X"}}')
    return _sum_of_products([(1.0, "".join(paulis.values()), tuple(paulis))])


def of_chain(chain: Chain) -> Operator:
    """The Hamiltonian of a chain, or any other sum of Pauli products.

    Terms that flip the same spins are taken together, so that a state is asked once for each set of
    them.

    Parameters
    ----------
    chain : Chain
        Its terms, such as those of ``lib.spins.chains.xxz(10, 1.0)``.

    Returns
    -------
    Operator
        In the chain's units of energy.

    Raises
    ------
    ValueError
        For anything but a Chain, and when used for another number of spins (try the chain of the
        state).

    """
    if not isinstance(chain, Chain):
        raise ValueError(f"expected a Chain, got {type(chain).__name__}; try lib.spins.chains.xxz(10, 1.0)")
    return _sum_of_products(chain.terms, chain.n_spins)


def diagonal(function: Callable[[np.ndarray], np.ndarray]) -> Operator:
    """An operator that is diagonal along z.

    Parameters
    ----------
    function : callable
        Takes bits (n, n_spins) and gives one number a row, (n,).

    Returns
    -------
    Operator
        With one element a row.

    Raises
    ------
    ValueError
        When used, for a function that gives another shape; try a sum over the last axis.

    """
    def connected(bits):
        values = as_array(function(bits), "values", kinds=COMPLEX)
        if values.shape != bits.shape[:1]:
            raise ValueError(f"expected one value a row, {bits.shape[:1]}, of a diagonal operator, got {values.shape}; "
                             "try a sum over the last axis")
        return bits[:, None], values[:, None]
    return Operator(connected)


def _sum_of_products(terms, n_spins: int | None = None) -> Operator:
    """sum c sigma^a_i sigma^b_j ... over terms (c, letters, sites), grouped by the spins that they flip."""
    groups: dict[tuple[int, ...], list] = {}
    used = sorted({site for _, _, sites in terms for site in sites})
    for coefficient, letters, sites in terms:
        flipped = tuple(sorted(site for site, letter in zip(sites, letters, strict=True) if letter != "Z"))
        groups.setdefault(flipped, []).append((coefficient, letters, sites))

    def connected(bits):
        if n_spins is not None and bits.shape[1] != n_spins:
            raise ValueError(f"expected a Chain of {bits.shape[1]} spins, got one of {n_spins}; try the chain of this "
                             "state")
        if used:
            check_region(used, bits.shape[1], name="paulis")
        moved = np.repeat(bits[:, None], len(groups), axis=1)
        elements = np.zeros((len(bits), len(groups)), np.complex128)
        for place, (flipped, members) in enumerate(groups.items()):
            moved[:, place, list(flipped)] ^= 1
            for coefficient, letters, sites in members:
                factor = np.full(len(bits), coefficient, np.complex128)
                for site, letter in zip(sites, letters, strict=True):
                    if letter == "Z":
                        factor *= spins_from_bits(bits[:, site])
                    else:
                        factor *= PAULI[letter][bits[:, site], 1 - bits[:, site]]
                elements[:, place] += factor
        return moved, elements
    return Operator(connected)
