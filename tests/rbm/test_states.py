"""Positive states: amplitudes and flip ratios against brute-force sums over the hidden units."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from lib.rbm import sampling
from lib.rbm.machine import Machine
from lib.rbm.states import PositiveState, softplus
from tests import oracles


def make_machine(n_visible, n_hidden, scale, seed):
    """Normal weights and biases of this scale, both kinds of bias nonzero."""
    rng = np.random.default_rng(seed)
    return Machine(*(torch.from_numpy(scale * rng.standard_normal(shape))
                     for shape in ((n_visible, n_hidden), (n_visible,), (n_hidden,))))


def parameters(machine):
    return tuple(value.numpy() for value in (machine.weights, machine.visible_bias, machine.hidden_bias))


def brute_log_amplitudes(machine):
    """ln psi of all states up to a constant: half the log of the sum of e^-E(v, h) over all h."""
    hidden = oracles.states(machine.n_hidden)
    return np.array([0.5 * logsumexp([-oracles.rbm_energy(*parameters(machine), v, h) for h in hidden])
                     for v in oracles.states(machine.n_visible)])


def brute_flips(machine):
    """ln psi(flip i)/psi for all states: flipping site i changes the index by the bit 2^(n - 1 - i)."""
    log_psi, n = brute_log_amplitudes(machine), machine.n_visible
    return np.array([[log_psi[k ^ 2 ** (n - 1 - i)] - log_psi[k] for i in range(n)] for k in range(2**n)])


@settings(max_examples=60)
@given(n_visible=st.integers(1, 4), n_hidden=st.integers(1, 5), scale=st.sampled_from([0.01, 1.0, 5.0, 50.0]),
       seed=st.integers(0, 10**6), engine=st.sampled_from(["numba", "torch"]))
def test_flip_ratios_are_those_of_the_amplitudes(n_visible, n_hidden, scale, seed, engine):
    machine = make_machine(n_visible, n_hidden, scale, seed)
    rows = oracles.states(n_visible)
    ratios = PositiveState(machine).flip_log_ratios(rows.astype(np.uint8), engine=engine)
    assert ratios.dtype == torch.float64
    # The reference itself loses digits to energies of up to some hundreds.
    np.testing.assert_allclose(ratios.numpy(), brute_flips(machine), rtol=1e-11, atol=1e-12 * max(1, scale))


@given(n_visible=st.integers(1, 4), n_hidden=st.integers(1, 4), seed=st.integers(0, 10**6))
def test_log_psi_and_psi(n_visible, n_hidden, seed):
    machine = make_machine(n_visible, n_hidden, 1.5, seed)
    state, rows = PositiveState(machine), oracles.states(n_visible)
    np.testing.assert_allclose(state.log_psi(rows), brute_log_amplitudes(machine), atol=1e-12)
    exact = np.sqrt(oracles.rbm_probabilities(*parameters(machine)))
    np.testing.assert_allclose(state.psi(), exact, atol=1e-13)


@pytest.mark.parametrize("weight", [50.0, 599.0, 601.0, 1e5])
def test_flip_ratios_of_huge_weights_stay_finite(weight):
    """40 hidden units of weight +-50 multiply to e^2000: logarithms must be taken on the way."""
    signs = np.where(np.random.default_rng(3).random((3, 40)) < 0.5, -1.0, 1.0)
    machine = Machine(torch.from_numpy(weight * signs), torch.zeros(3, dtype=torch.float64),
                      torch.full((40,), -0.5 * weight, dtype=torch.float64))
    rows = oracles.states(3)
    theta = rows @ (weight * signs) - 0.5 * weight
    expected = np.empty(rows.shape)
    for i in range(3):
        step = (1 - 2 * rows[:, [i]]) * weight * signs[i]
        expected[:, i] = 0.5 * (np.logaddexp(theta + step, 0) - np.logaddexp(theta, 0)).sum(1)
    for engine in ("auto", "torch"):
        ratios = PositiveState(machine).flip_log_ratios(rows, engine=engine).numpy()
        np.testing.assert_allclose(ratios, expected, rtol=1e-12, atol=1e-9)
    assert np.abs(expected).max() > weight


def test_both_engines_agree_on_many_samples_of_any_shape():
    machine = make_machine(12, 17, 0.8, 5)
    bits = np.random.default_rng(0).integers(0, 2, (50, 7, 12), dtype=np.uint8)
    state = PositiveState(machine)
    compiled, plain = (state.flip_log_ratios(bits, engine=engine) for engine in ("numba", "torch"))
    assert compiled.shape == (50, 7, 12)
    torch.testing.assert_close(compiled, plain, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(state.flip_log_ratios(torch.from_numpy(bits)), compiled, rtol=0, atol=0)
    torch.testing.assert_close(state.flip_log_ratios(bits[3, 2]), compiled[3, 2], rtol=0, atol=0)


@pytest.mark.parametrize("n_visible, n_hidden, scale, n_rows", [(1, 1, 1.0, 2), (5, 3, 4.0, 16), (12, 17, 0.8, 50),
                                                                (7, 40, 60.0, 9)])  # the last beyond the range
@pytest.mark.parametrize("form", [np.uint8, np.float64, torch.uint8])
def test_sums_over_flips_are_sums_of_the_ratios(n_visible, n_hidden, scale, n_rows, form):
    machine = make_machine(n_visible, n_hidden, scale, 5)
    bits = np.random.default_rng(0).integers(0, 2, (3, n_rows, n_visible), dtype=np.uint8)
    state = PositiveState(machine)
    sums, walls = state.flip_sums(torch.from_numpy(bits) if form is torch.uint8 else bits.astype(form))
    torch.testing.assert_close(sums, state.flip_log_ratios(bits, engine="torch").exp().sum(-1), rtol=1e-11, atol=0)
    assert np.array_equal(walls, np.abs(np.diff(bits.astype(int))).sum(-1))
    assert state.flip_sums(bits[:0])[0].shape == (0, n_rows)


def test_plain_engine_splits_into_blocks(monkeypatch):
    machine = make_machine(4, 3, 1.0, 5)
    rows = oracles.states(4)
    whole = PositiveState(machine).flip_log_ratios(rows, engine="torch")
    monkeypatch.setattr("lib.rbm.states.CHUNK_VALUES", 30)
    blocks = PositiveState(machine).flip_log_ratios(rows, engine="torch")
    torch.testing.assert_close(blocks, whole, rtol=1e-13, atol=1e-13)


def test_a_float32_machine_has_float64_amplitudes():
    """The weights are rounded; everything computed from them is not."""
    machine = make_machine(6, 4, 1.0, 9).to(dtype=torch.float32)
    single, double = PositiveState(machine), PositiveState(machine.to(dtype=torch.float64))
    rows = oracles.states(6)
    for function in (lambda state: state.flip_log_ratios(rows, engine="numba"),
                     lambda state: state.flip_log_ratios(rows, engine="torch"),
                     lambda state: state.log_psi(rows), PositiveState.psi):
        torch.testing.assert_close(function(single), function(double), rtol=0, atol=0)


def test_softplus_is_accurate_beyond_the_threshold_of_torch():
    x = torch.tensor([-800.0, -1.0, 0.0, 21.0, 30.0, 800.0], dtype=torch.float64)
    np.testing.assert_allclose(softplus(x), np.logaddexp(x.numpy(), 0), rtol=1e-15)


def test_sampling_is_that_of_the_machine():
    machine = make_machine(5, 3, 0.5, 2)
    ours = PositiveState(machine).sample(100, seed=4, n_chains=10, burn_in=20, thin=2)
    assert tuple(ours.shape) == (10, 10, 5)
    theirs = sampling.sample(machine, 100, seed=4, n_chains=10, burn_in=20, thin=2)
    assert np.array_equal(np.asarray(ours), np.asarray(theirs))
    default = PositiveState(machine).sample(100, seed=4)
    assert np.array_equal(np.asarray(default), np.asarray(sampling.sample(machine, 100, seed=4)))


@pytest.mark.parametrize("bad, message", [
    ([[0, 1, 2]], r"expected bits 0 or 1, got 2 at index \(0, 2\)"),
    ([[0, 1, 1], [1, -1, 0]], r"got -1 at index \(1, 1\); try conventions.bits_from_spins"),
    ([[0.0, float("nan"), 1.0]], "got nan"),
    ([[0, 1]], r"of shape \(\.\.\., 3\)"),
])
def test_bad_bits_are_refused(bad, message):
    state = PositiveState(make_machine(3, 2, 1.0, 0))
    for function in (state.log_psi, state.flip_log_ratios, state.flip_sums):
        with pytest.raises(ValueError, match=message):
            function(bad)


def test_unknown_engine_is_refused():
    with pytest.raises(ValueError, match='expected engine "auto", "numba" or "torch", got \'cuda\''):
        PositiveState(make_machine(3, 2, 1.0, 0)).flip_log_ratios([0, 1, 1], engine="cuda")


def test_only_a_machine_makes_a_state():
    state = PositiveState(make_machine(3, 2, 1.0, 0))
    assert repr(state) == "PositiveState(machine=Machine(3 visible, 2 hidden, float64, cpu))"
    with pytest.raises(ValueError, match="expected a Machine, got PositiveState; try its .machine"):
        PositiveState(state)
