"""Error bars beyond a single mean: of functions of means, and of long runs in little memory.

of_means      a function of several averages, by the delta method; `variance` is one
Streaming     means of as many draws as you like, in memory that does not grow
measure       several observables on the same chains, a draw at a time

What measurements and training leave open, too, is in `lib.rbm.bootstrap`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from lib import rng
from lib.checks import COMPLEX, as_array
from lib.rbm import sampling
from lib.rbm.complex_state import ComplexState, MixedState
from lib.rbm.observables import Estimate, estimate
from lib.rbm.states import PositiveState

_BATCHES = 512  # of a chain, in memory: enough to see its correlations, and little


def of_means(function: Callable[..., float], *values) -> Estimate:
    """A function of the means of several observables, with its error to first order (delta method).

    Parameters
    ----------
    function : callable
        Takes as many numbers as there are values, such as ``lambda a, b: a / b``.
    *values : array_like, equal shapes (n_draws, n_chains) or (n_draws,)
        Of each observable, as `observables.estimate` takes them, all of the same draws.

    Returns
    -------
    Estimate
        The function at the means.

    Raises
    ------
    ValueError
        For values of unequal shapes (try one value a draw of every observable) and for a function
        that gives no finite number there (try more draws).

    Notes
    -----
    The error is that of the linear function sum_i (df/dx_i) x_i, correlations between observables
    and along chains included (Wolff); derivatives are differences over the errors of the means.
    Where the function bends over such distances the error is rough, and the value is off by half
    its second derivative times the squared error.

    References
    ----------
    Wolff, U., Comput. Phys. Commun. 156, 143 (2004).

    """
    arrays = [as_array(value, f"values[{number}]") for number, value in enumerate(values)]
    if not arrays or any(array.shape != arrays[0].shape for array in arrays):
        shapes = ", ".join(str(array.shape) for array in arrays) or "none"
        raise ValueError(f"expected values of equal shapes, got {shapes}; try one value a draw of every observable")
    alone = [estimate(array) for array in arrays]
    means = [one.mean for one in alone]
    value = function(*means)
    linear = np.zeros(arrays[0].shape)
    for number, (array, one) in enumerate(zip(arrays, alone, strict=True)):
        if one.error == 0:  # a constant
            continue
        beside = [[*means[:number], one.mean + sign * one.error, *means[number + 1:]] for sign in (1, -1)]
        slope = (function(*beside[0]) - function(*beside[1])) / (2 * one.error)
        linear += slope * (array - one.mean)
    if not np.isfinite(value) or not np.isfinite(linear).all():
        raise ValueError(f"expected a function that is finite at the means and one error beside them, got {value} at "
                         f"{', '.join(f'{mean:.6g}' for mean in means)}; try more draws")
    error = estimate(linear)
    return Estimate(float(value), error.error, error.tau, error.n_effective)


def variance(values) -> Estimate:
    """Variance ``<|x|^2> - |<x>|^2`` of an observable with its error.

    Of the local energy it is that of H in the state.

    Parameters
    ----------
    values : array_like, real or complex, shape (n_draws, n_chains) or (n_draws,)
        As `observables.estimate` takes them.

    Returns
    -------
    Estimate
        The variance.

    """
    x = as_array(values, "values", kinds=COMPLEX)
    if x.dtype.kind == "c":
        return of_means(lambda square, a, b: square - a * a - b * b, np.abs(x) ** 2, x.real, x.imag)
    return of_means(lambda square, a: square - a * a, x.astype(np.float64) ** 2, x)


class Streaming:
    """Mean and error of an observable, fed bit by bit, in memory that does not grow.

    No more than 512 numbers a chain are kept. They are means of batches of draws that follow each
    other. When there are 512, pairs of them become one, so that batches grow with the run. The
    error is that of their mean, correlations between batches included, as `observables.estimate`
    has it. Up to 512 draws the result is that of `observables.estimate`.

    Examples
    --------
    >>> import numpy as np
    >>> total = Streaming()
    >>> for block in np.random.default_rng(1).normal(3.0, 1.0, (50, 100, 4)):
    ...     total.add(block)
    >>> result = total.estimate()
    >>> abs(result.mean - 3) < 4 * result.error < 0.04
    True

    """

    def __init__(self):
        self._batches = None
        self._size, self._filled, self._loose, self._n_draws = 1, 0, 0, 0

    def add(self, values) -> None:
        """Take the next draws.

        Parameters
        ----------
        values : array_like of float, shape (n_draws, n_chains) or (n_draws,)
            The second for one chain; with as many chains every time.

        Raises
        ------
        ValueError
            For another number of chains, NaN and infinity; try one number a chain for each draw,
            from the same chains as before.

        """
        values = as_array(values, "values").astype(np.float64)
        values = values[:, None] if values.ndim == 1 else values
        chains = values.shape[-1] if self._batches is None else self._batches.shape[1]
        if values.ndim != 2 or values.size == 0 or values.shape[1] != chains or not np.isfinite(values).all():
            got = values.shape if values.shape != (len(values), chains) or not values.size else "NaN or infinity"
            raise ValueError(f"expected finite values of shape (n_draws, {chains}), got {got}; try one number a chain "
                             "for each draw, from the same chains as before")
        if self._batches is None:
            self._batches = np.zeros((_BATCHES, chains))
            self._part, self._mean, self._squares = np.zeros(chains), 0.0, 0.0
        before, count = self._n_draws * chains, values.size
        # Deviations are taken from the means of the parts, so that a large mean costs no digits.
        shift = values.mean() - self._mean
        self._squares += ((values - values.mean()) ** 2).sum() + shift**2 * before * count / (before + count)
        self._mean += shift * count / (before + count)
        self._n_draws += len(values)
        while len(values):
            values = self._take(values)

    def _take(self, values: np.ndarray) -> np.ndarray:
        """Put the first draws into batches; returns the others."""
        if self._filled == _BATCHES:
            self._batches[:_BATCHES // 2] = (self._batches[::2] + self._batches[1::2]) / 2
            self._size, self._filled = 2 * self._size, _BATCHES // 2
        n_whole = min(len(values) // self._size, _BATCHES - self._filled)
        if self._loose or not n_whole:
            some = values[:self._size - self._loose]
            self._part += some.sum(0)
            self._loose += len(some)
            if self._loose == self._size:
                self._batches[self._filled] = self._part / self._size
                self._part[:], self._loose, self._filled = 0.0, 0, self._filled + 1
            return values[len(some):]
        whole = values[:n_whole * self._size].reshape(n_whole, self._size, -1)
        self._batches[self._filled:self._filled + n_whole] = whole.mean(1)
        self._filled += n_whole
        return values[n_whole * self._size:]

    def estimate(self) -> Estimate:
        """What the draws so far give.

        Returns
        -------
        Estimate
            Their mean and its error.

        Raises
        ------
        ValueError
            Where there are none; try ``add(values)``.

        """
        if not self._n_draws:
            raise ValueError("expected at least one draw, got none; try add(values)")
        found = estimate(self._batches[:self._filled])
        if self._size == 1:
            return found
        n = self._n_draws * self._batches.shape[1]
        # Draws of a batch that is not full yet count for the mean, and as more of the same for the error.
        error = found.error * np.sqrt(self._filled * self._size / self._n_draws)
        spread = self._squares / (n - 1)
        tau = max(1.0, float(n * error**2 / spread)) if spread > 0 else 1.0
        return Estimate(float(self._mean), float(error), tau, n / tau)


def draws(state: PositiveState | ComplexState | MixedState, n_samples: int, *, seed: int, start=None,
          n_chains: int = 512, burn_in: int = 200, thin: int = 10) -> Iterator[np.ndarray]:
    """Samples of a state, one draw of all chains after another, in the memory of one.

    Parameters
    ----------
    state : PositiveState, ComplexState or MixedState
        To sample from.
    n_samples : int
        As many draws are made as give n_samples or more.
    seed, start, n_chains, burn_in, thin
        The words are those of `sampling.sample`.

    Yields
    ------
    ndarray of uint8, shape (n_chains, n_units)
        One draw; n_units counts ancillas, too.

    """
    machine = state.machine if isinstance(state, PositiveState) else state.amplitude
    bits = sampling.sample(machine, n_chains, seed=seed, start=start, n_chains=n_chains, burn_in=burn_in, thin=thin)[0]
    yield bits
    for number in range(1, -(-n_samples // n_chains)):
        bits = sampling.gibbs(machine, bits, thin, seed=rng.child_seed(seed, "draws", number))
        yield bits


def measure(state: PositiveState | ComplexState | MixedState, observables: Mapping[str, Callable[..., Any]],
            n_samples: int, *, seed: int, **settings) -> dict[str, Estimate]:
    """Several observables on the same chains, in memory that does not grow with the samples.

    R-hat of the chains needs all draws: `convergence.convergence`.

    Parameters
    ----------
    state : PositiveState, ComplexState or MixedState
        To sample from.
    observables : mapping of str to callable
        By name, functions (state, bits (1, n_chains, n_units)) -> one value a sample, such as an
        `operators.Operator`; of complex values the real parts count.
    n_samples : int
        As many draws are made as give n_samples or more.
    seed : int, >= 0
        Fixes the chains.
    **settings
        The others of `draws`.

    Returns
    -------
    dict of str to Estimate
        By the same names.

    Raises
    ------
    ValueError
        For no observables (try ``{"energy": operators.of_chain(chain)}``) and for values of another
        shape (try a mean or sum over the last axis).

    """
    if not isinstance(observables, Mapping) or not observables:
        raise ValueError('expected observables by name, got none; try {"energy": operators.of_chain(chain)}')
    totals = {name: Streaming() for name in observables}
    for bits in draws(state, n_samples, seed=seed, **settings):
        for name, observable in observables.items():
            values = as_array(observable(state, bits[None]), name, kinds=COMPLEX).real
            if values.shape != (1, len(bits)):
                raise ValueError(f"expected one value a sample, (1, {len(bits)}), of {name!r}, got {values.shape}; try "
                                 "a mean or sum over the last axis")
            totals[name].add(values)
    return {name: total.estimate() for name, total in totals.items()}
