"""Gibbs chains against exact distributions and transitions, and against a generator in plain Python."""

import numpy as np
import pytest
import torch
from numba import njit

from lib.conventions import state_index
from lib.native.lanes import load, store
from lib.rbm import _kernels, sampling
from lib.rbm.machine import Machine
from lib.rbm.states import PositiveState
from tests import oracles
from tests.rbm.test_machine import make_machine, parameters

ENGINES = [("numba", "float32"), ("numba", "float64"), ("torch", "float64")]


@njit
def threshold(a, numerator, denominator):
    """The fraction that decisions compare with, for a multiple of 16 numbers."""
    for k in range(0, len(a), 16):
        above, below = _kernels.tanh_half(load(a, k))
        store(numerator, k, above)
        store(denominator, k, below)


@njit
def probabilities_of(a, out):
    for k in range(0, len(a), 16):
        store(out, k, _kernels.probability(load(a, k)))


@njit
def exponentials(x, out):
    for k in range(0, len(x), 16):
        store(out, k, _kernels.exponential(load(x, k)))


def firing_probability(a):
    """The probability that t * denominator < numerator for t uniform on [-1, 1], in float64."""
    a = np.ascontiguousarray(a)
    numerator, denominator = np.empty_like(a), np.empty_like(a)
    threshold(a, numerator, denominator)
    assert (denominator > 0).all()
    return np.clip(0.5 + 0.5 * numerator.astype(float) / denominator, 0, 1)


class Xoshiro:
    """xoshiro128+ for each chain with Python's integers, as uniforms for `sampling.gibbs_sweep`."""

    def __init__(self, states):
        self.states = [[int(word) for word in column] for column in states]

    def next(self, chain):
        s = self.states[chain]
        result = (s[0] + s[3]) % 2**32
        shifted = (s[1] << 9) % 2**32
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = (s[3] << 11 | s[3] >> 21) % 2**32
        return result

    def __call__(self, shape):
        n_chains, n_units = shape
        # The kernel reads the 32 bits as a signed integer in [-2^31, 2^31).
        signed = [[(self.next(chain) + 2**31) % 2**32 for _ in range(n_units)] for chain in range(n_chains)]
        return torch.from_numpy((np.array(signed, dtype=float) + 0.5) / 2**32)


def test_float32_probability_is_right_to_a_millionth():
    a = np.linspace(-40, 40, 400_000).astype(np.float32)
    exact = 1 / (1 + np.exp(-a.astype(float)))
    error = np.abs(firing_probability(a) - exact).max()
    assert 4e-7 < error < 1e-6  # what the kernels' text promises; below 4e-7 nothing would have been compared
    out = np.empty_like(a)
    probabilities_of(a, out)
    assert np.abs(out - exact).max() < 1e-6 and out.min() >= 0 and out.max() <= 1
    far = np.repeat(np.array([-1e18, -1e6, -100, -20, 20, 100, 1e6, 1e18], np.float32), 2)
    np.testing.assert_array_equal(firing_probability(far), far > 0)


def test_float64_probability_is_right_to_rounding():
    x = np.concatenate([np.linspace(-699, 699, 100_000), np.linspace(-3, 3, 100_000)])
    out = np.empty_like(x)
    exponentials(x, out)
    np.testing.assert_allclose(out[np.abs(x) < 40], np.exp(x[np.abs(x) < 40]), rtol=5e-15)
    np.testing.assert_allclose(out, np.exp(x), rtol=1e-13)
    np.testing.assert_allclose(firing_probability(x), 1 / (1 + np.exp(-x)), atol=1e-15)
    np.testing.assert_allclose(firing_probability(np.repeat([-1e9, 1e9], 8)), np.repeat([0.0, 1.0], 8))


@pytest.mark.parametrize(
    "n_visible, n_hidden, n_chains", [(3, 2, 5), (10, 9, 3), (9, 17, 20), (6, 13, 40), (2, 1, 250)])
def test_kernel_and_plain_twin_agree_bit_for_bit(n_visible, n_hidden, n_chains):
    """Same uniforms, same decisions: sizes around the unrolled loops, and more chains than one block."""
    machine = make_machine(n_visible, n_hidden, seed=n_chains)
    start = np.random.default_rng(1).integers(0, 2, (n_chains, n_visible), dtype=np.uint8)
    uniform = Xoshiro(sampling.generators(7, n_chains))
    visible = torch.from_numpy(start).double()
    for _ in range(6):
        visible = sampling.gibbs_sweep(machine, visible, uniform)
    for precision in ("float64", "float32"):
        ours = sampling.gibbs(machine, start, 6, seed=7, engine="numba", precision=precision)
        np.testing.assert_array_equal(ours, visible.numpy())


@pytest.mark.parametrize("engine, precision", ENGINES)
def test_one_sweep_has_the_exact_transition_probabilities(engine, precision):
    machine = make_machine(4, 3, seed=2)
    exact = oracles.gibbs_transition(*parameters(machine))
    n_chains = 4000
    for k, state in enumerate(oracles.states(4)):
        start = np.tile(state.astype(np.uint8), (n_chains, 1))
        after = sampling.gibbs(machine, start, 1, seed=k, engine=engine, precision=precision)
        _, _, p_value = oracles.chi_square(state_index(after), exact[k])
        assert p_value > 1e-4, f"from state {k}"


@pytest.mark.parametrize("engine, precision", ENGINES)
def test_chains_reach_the_exact_distribution(engine, precision):
    machine = make_machine(5, 4, 0.7, seed=3)
    exact = oracles.rbm_probabilities(*parameters(machine))
    # The slowest mode of a sweep decays as the second eigenvalue: thin until less than 1% is left.
    second = np.sort(np.abs(np.linalg.eigvals(oracles.gibbs_transition(*parameters(machine)))))[-2]
    thin = int(np.ceil(np.log(0.01) / np.log(second)))
    n_samples = 100_000 if engine == "numba" else 30_000
    draws = sampling.sample(machine, n_samples, seed=1, n_chains=1000, burn_in=2 * thin, thin=thin,
                            engine=engine, precision=precision)
    assert draws.dtype == np.uint8 and draws.shape == (n_samples // 1000, 1000, 5)
    _, dof, p_value = oracles.chi_square(state_index(draws).ravel(), exact)
    assert dof > 20 and p_value > 1e-4
    # The test can fail: the distribution of a slightly different machine is refused.
    other = Machine(machine.weights, machine.visible_bias + 0.1, machine.hidden_bias)
    wrong = oracles.rbm_probabilities(*parameters(other))
    assert oracles.chi_square(state_index(draws).ravel(), wrong)[2] < 1e-4


def test_chains_are_independent_of_each_other():
    """Equal starts, equal machine: the magnetizations of two chains are uncorrelated."""
    machine = make_machine(6, 3, 0.3, seed=5)
    draws = sampling.sample(machine, 64 * 4000, seed=2, n_chains=64, burn_in=20, thin=5).mean(-1)
    correlation = np.corrcoef(draws.T)[np.triu_indices(64, 1)]
    assert np.abs(correlation).max() < 5 / np.sqrt(4000)


def test_same_seed_same_numbers():
    machine = make_machine(6, 3, seed=5)
    one = sampling.sample(machine, 2000, seed=4, n_chains=200)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        two = sampling.sample(machine, 2000, seed=4, n_chains=200)
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(one, two)
    assert (one != sampling.sample(machine, 2000, seed=5, n_chains=200)).any()
    plain = [sampling.sample(machine, 20, seed=4, n_chains=20, engine="torch") for _ in range(2)]
    np.testing.assert_array_equal(*plain)


def test_start_of_the_chains():
    """A frozen machine, v -> h = v -> v, keeps the first rows: random bits, or the given measurements."""
    bias = torch.full((6,), -30.0).double()
    frozen = Machine(60 * torch.eye(6).double(), bias, bias)
    random = sampling.sample(frozen, 500, seed=1, n_chains=500, burn_in=0, thin=1)[0]
    assert abs(random.mean() - 0.5) < 0.05 and len(np.unique(random, axis=0)) > 50
    rows = np.array([[1, 0, 0, 1, 1, 0], [0, 1, 1, 1, 1, 1]], np.uint8)
    started = sampling.sample(frozen, 500, seed=1, start=rows, n_chains=500, burn_in=3, thin=2)[0]
    share = (started == rows[0]).all(1).mean()
    assert abs(share - 0.5) < 0.1 and ((started == rows[1]).all(1).mean() == pytest.approx(1 - share))
    tensor = torch.from_numpy(rows)
    assert torch.equal(sampling.gibbs(frozen, tensor, 5, seed=0), tensor)
    np.testing.assert_array_equal(sampling.gibbs(make_machine(6, 6), rows, 0, seed=0), rows)


def test_draws_are_rounded_up_and_shaped():
    machine = make_machine(3, 2)
    assert sampling.sample(machine, 101, seed=0, n_chains=10).shape == (11, 10, 3)
    assert sampling.sample(machine, 1, seed=0, n_chains=10).shape == (1, 10, 3)


@pytest.mark.parametrize("arguments, message", [
    ({"n_samples": 0}, "n_samples to be an integer >= 1, got 0"),
    ({"n_chains": 0}, "n_chains"), ({"thin": 0}, "thin"), ({"thin": 2.5}, "thin"),
    ({"burn_in": -1}, "burn_in"),
    ({"engine": "cuda"}, "engine"), ({"precision": "float16"}, "precision"),
    ({"start": [[0, 1]]}, "3 columns"), ({"start": [[0, 1, 2]]}, "0 and 1, got 2 in row 0, column 2"),
])
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=f"expected .*{message}"):
        sampling.sample(make_machine(3, 2), **({"n_samples": 10, "seed": 0} | arguments))
    with pytest.raises(ValueError, match="n_sweeps"):
        sampling.gibbs(make_machine(3, 2), [[0, 1, 1]], -1, seed=0)
    with pytest.raises(ValueError, match="seed"):
        sampling.sample(make_machine(3, 2), 10, seed=-1)


def test_what_is_no_machine_and_rows_of_another_width_are_refused():
    machine = make_machine(3, 2)
    for function in (lambda machine, rows: sampling.gibbs(machine, rows, 1, seed=0),
                     lambda machine, rows: sampling.sample(machine, 10, seed=0, start=rows)):
        with pytest.raises(ValueError, match="expected a Machine, got PositiveState; try its .machine"):
            function(PositiveState(machine), [[0, 1, 1]])
        with pytest.raises(ValueError, match="got 2; try a machine of 2 visible units"):
            function(machine, [[0, 1]])
