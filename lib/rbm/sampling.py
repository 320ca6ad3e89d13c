"""Block Gibbs sampling of restricted Boltzmann machines (section 4.2, figure 4.2).

One sweep draws all hidden units from p(h|v) (4.9) and then all visible units from p(v|h) (4.10). Many
independent chains run side by side. Two engines do the same: "numba" (`_kernels`, on the CPU) and "torch"
(below in a few lines, on the machine's device; the kernels are tested against it).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from lib import rng
from lib.chain_checks import check_bits
from lib.checks import as_tensor, require_count
from lib.rbm import _kernels
from lib.rbm.distributions import hidden_probability, visible_probability
from lib.rbm.machine import Machine, check_machine

PRECISIONS = {"float32": torch.float32, "float64": torch.float64}
_WIDTH_HINT = "a machine of {found} visible units, or rows of its own width"


def gibbs(machine: Machine, visible, n_sweeps: int, *, seed: int, engine: str = "auto",
          precision: str = "float32"):
    """The visible bits after n_sweeps block Gibbs sweeps from the given ones.

    Every row is a chain of its own.

    Parameters
    ----------
    machine : Machine
        Whose distribution the chains sample.
    visible : array_like of 0 and 1, shape (n_chains, n_visible)
        Where the chains begin.
    n_sweeps : int, >= 0
        Sweeps v -> h -> v.
    seed : int, >= 0
        To go on with chains, or for another machine, take another one, ``rng.child_seed(seed,
        "part", t)``: with the same random numbers again every call is the same map, and chains run
        into its fixed points.
    engine, precision : str
        As in `sample`.

    Returns
    -------
    ndarray or Tensor of uint8, shape (n_chains, n_visible)
        A tensor where the given bits are one.

    Raises
    ------
    ValueError
        For bits of another width or value, and for a negative number of sweeps.

    """
    start = check_bits(visible, check_machine(machine).n_visible, name="visible", hint=_WIDTH_HINT)
    require_count("n_sweeps", n_sweeps, 0)
    bits = _chains(machine, start, n_sweeps, 0, 1, seed, engine, precision)[0]
    return torch.from_numpy(bits).to(visible.device) if isinstance(visible, Tensor) else bits


def sample(machine: Machine, n_samples: int, *, seed: int, start=None, n_chains: int = 512,
           burn_in: int = 200, thin: int = 10, engine: str = "auto",
           precision: str = "float32") -> np.ndarray:
    """At least n_samples visible configurations by block Gibbs sampling (4.9, 4.10).

    Parameters
    ----------
    machine : Machine
        To sample from.
    n_samples : int, >= 1
        Configurations to draw; whole draws of all chains are made.
    seed : int, >= 0
        Machines that are sampled with the same one have errors that depend on each other, and fewer
        chains are the first of more.
    start : array_like of 0 and 1, shape (n_rows, n_visible), or None
        Measurement rows, of which each chain takes one at random; None, the default, means random
        bits. Start from data where chains mix slowly: in the ordered phase they keep the sign of
        the magnetization that they started with.
    n_chains : int, >= 1
        Independent chains.
    burn_in : int, >= 0
        Sweeps before the first draw.
    thin : int, >= 1
        Sweeps between draws; draws of one chain remain correlated, and `observables.estimate`
        accounts for that.
    engine : {"auto", "numba", "torch"}
        "auto", the default, is numba for a machine on the CPU.
    precision : {"float32", "float64"}
        Of the sweeps, "float32" by default.

    Returns
    -------
    ndarray of uint8, shape (n_draws, n_chains, n_visible)
        It depends on the seed, engine and precision, and not on the number of threads or workers.

    Raises
    ------
    ValueError
        For rows of another width or value, and for counts below 1 (burn_in below 0).

    """
    check_machine(machine)
    require_count("n_samples", n_samples, 1)
    require_count("n_chains", n_chains, 1)
    require_count("burn_in", burn_in, 0)
    require_count("thin", thin, 1)
    choose = rng.stream(seed, "sample", "start")
    if start is None:
        first = choose.integers(0, 2, (n_chains, machine.n_visible), dtype=np.uint8)
    else:
        rows = check_bits(start, machine.n_visible, name="start", hint=_WIDTH_HINT)
        first = rows[choose.integers(0, len(rows), n_chains)]
    # The first draw comes after burn_in + thin sweeps.
    return _chains(machine, first, burn_in, thin, -(-n_samples // n_chains), seed, engine, precision)


def uniforms(seed: int, device: torch.device | str = "cpu") -> Callable[[tuple[int, ...]], Tensor]:
    """A source of float64 numbers uniform on [0, 1), for `gibbs_sweep`.

    Parameters
    ----------
    seed : int, >= 0
        Fixes the numbers.
    device : torch.device or str
        Where they are made, "cpu" by default.

    Returns
    -------
    callable
        A function of the shape. Its attribute ``generator`` has the state.

    """
    generator = torch.Generator(device=device)
    generator.manual_seed(rng.child_seed(seed, "gibbs", "torch"))

    def uniform(shape: tuple[int, ...]) -> Tensor:
        return torch.rand(shape, generator=generator, device=device, dtype=torch.float64)

    uniform.generator = generator
    return uniform


def gibbs_sweep(machine: Machine, visible: Tensor, uniform: Callable[[tuple[int, ...]], Tensor]) -> Tensor:
    """One sweep v -> h -> v in plain torch: a unit is 1 where u < p (4.9, 4.10).

    Parameters
    ----------
    machine : Machine
        Gives the conditional probabilities.
    visible : Tensor, shape (n_chains, n_visible)
        Bits in the machine's dtype.
    uniform : callable
        Gives numbers in [0, 1) of a shape, see `uniforms`.

    Returns
    -------
    Tensor, shape (n_chains, n_visible)
        New bits in the machine's dtype.

    """
    p_hidden = hidden_probability(machine, visible)
    hidden = (uniform(p_hidden.shape) < p_hidden).to(machine.dtype)
    p_visible = visible_probability(machine, hidden)
    return (uniform(p_visible.shape) < p_visible).to(machine.dtype)


def generators(seed: int, n_chains: int) -> np.ndarray:
    """The states of the generators of chains, xoshiro128+.

    Parameters
    ----------
    seed : int, >= 0
        Of all of them.
    n_chains : int
        Chains, a generator each.

    Returns
    -------
    ndarray of uint32, shape (n_chains, 4)

    """
    states = rng.stream(seed, "gibbs", "xoshiro").integers(0, 2**32, (n_chains, 4), dtype=np.uint32)
    states[:, 0] |= 1  # the state of zeros only would stay there
    return states


def choose_engine(machine: Machine, engine: str) -> str:
    """The engine for a machine, "numba" or "torch" where "auto" is asked for.

    Parameters
    ----------
    machine : Machine
        On the CPU for "numba".
    engine : {"auto", "numba", "torch"}
        "auto" is numba on the CPU, else torch.

    Returns
    -------
    str
        "numba" or "torch".

    Raises
    ------
    ValueError
        For an unknown engine (try "auto"), or numba away from the CPU (try "torch", or
        ``machine.to(device="cpu")``).

    """
    on_cpu = machine.device.type == "cpu"
    if engine == "auto":
        return "numba" if on_cpu else "torch"
    if engine not in ("numba", "torch"):
        raise ValueError(f'expected engine "auto", "numba" or "torch", got {engine!r}; try "auto"')
    if engine == "numba" and not on_cpu:
        raise ValueError(f'expected a machine on the CPU for engine "numba", got {machine.device}; try '
                         'engine="torch" or machine.to(device="cpu")')
    return engine


def choose_precision(machine: Machine, precision: str) -> Machine:
    """The machine in another precision.

    Parameters
    ----------
    machine : Machine
        In any precision.
    precision : {"float32", "float64"}
        Of the result.

    Returns
    -------
    Machine
        The same in that precision.

    Raises
    ------
    ValueError
        For another precision; try "float32".

    """
    if precision not in PRECISIONS:
        raise ValueError(f'expected precision "float32" or "float64", got {precision!r}; try "float32"')
    return machine.to(dtype=PRECISIONS[precision])


def _chains(machine: Machine, start: np.ndarray, burn_in: int, thin: int, n_draws: int, seed: int,
            engine: str, precision: str) -> np.ndarray:
    """Run burn_in sweeps, then n_draws times thin sweeps; bits (n_draws, n_chains, n_visible)."""
    engine = choose_engine(machine, engine)
    machine = choose_precision(machine, precision)
    draws = np.empty((n_draws, *start.shape), np.uint8)
    if engine == "numba":
        weights = machine.weights.detach().numpy()
        # ravel gives contiguous copies, row by row, whatever the strides
        _kernels.run_chains(weights.ravel(), weights.T.ravel(), machine.visible_bias.detach().numpy().ravel(),
                            machine.hidden_bias.detach().numpy().ravel(), start, generators(seed, len(start)),
                            burn_in, thin, draws)
        return draws
    uniform = uniforms(seed, machine.device)
    visible = as_tensor(start).to(machine.weights)
    for _ in range(burn_in):
        visible = gibbs_sweep(machine, visible, uniform)
    for draw in range(n_draws):
        for _ in range(thin):
            visible = gibbs_sweep(machine, visible, uniform)
        draws[draw] = visible.to(torch.uint8).cpu().numpy()
    return draws
