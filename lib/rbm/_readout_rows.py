"""Rows that were read with errors, or not at all, completed from the posterior under a machine or a state.

The first half of :mod:`lib.rbm.readout`, which says what it is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from scipy.special import expit

from lib import rng
from lib.chain_checks import check_bits
from lib.checks import INTEGER, as_array
from lib.conventions import all_states
from lib.rbm import rotations
from lib.rbm._readout_kernels import run_in_fields
from lib.rbm.complex_state import ComplexState, MixedState
from lib.rbm.distributions import effective_energy
from lib.rbm.machine import Machine
from lib.rbm.sampling import generators
from lib.spins.bases import Measurements
from lib.spins.measurements import MISSING
from lib.spins.measurements.readout import Readout

MAX_OPEN = 8  # sites of a row that are not sure, up to which all its 2^8 completions are summed
MAX_MISSING = MAX_OPEN  # sites of a row that may be missing
MAX_ROWS = 100_000  # of an epoch, where rows have weights
N_SWEEPS = 5  # of the Gibbs chains in an epoch
_MAX_TABLE = 16  # sites, up to which the weights of all states are computed once an epoch
_BLOCK = 2**20  # completions in memory at a time


class Rows:
    """What was read, and the completed rows of the present epoch."""

    def __init__(self, read, n_sites: int, readout: Readout | None, turned, weights, seed: int, codes=None):
        self.read = _check_read(read, n_sites)
        self.readout = Readout.uniform(n_sites, 0.0, 0.0) if readout is None else readout
        if self.readout.n_sites != n_sites:
            raise ValueError(f"expected errors of {n_sites} sites, got {self.readout.n_sites}; try "
                             "Readout.ordered, for other columns")
        self.turned = np.broadcast_to(turned, self.read.shape)
        self.seed = seed
        self.codes, self.place = (None, np.zeros(len(self.read), np.int64)) if codes is None else \
            np.unique(codes, axis=0, return_inverse=True)
        self.place = self.place.reshape(-1)
        self.weights = None if weights is None else _check_weights(weights, len(self.read))
        total = len(self.read) if weights is None else int(self.weights.sum())
        self.fixed = weights is None or total <= MAX_ROWS  # whether all epochs have the same rows
        self.who = np.arange(total) if weights is None else \
            np.repeat(np.arange(len(self.read)), self.weights) if self.fixed else self._shares(0)
        finite = np.isfinite(self.readout.ratios(self.read, self.turned)).sum(1)
        self.open_of_row, self.n_open = finite, finite[self.who]
        alike = np.column_stack([self.place.astype(np.int64).view(np.uint8).reshape(len(self.read), -1), self.read,
                                 self.turned])  # rows with one posterior
        self.kind = np.unique(alike, axis=0, return_inverse=True)[1].reshape(-1)
        self.change = bool(self.n_open.any()) or not self.fixed
        self.blocks: dict[int, list] = {}
        self.bits = self._start(self.who, rng.stream(seed, "readout", "start"))

    def draw(self, model: OfMachine | OfState, epoch: int) -> np.ndarray:
        """The rows of an epoch, completed by the posterior under the model."""
        random = rng.stream(self.seed, "readout", epoch)
        if not self.fixed:
            who = self._shares(epoch)
            new = np.flatnonzero(who != self.who)
            self.who, self.n_open = who, self.open_of_row[who]
            self.bits[new] = self._start(who[new], random)
        for first, chosen, kind in self.enumerable(least=1):
            weights, open_sites = self.completions(model, first)
            cumulative = np.cumsum(np.exp(weights - weights.max(1, keepdims=True)), axis=1)
            steps = cumulative / cumulative[:, -1:] + np.arange(len(first))[:, None]  # one staircase for all rows
            drawn = np.searchsorted(steps.ravel(), kind + random.random(len(chosen)), side="right")
            drawn = np.minimum(drawn - kind * steps.shape[1], steps.shape[1] - 1)
            self.bits[chosen[:, None], open_sites[kind]] = all_states(open_sites.shape[1])[drawn]
        chains = np.flatnonzero(self.n_open > MAX_OPEN)
        for chosen in np.array_split(chains, -(-len(chains) * self.bits.shape[1] // _BLOCK)) if len(chains) else ():
            self.bits[chosen] = model.sweeps(self.place[self.who[chosen]], self.bits[chosen], self.fields(chosen),
                                             random)
        return self.bits

    def fields(self, chosen: np.ndarray) -> np.ndarray:
        """f of the rows."""
        return self.readout.ratios(self.read[self.who[chosen]], self.turned[self.who[chosen]])

    def enumerable(self, least: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """The rows whose completions are summed, in blocks: one of each kind, all of them, which kind each is."""
        if not self.fixed:
            return list(self._enumerated(least))
        if least not in self.blocks:
            self.blocks[least] = list(self._enumerated(least))
        return self.blocks[least]

    def _enumerated(self, least: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for count in range(least, MAX_OPEN + 1):
            rows = np.flatnonzero(self.n_open == count)
            _, first, kind = np.unique(self.kind[self.who[rows]], return_index=True, return_inverse=True)
            size = max(1, _BLOCK >> count)
            for start in range(0, len(first), size):
                inside = (kind >= start) & (kind < start + size)
                yield rows[first[start:start + size]], rows[inside], kind[inside] - start

    def completions(self, model: OfMachine | OfState, chosen: np.ndarray):
        """ln p(s) + f s of all completions s of rows, (n_rows, 2^n_open), and their unsure sites."""
        fields = self.fields(chosen)
        unsure = np.isfinite(fields)
        count = int(unsure[0].sum())
        open_sites = np.nonzero(unsure)[1].reshape(len(chosen), count)
        fields = np.take_along_axis(fields, open_sites, 1)
        patterns = all_states(count) if count else np.zeros((1, 0), np.uint8)
        base, place = np.where(unsure, 0, self.bits[chosen]), self.place[self.who[chosen]]
        n_sites, n_all = base.shape[1], len(chosen) << count
        n_bases = 1 if self.codes is None else len(self.codes)
        if n_sites <= _MAX_TABLE and n_bases << n_sites <= n_all:
            powers = 1 << np.arange(n_sites)[::-1]
            states = all_states(n_sites)
            table = model.log_weights(np.repeat(np.arange(n_bases), len(states)), np.tile(states, (n_bases, 1)))
            index = (base @ powers)[:, None] + powers[open_sites] @ patterns.T.astype(np.int64)
            weights = table.reshape(n_bases, -1)[place[:, None], index]
        else:
            states = np.repeat(base[:, None], len(patterns), axis=1).astype(np.uint8)
            np.put_along_axis(states, open_sites[:, None], np.broadcast_to(patterns, (len(base), *patterns.shape)), 2)
            weights = model.log_weights(np.repeat(place, len(patterns)), states.reshape(-1, n_sites))
            weights = weights.reshape(len(base), -1)
        return weights + fields @ patterns.T, open_sites

    def constant(self, chosen: np.ndarray, open_sites: np.ndarray) -> np.ndarray:
        """ln of the chance to read these rows, were their unsure sites 0."""
        true = self.bits[chosen].copy()
        np.put_along_axis(true, open_sites, 0, 1)
        who = self.who[chosen]
        return self.readout.log_chances(self.read[who], true, self.turned[who]).sum(1)

    def _start(self, who: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Rows as they were read, with random bits in the gaps."""
        read = self.read[who]
        return np.where(read == MISSING, random.integers(0, 2, read.shape, dtype=np.uint8), read)

    def _shares(self, epoch: int) -> np.ndarray:
        """MAX_ROWS rows by systematic sampling: row k floor or ceil(MAX_ROWS w_k / sum w) times, on average exactly."""
        cumulative = np.cumsum(self.weights, dtype=np.float64)
        points = (np.arange(MAX_ROWS) + rng.stream(self.seed, "weights", epoch).random()) / MAX_ROWS
        return np.minimum(np.searchsorted(cumulative, points * cumulative[-1], side="right"), len(cumulative) - 1)


class OfMachine:
    """ln p(s) up to a constant, and Gibbs sweeps in fields, of a machine (4.3, 4.9, 4.10)."""

    def __init__(self, machine: Machine):
        self.machine = machine.to(dtype=torch.float64, device="cpu")

    def log_weights(self, place: np.ndarray, states: np.ndarray) -> np.ndarray:
        return -effective_energy(self.machine, states).detach().numpy()

    def sweeps(self, place: np.ndarray, bits: np.ndarray, fields: np.ndarray,
               random: np.random.Generator) -> np.ndarray:
        weights, visible_bias, hidden_bias = (value.detach().to(torch.float32).numpy() for value in (
            self.machine.weights, self.machine.visible_bias, self.machine.hidden_bias))
        states = generators(int(random.integers(2**62)), len(bits))
        run_in_fields(weights.ravel(), weights.T.ravel(), visible_bias.ravel(), hidden_bias.ravel(),
                      fields.astype(np.float32), states, N_SWEEPS, bits)
        return bits


class OfState:
    """ln of the probability of outcomes in their bases (5.14) up to a constant, and Gibbs sweeps in fields."""

    def __init__(self, state: ComplexState | MixedState, measurements: Measurements, codes: np.ndarray):
        self.state, self.measurements, self.codes = state, measurements, codes

    def log_weights(self, place: np.ndarray, states: np.ndarray) -> np.ndarray:
        rows = replace(self.measurements, bits=states, codes=np.ascontiguousarray(self.codes[place]))
        return 2 * rotations.log_amplitudes(self.state, rows).real

    def sweeps(self, place: np.ndarray, bits: np.ndarray, fields: np.ndarray,
               random: np.random.Generator) -> np.ndarray:
        """One sweep, a site at a time."""
        bits = bits.copy()
        now = self.log_weights(place, bits)
        for site in range(bits.shape[1]):
            other = bits.copy()
            other[:, site] ^= 1
            then = self.log_weights(place, other)
            up = np.where(other[:, site] == 1, then - now, now - then) + fields[:, site]
            drawn = (random.random(len(up)) < expit(up)).astype(np.uint8)
            now = np.where(drawn == other[:, site], then, now)
            bits[:, site] = drawn
        return bits


def _check_read(read, n_sites: int) -> np.ndarray:
    """Bits and gaps (MISSING, or masked) as uint8, where gaps are few enough and every site was read in some row."""
    if isinstance(read, np.ma.MaskedArray):
        read = np.where(np.ma.getmaskarray(read), MISSING, read.data)
    read = as_array(read, "what was read", words="the numbers 0 and 1")
    gaps = read == MISSING
    bits = check_bits(np.where(gaps, 0, read), n_sites, name="what was read")
    if not gaps.any():
        return bits
    counts = gaps.sum(1)
    if counts.max() > MAX_MISSING:
        raise ValueError(f"expected at most {MAX_MISSING} missing sites a row, over whose values the training sums, "
                         f"got {int((counts > MAX_MISSING).sum()):,} of {len(bits):,} rows with more, up to "
                         f"{int(counts.max())} of {n_sites}; try fewer sites, or to leave these rows out")
    if gaps.all(0).any():
        raise ValueError(f"expected every site in some row, got none with site {int(np.argmax(gaps.all(0)))} (counted "
                         "from 0); try to leave that site out")
    return np.where(gaps, MISSING, bits).astype(np.uint8)


def _check_weights(weights, n_rows: int) -> np.ndarray:
    weights = as_array(weights, "weights", kinds=INTEGER)
    if weights.shape != (n_rows,) or weights.min() < 0 or not weights.any():
        raise ValueError(f"expected weights as {n_rows} whole numbers of at least 0, one a row, got {weights.dtype} "
                         f"{weights.shape}; try Shots.weights of read(..., expand=False)")
    return weights.astype(np.int64)
