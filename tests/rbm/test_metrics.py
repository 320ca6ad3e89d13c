"""Fidelity, KL divergence, likelihood and entropy against their definitions."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.rbm.machine import Machine
from lib.rbm.metrics import entropy, fidelity, kl_divergence, negative_log_likelihood
from lib.rbm.partition import log_partition
from lib.rbm.states import PositiveState
from lib.rbm.training import TrainingResult
from tests import oracles
from tests.rbm.test_states import make_machine, parameters


def random_distribution(n_spins, seed):
    return np.random.default_rng(seed).dirichlet(np.full(2**n_spins, 0.5))


@given(n_visible=st.integers(1, 4), n_hidden=st.integers(1, 4), seed=st.integers(0, 10**6))
def test_metrics_of_random_machines(n_visible, n_hidden, seed):
    machine = make_machine(n_visible, n_hidden, 1.0, seed)
    p, q = oracles.rbm_probabilities(*parameters(machine)), random_distribution(n_visible, seed)
    expected = sum(qi * np.log(qi / pi) for qi, pi in zip(q, p) if qi > 0)
    for model in (machine, PositiveState(machine), p, torch.from_numpy(p)):
        assert kl_divergence(q, model) == pytest.approx(expected, abs=1e-11)
    assert kl_divergence(p, machine) == pytest.approx(0, abs=1e-12)
    assert entropy(q) == pytest.approx(-sum(qi * np.log(qi) for qi in q if qi > 0), abs=1e-12)
    assert fidelity(PositiveState(machine), np.sqrt(q)) == pytest.approx(sum(np.sqrt(p * q)) ** 2, abs=1e-12)
    # The three are tied: KL is the likelihood of data distributed as q, less the entropy of q (4.12).
    counts = np.random.default_rng(seed).multinomial(50, q)
    data = np.repeat(oracles.states(n_visible), counts, axis=0)
    likelihood = negative_log_likelihood(machine, data)
    assert likelihood == pytest.approx(kl_divergence(counts / 50, machine) + entropy(counts / 50), abs=1e-11)
    assert likelihood == pytest.approx(-np.mean(np.repeat(np.log(p), counts)), abs=1e-11)
    log_z = oracles.rbm_log_partition(*parameters(machine))
    assert negative_log_likelihood(machine, data, log_z=log_z) == pytest.approx(likelihood, abs=1e-11)


def test_fidelity_ignores_a_phase_and_conjugates():
    rng = np.random.default_rng(1)
    a, b = (rng.standard_normal(8) + 1j * rng.standard_normal(8) for _ in range(2))
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    assert fidelity(a, np.exp(0.7j) * a) == pytest.approx(1)
    assert fidelity(a, b) == pytest.approx(abs(sum(a.conj() * b)) ** 2)
    assert fidelity(a, a.conj()) < 0.9
    assert fidelity([1, 0], torch.tensor([0.0, 1.0])) == 0


def test_zeros_of_a_distribution():
    assert entropy([1, 0, 0, 0]) == 0
    assert entropy([0.25] * 4) == pytest.approx(2 * np.log(2))
    assert kl_divergence([1, 0], [0.5, 0.5]) == pytest.approx(np.log(2))
    assert kl_divergence([0.5, 0.5], [1, 0]) == float("inf")


def test_kl_stays_finite_where_probabilities_underflow():
    """p = e^-2000 is 0 as a number but not as a logarithm."""
    machine = Machine(torch.zeros(2, 1), torch.tensor([1000.0, 1000.0]), torch.zeros(1))
    assert kl_divergence([1, 0, 0, 0], machine) == pytest.approx(2000)


def test_a_machine_stands_for_its_state_and_its_distribution():
    machine = make_machine(3, 2, 1.0, 0)
    state, p = PositiveState(machine), oracles.rbm_probabilities(*parameters(machine))
    q = random_distribution(3, 1)
    assert fidelity(machine, np.sqrt(q)) == fidelity(state, np.sqrt(q)) == fidelity(np.sqrt(q), machine)
    assert kl_divergence(machine, q) == pytest.approx(kl_divergence(p, q)) == kl_divergence(state, q)
    assert entropy(machine) == entropy(state) == pytest.approx(entropy(p))


@pytest.mark.parametrize("value, hint", [(TrainingResult(make_machine(3, 2, 1.0, 0)), "its .machine"),
                                         (None, r"PositiveState\(machine\)"), ("psi", "a numpy array")])
def test_what_holds_no_numbers_is_refused(value, hint):
    for function in (lambda: fidelity(value, [1, 0]), lambda: fidelity([1, 0], value), lambda: entropy(value),
                     lambda: kl_divergence(value, [1, 0]), lambda: kl_divergence([1, 0], value)):
        with pytest.raises(ValueError, match=f"expected .* as a Machine, .*, got {type(value).__name__}; try .*{hint}"):
            function()
    with pytest.raises(ValueError, match=f"expected a Machine, got {type(value).__name__}; try "):
        negative_log_likelihood(value, [[0, 1, 1]])


@pytest.mark.parametrize("function, message", [
    (lambda state: fidelity(state, [0.6, 0.8, 0]), "2.n_spins entries"),
    (lambda state: fidelity(state, [1, 0]), "same basis, got lengths 8 and 2"),
    (lambda state: fidelity(state, np.ones(8)), "expected target_psi normalised"),
    (lambda state: fidelity(state, [np.nan] + [0] * 7), "finite"),
    (lambda state: kl_divergence([0.5, 0.5], state), "expected 8 target probabilities"),
    (lambda state: kl_divergence([0.5, 0.6], [0.5, 0.5]), "sum to 1"),
    (lambda state: kl_divergence([1.5, -0.5], [0.5, 0.5]), r">= 0, got -0\.5 at basis state 1"),
    (lambda state: kl_divergence([0.5, 0.5], [0.25] * 4), "same basis, got lengths 4 and 2"),
    (lambda state: entropy([np.nan, 1.0]), "got nan at basis state 0"),
    (lambda state: entropy([0.6, 0.8j]), "real"),
    (lambda state: entropy([1.0]), "2.n_spins entries"),
    (lambda state: negative_log_likelihood(state, [[0, 1]]), r"\(\.\.\., 3\)"),
    (lambda state: negative_log_likelihood(state, [[0, 1, 3]]), "0 or 1"),
    (lambda state: negative_log_likelihood(state, np.empty((0, 3))), "at least one measurement"),
])
def test_bad_input_is_refused(function, message):
    with pytest.raises(ValueError, match=message):
        function(PositiveState(make_machine(3, 2, 1.0, 0)))


def test_vectors_within_the_tolerance_of_their_norm_count_as_normalized():
    psi = np.sqrt(random_distribution(4, 1)) * (1 + 4e-7)
    assert fidelity(psi, psi) <= 1 and kl_divergence(psi**2, psi**2) >= 0
    assert kl_divergence(random_distribution(4, 1) * (1 + 9e-7), random_distribution(4, 1)) > -1e-15


def test_a_likelihood_is_a_number():
    machine = make_machine(3, 2, 0.5, seed=1)
    value = negative_log_likelihood(machine, [[0, 1, 1]], log_z=log_partition(machine))
    assert type(value) is float and value == negative_log_likelihood(machine, [[0, 1, 1]])
