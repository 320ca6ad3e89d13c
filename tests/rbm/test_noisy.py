"""States behind noise: likelihoods and matrices against their definitions, and noise that is found with its state."""

from dataclasses import replace

import numpy as np
import pytest

from lib import rng
from lib.rbm import noisy, rotations
from lib.rbm.complex_state import ComplexState, MixedState
from lib.rbm.complex_training import StateSettings
from lib.spins import bases, density, vectors

QUICK = StateSettings(epochs=12, batch_size=50, optimizer="adam", learning_rate=0.1, final_learning_rate=0.005)


def shots(rho, n=3000, seed=1):
    draw = rng.stream(seed, "noisy")
    return bases.sample(rho, bases.random_bases(n, len(rho).bit_length() - 1, rng=draw), rng=draw)


@pytest.mark.parametrize("state", [ComplexState.random(2, 3, seed=1), MixedState.random(2, 3, n_ancillas=1, seed=2)])
@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_outcomes_are_those_of_the_depolarized_matrix(state, chance):
    alone = state.density_matrix() if isinstance(state, MixedState) else state.psi()
    found, rows = noisy.NoisyState(state, chance), shots(np.eye(4) / 4, 60)
    rho = density.depolarized(alone.numpy(), chance)
    assert found.density_matrix() == pytest.approx(rho)
    exact = [-np.log(bases.probabilities(rho, basis)[2 * bits[0] + bits[1]])
             for basis, bits in zip(rows.bases(), rows.bits)]
    assert -found.log_likelihoods(rows) == pytest.approx(np.array(exact))
    assert found.negative_log_likelihood(rows) == pytest.approx(np.mean(exact))
    if chance == 0:
        assert found.negative_log_likelihood(rows) == pytest.approx(rotations.negative_log_likelihood(state, rows))


def test_the_likeliest_chance_is_the_lowest_loss_and_near_the_true_one():
    state = ComplexState.random(3, 4, seed=3, scale=1.0)
    rows = shots(density.depolarized(state.psi().numpy(), 0.2), 6000)
    found = noisy.likeliest_chance(state, rows)
    loss = noisy.NoisyState(state, found).negative_log_likelihood(rows)
    others = [noisy.NoisyState(state, c).negative_log_likelihood(rows) for c in np.linspace(0, 0.9, 19)]
    assert found == pytest.approx(0.2, abs=0.03) and loss <= min(others) + 1e-9


def test_state_and_noise_are_learnt_together():
    rho = density.depolarized(vectors.ghz(2, 1.0), 0.15)
    rows = shots(rho)
    found = noisy.fit(ComplexState.random(2, 4, seed=1), rows, QUICK, seed=1)
    assert found.chance == pytest.approx(0.15, abs=0.03) and density.fidelity(found.density_matrix(), rho) > 0.99
    again = noisy.fit(ComplexState.random(2, 4, seed=1), rows, QUICK, seed=1)
    assert again.chance == found.chance and np.array_equal(again.state.psi(), found.state.psi())
    one = noisy.fit(ComplexState.random(2, 4, seed=1), rows, replace(QUICK, epochs=2), n_rounds=1, chance=0.4, seed=1)
    other = noisy.fit(ComplexState.random(2, 4, seed=1), rows, replace(QUICK, epochs=2), n_rounds=1, seed=1)
    assert not np.allclose(one.state.psi(), other.state.psi())


def test_what_makes_no_noisy_state_is_refused():
    state, rows = ComplexState.random(2, 2, seed=1), shots(np.eye(4) / 4, 20)
    for call, message in ((lambda: noisy.NoisyState(state, 1.5), "a chance from 0 to 1, got 1.5"),
                          (lambda: noisy.NoisyState(ComplexState.random(9, 2, seed=1), 0.1), "from 1 to 8, got 9"),
                          (lambda: noisy.NoisyState(state.amplitude, 0.1), "ComplexState or MixedState"),
                          (lambda: noisy.fit(state, rows, QUICK, chance=-0.1, seed=1), "from 0 to 1, got -0.1"),
                          (lambda: noisy.fit(state, rows, QUICK, n_rounds=0, seed=1), "n_rounds")):
        with pytest.raises(ValueError, match=message):
            call()
