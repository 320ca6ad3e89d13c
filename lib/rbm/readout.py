"""Training on bits that were read with errors, or not at all: the likelihood of what was read.

A device reads r where s is true with the probability prod_i C_i[r_i | s_i] (`lib.spins.measurements.readout`), so that
P(r) = sum_s prod_i C_i[r_i | s_i] p(s). The gradient of its -ln is that of chapter 4 (4.15, 4.19) with the posterior

    p(s | r) ~ p(s) exp(sum_i f_i s_i),    f_i = ln C_i[r_i | 1] - ln C_i[r_i | 0],

in the place of the data: <grad E>_p(s|r) - <grad E>_p(s). What was read acts as a field: infinite where it cannot be
wrong, zero where a site was not read. So a machine's posterior is a machine with the biases b + f, and training goes on
as ever with rows that are drawn from the posterior under the present model, once an epoch: stochastic approximation of
expectation-maximization. That the model has moved on by the end of the epoch changes no fixed point, where it stands.

Rows with at most MAX_OPEN sites that are not sure are drawn from the sum over all their completions; each other row
goes on as a Gibbs chain of its own from epoch to epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import logsumexp

from lib.rbm import complex_training, rotations, training
from lib.rbm._readout_rows import MAX_MISSING, MAX_OPEN, MAX_ROWS, OfMachine, OfState, Rows
from lib.rbm.complex_state import ComplexState, MixedState
from lib.rbm.machine import Machine, check_machine
from lib.rbm.partition import log_partition
from lib.spins.bases import Measurements
from lib.spins.measurements import MISSING
from lib.spins.measurements.readout import Readout

__all__ = ["MAX_MISSING", "MAX_OPEN", "MAX_ROWS", "negative_log_likelihood", "train", "train_state"]


def train(machine: Machine, read, settings: training.TrainingSettings, *, readout: Readout | None = None, weights=None,
          turned: bool = False, seed: int, every: int | None = None,
          callback: Callable[[int, Machine], Any] | None = None) -> training.TrainingResult:
    """`training.train` on bits as they were read.

    Without errors, missing sites and weights the result is that of `training.train`.

    Parameters
    ----------
    machine : Machine
        Where to start.
    read : array_like of 0, 1 and MISSING, shape (n_rows, n_visible)
        What was read, MISSING or masked where a site was not.
    settings : TrainingSettings
        How to train.
    readout : Readout or None
        The errors; None, the default, means none.
    weights : array_like of int, shape (n_rows,), or None
        How often each row was counted, whole numbers, which no other training takes. An epoch then
        has all rows repeated, or where these are more than 100,000, so many, each row as often as
        its share says, rounded up or down at random without bias.
    turned : bool
        Whether the bits are the opposite of what the device read; False by default.
    seed : int, >= 0
        Fixes the training, and the completed rows.
    every, callback : optional
        As in `training.train`.

    Returns
    -------
    lib.rbm.training.TrainingResult

    Raises
    ------
    ValueError
        As that does, for rows with more than 8 missing sites with their number, and for a site that
        no row has.

    """
    rows = Rows(read, check_machine(machine).n_visible, readout, turned, weights, seed)

    def renew(epoch: int, current: Machine) -> np.ndarray:
        return rows.draw(OfMachine(current), epoch)

    return training.train(machine, rows.bits, settings, seed=seed, every=every, callback=callback,
                          renew=renew if rows.change else None)


def train_state(state: ComplexState | MixedState, measurements: Measurements,
                settings: complex_training.StateSettings, *, readout: Readout | None = None, missing=None,
                turned=False, seed: int, every: int = 1) -> Iterator[complex_training.Step]:
    """`complex_training.train` on outcomes as they were read.

    An error acts on the outcome, after the spin has been turned.

    Parameters
    ----------
    state : ComplexState or MixedState
        To begin with.
    measurements : lib.spins.bases.Measurements
        Outcomes with their bases.
    settings : lib.rbm.complex_training.StateSettings
        How to train.
    readout : Readout or None
        The errors; None, the default, means none.
    missing : array_like of bool, shape (n_samples, n_spins), or None
        Where nothing was read.
    turned : array_like of bool, shape (n_samples, n_spins), or bool
        Where the bits are the opposite of what the device read, or one for all (`Shots.turned`);
        False by default.
    seed : int, >= 0
        Fixes the training, and the completed rows.
    every : int, >= 1
        Epochs between steps, 1 by default.

    Returns
    -------
    iterator of lib.rbm.complex_training.Step
        Their losses are those of the completed rows.

    Raises
    ------
    ValueError
        As `train`.

    """
    rotations.check_measurements(measurements, state)
    read = measurements.bits if missing is None else np.where(missing, MISSING, measurements.bits)
    rows = Rows(read, state.n_spins, readout, turned, None, seed, measurements.codes)

    def renew(epoch: int, current: ComplexState) -> np.ndarray:
        return rows.draw(OfState(current, measurements, rows.codes), epoch)

    return complex_training.train(state, replace(measurements, bits=rows.bits.copy()), settings, seed=seed, every=every,
                                  renew=renew if rows.change else None)


def negative_log_likelihood(model: Machine | ComplexState | MixedState, read, *, readout: Readout | None = None,
                            missing=None, turned=False, log_z: float | None = None) -> float:
    """Mean of -ln P(what was read) over rows, exactly, in nats.

    Parameters
    ----------
    model : Machine, ComplexState or MixedState
        Whose likelihood it is.
    read : array_like of 0, 1 and MISSING, shape (n_rows, n_visible), or Measurements
        Bits with MISSING of a machine, Measurements of a state.
    readout : Readout or None
        The errors; None, the default, means none.
    missing, turned : optional
        As in `train_state`, missing of a state alone.
    log_z : float or None
        ln Z of the (amplitude) machine where it is known, else enumerated.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For rows with more than 8 unsure sites.

    """
    if isinstance(model, Machine):
        rows, of = Rows(read, model.n_visible, readout, turned, None, 1), OfMachine(model)
    else:
        bits = read.bits if missing is None else np.where(missing, MISSING, read.bits)
        rows = Rows(bits, model.n_spins, readout, turned, None, 1, read.codes)
        of = OfState(model, read, rows.codes)
    if (rows.n_open > MAX_OPEN).any():
        raise ValueError(f"expected at most {MAX_OPEN} sites a row that may be misread or are missing, got "
                         f"{int((rows.n_open > MAX_OPEN).sum())} rows with up to {int(rows.n_open.max())}; try fewer "
                         "sites")
    log_z = float(log_partition(model if isinstance(model, Machine) else model.amplitude)) if log_z is None else log_z
    total = 0.0
    for first, _, kind in rows.enumerable(least=0):
        weights, open_sites = rows.completions(of, first)
        total += float((logsumexp(weights, axis=1) + rows.constant(first, open_sites))[kind].sum())
    return log_z - total / len(rows.bits)
