"""Density matrices: noise and measures by their definitions, purified machines against brute force, their training."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lib.conventions import GATES, PAULI, state_index
from lib.rbm import rotations
from lib.rbm.complex_state import ComplexState, MixedState
from lib.rbm.complex_training import StateSettings, fit, train
from lib.spins import bases, completeness, density, density_fit, ising, vectors
from tests import oracles
from tests.rbm.test_complex_state import both, make_state, random_rows
from tests.spins.test_bases import kron, random_psi


def random_rho(n_spins, rank, seed):
    parts = np.random.default_rng(seed).standard_normal((2, 2**n_spins, rank))
    columns = parts[0] + 1j * parts[1]
    rho = columns @ columns.conj().T
    return rho / np.trace(rho).real


def make_mixed(n_spins, n_ancillas, n_hidden, scale, seed):
    pure = make_state(n_spins + n_ancillas, n_hidden, n_hidden + 1, scale, seed)
    return MixedState(pure.amplitude, pure.phase, n_ancillas)


def all_bases(n_spins):
    return [""] if n_spins == 0 else [a + b for a in "XYZ" for b in all_bases(n_spins - 1)]


# --- density matrices


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("site_operators", [("X",), ("Z", "Y"), ("X", "X", "Z")])
def test_noise_shrinks_paulis_as_it_should(chance, site_operators):
    """Depolarizing shrinks each Pauli operator by 1 - chance, dephasing X and Y only."""
    n_spins = len(site_operators)
    rho = random_rho(n_spins, 2, 1)
    operator = kron([PAULI[letter] for letter in site_operators])
    before = np.trace(rho @ operator)
    after = np.trace(density.depolarized(rho, chance) @ operator)
    assert after == pytest.approx(before * (1 - chance) ** n_spins, abs=1e-13)
    crossing = sum(letter != "Z" for letter in site_operators)
    after = np.trace(density.dephased(rho, chance) @ operator)
    assert after == pytest.approx(before * (1 - chance) ** crossing, abs=1e-13)


def test_measures_of_density_matrices():
    one, other = random_psi(3, 1), random_psi(3, 2)
    assert density.fidelity(one, other) == pytest.approx(abs(np.vdot(one, other)) ** 2, abs=1e-7)
    rho = random_rho(3, 3, 4)
    assert density.fidelity(one, rho) == pytest.approx((one.conj() @ rho @ one).real, abs=1e-7)
    assert density.fidelity(rho, rho) == pytest.approx(1) and density.purity(one) == pytest.approx(1)
    assert density.fidelity(rho, random_rho(3, 2, 5)) == pytest.approx(density.fidelity(random_rho(3, 2, 5), rho))
    # Commuting matrices: the classical (sum sqrt(p q))^2.
    p, q = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.4, 0.1, 0.4, 0.1])
    assert density.fidelity(np.diag(p), np.diag(q)) == pytest.approx(np.sqrt(p * q).sum() ** 2)
    assert density.entropy(np.diag(p)) == pytest.approx(-np.sum(p * np.log(p)))
    assert density.renyi2(np.diag(p)) == pytest.approx(-np.log(np.sum(p**2)))
    for region in ([0], [2, 0], [1, 2]):
        expected = oracles.reduced_density_matrix(one, region)
        np.testing.assert_allclose(density.reduced(one, region), expected, atol=1e-13)
        assert density.renyi2(one, region) == pytest.approx(ising.renyi2(one, region), abs=1e-12)
    assert density.entropy(vectors.ghz(4), [0, 1]) == pytest.approx(np.log(2))


@pytest.mark.parametrize("basis", ["Z", "XY", "YZX"])
def test_probabilities_and_samples_of_a_density_matrix(basis):
    rho = random_rho(len(basis), 2, 8)
    turn = kron([GATES[letter] for letter in basis])
    expected = np.diagonal(turn @ rho @ turn.conj().T).real
    np.testing.assert_allclose(bases.probabilities(rho, basis), expected, atol=1e-14)
    drawn = bases.sample(rho, basis, 20_000, rng=np.random.default_rng(3))
    assert oracles.chi_square(state_index(drawn.bits), expected)[2] > 0.001
    psi = random_psi(len(basis), 4)
    np.testing.assert_allclose(bases.probabilities(density.density_matrix(psi), basis),
                               bases.probabilities(psi, basis), atol=1e-14)


@pytest.mark.parametrize("names, rank", [(["Z"], 2), (["X", "Y", "Z"], 4), (["XZ"], 4), (all_bases(2), 16),
                                         (all_bases(2)[1:], 15), (["ZZ", "XZ", "ZX", "YZ", "ZY"], 12),
                                         (all_bases(3), 64)])
def test_how_much_of_a_density_matrix_bases_determine(names, rank):
    """Against the rank of the projectors themselves."""
    n_spins = len(names[0])
    found = bases.measured(np.zeros((len(names), n_spins), int), names)
    assert completeness.density_rank(found) == (rank, 4**n_spins)
    rows = [np.outer(row.conj(), row).ravel() for name in names for row in kron([GATES[letter] for letter in name])]
    assert np.linalg.matrix_rank(np.array(rows)) == rank


@pytest.mark.parametrize("call, message", [
    (lambda: density.depolarized([1, 0], 1.5), "a chance from 0 to 1, got 1.5"),
    (lambda: density.dephased([1, 0], np.nan), "a chance from 0 to 1, got nan"),
    (lambda: density.fidelity([1, 0], [1, 0, 0, 0]), "two states of the same spins"),
    (lambda: density.purity(np.eye(2)), "trace 1 without negative eigenvalues, got trace 2"),
    (lambda: density.purity(np.diag([1.5, -0.5])), "lowest eigenvalue of -0.5"),
    (lambda: density.purity([[0.5, 0.5], [0.0, 0.5]]), "finite and Hermitian"),
    (lambda: density.purity(np.full((2, 2), np.nan)), "finite and Hermitian"),
    (lambda: density.purity(np.eye(3) / 3), r"density matrix of shape \(2\^n_spins, 2\^n_spins\), got \(3, 3\)"),
    (lambda: density.entropy([1, 0, 0, 0], [2]), "region of sites 0 to 1, got 2"),
    (lambda: bases.sample(np.eye(4) / 4, "XZZ", 10, rng=np.random.default_rng(1)), "with 2 letters"),
    (lambda: completeness.density_rank(bases.measured([[0] * 6], "ZZZZZZ")), "from 1 to 5, got 6"),
    (lambda: MixedState(*(2 * [ComplexState.random(2, 2, seed=1).amplitude]), 2), "n_ancillas from 1 to 1"),
    (lambda: MixedState(*(2 * [ComplexState.random(2, 2, seed=1).amplitude]), True), "n_ancillas from 1 to 1, .* True"),
    (lambda: MixedState.random(16, 2, n_ancillas=1, seed=1).density_matrix(), "a density matrix of 16 spins = "),
])
def test_what_is_no_mixed_state_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- machines


@settings(max_examples=20)
@given(n_spins=st.integers(1, 3), n_ancillas=st.integers(1, 2), n_hidden=st.integers(1, 4),
       scale=st.sampled_from([0.3, 1.0, 4.0]), seed=st.integers(0, 10**6))
def test_density_matrix_and_probabilities_of_a_machine(n_spins, n_ancillas, n_hidden, scale, seed):
    state = make_mixed(n_spins, n_ancillas, n_hidden, scale, seed)
    exact = oracles.mixed_rho(*both(state), n_ancillas)
    np.testing.assert_allclose(state.density_matrix().numpy(), exact, atol=1e-12)
    rows, matrices = random_rows(n_spins, 6, seed)
    expected = oracles.mixed_nll(*both(state), rows.bits, matrices)
    assert rotations.negative_log_likelihood(state, rows) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=10)
@given(n_spins=st.integers(1, 2), n_ancillas=st.integers(1, 2), n_hidden=st.integers(1, 4),
       scale=st.sampled_from([0.3, 1.0]), seed=st.integers(0, 10**6))
def test_gradients_of_mixed_states_agree_with_finite_differences(n_spins, n_ancillas, n_hidden, scale, seed):
    state = make_mixed(n_spins, n_ancillas, n_hidden, scale, seed)
    rows, matrices = random_rows(n_spins, 5, seed)
    assume(min(np.exp(2 * rotations.log_amplitudes(state, rows).real)) > 1e-3)
    ours = np.concatenate([part.numpy().ravel() for of in rotations.gradient(state, rows) for part in of])
    flat, slope, step = rotations.flat_parameters(state), [], 1e-5
    for place in range(len(flat)):
        values = []
        for move in (-2, -1, 1, 2):
            moved = flat.copy()
            moved[place] += move * step
            values.append(oracles.mixed_nll(*both(rotations.from_flat(moved, state)), rows.bits, matrices))
        slope.append((values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step))
    np.testing.assert_allclose(ours, slope, atol=1e-6, rtol=1e-6)


def test_mixed_states_of_huge_energies():
    state = make_mixed(2, 2, 3, 1.0, 3)
    flat = rotations.flat_parameters(state)
    flat[12] = -1500.0  # the first visible bias of the amplitude machine, after 4 x 3 weights: spin 0 is down
    state = rotations.from_flat(flat, state)
    rows, matrices = random_rows(2, 12, 2, letters="XYT")
    expected = oracles.mixed_nll(*both(state), rows.bits, matrices)
    assert rotations.negative_log_likelihood(state, rows) == pytest.approx(expected, rel=1e-9)
    assert np.isfinite(rotations._sum(state, rows, np.arange(12), True, exact=True)[1]).all()


def test_divergences_from_a_density_matrix():
    state, target = make_mixed(2, 1, 3, 0.8, 2), density.depolarized(random_psi(2, 3), 0.2)
    q, p = (bases.probabilities(rho, "XY") for rho in (target, state.density_matrix().numpy()))
    assert rotations.kl_divergences(target, state, ["XY"])[0] == pytest.approx(np.sum(q * np.log(q / p)), abs=1e-12)


@pytest.mark.parametrize("negative_phase", ["exact", "sampled"])
def test_a_noisy_bell_state_is_learnt(negative_phase):
    rho = density.depolarized(vectors.ghz(2, 0.8), 0.1)
    rng = np.random.default_rng(2)
    rows = bases.sample(rho, list(rng.choice(all_bases(2), 6000)), rng=rng)
    settings = StateSettings(epochs=60, batch_size=50, n_gibbs=5, optimizer="adam", learning_rate=0.05,
                             final_learning_rate=0.001, negative_phase=negative_phase)
    last = fit(MixedState.random(2, 4, seed=1), rows, settings, seed=1)
    found = last.state.density_matrix().numpy()
    assert isinstance(last.state, MixedState)
    # Chains of five sweeps are noisy.
    assert density.fidelity(found, rho) > (0.96 if negative_phase == "exact" else 0.85)
    assert density.purity(found) == pytest.approx(density.purity(rho), abs=0.1)


def test_a_noisy_w_state_is_learnt_from_a_hundred_shots_a_basis():
    """The start with the lowest loss is about as good as the likeliest of all density matrices."""
    rho = density.depolarized(vectors.w(2, [0.0, 0.8]), 0.1)
    rows = bases.sample(rho, [name for name in all_bases(2) for _ in range(100)], rng=np.random.default_rng(1))
    settings = StateSettings(epochs=200, batch_size=50, optimizer="adam", learning_rate=0.05,
                             final_learning_rate=0.0005)
    starts = [fit(MixedState.random(2, 8, seed=seed), rows, settings, seed=seed).state for seed in (1, 2, 3)]
    found = min(starts, key=lambda state: rotations.negative_log_likelihood(state, rows)).density_matrix().numpy()
    likeliest = density_fit.maximum_likelihood(rows).rho
    assert density.fidelity(found, rho) > max(0.94, density.fidelity(likeliest, rho) - 0.02)


def test_a_dephased_ghz_state_is_learnt():
    """From 10,000 shots in random bases; of three starts, one of which gets stuck, that with the lowest loss."""
    rho = density.dephased(vectors.ghz(3, 0.8), 0.1)
    names = list(np.random.default_rng(1).choice(all_bases(3), 10_000))
    rows = bases.sample(rho, names, rng=np.random.default_rng(2))
    settings = StateSettings(epochs=60, batch_size=100, optimizer="adam", learning_rate=0.05,
                             final_learning_rate=0.0005)
    starts = [fit(MixedState.random(3, 12, seed=seed), rows, settings, seed=seed).state for seed in (1, 2, 3)]
    found = min(starts, key=lambda state: rotations.negative_log_likelihood(state, rows)).density_matrix().numpy()
    assert density.fidelity(found, rho) > 0.99
    assert density.purity(found) == pytest.approx(density.purity(rho), abs=0.02)
    assert density.fidelity(found, vectors.ghz(3, 0.8)) < 0.9  # the noise is learnt, too: 0.86 is right


@pytest.mark.parametrize("names, message", [
    (["XX", "YY", "ZZ"], "a density matrix of 2 spins, 16 numbers, got 3 that determine"),
    (all_bases(2)[:-1], "got 8 that determine 15 of them; try all products"),
    (["ZZ"], "got none that turns spins 0, 1"),
])
def test_bases_that_leave_a_density_matrix_open_are_refused(names, message):
    rows = bases.measured(np.zeros((len(names), 2), int), names)
    with pytest.raises(ValueError, match=message):
        train(MixedState.random(2, 2, seed=1), rows, StateSettings(), seed=1)
    assert next(train(MixedState.random(2, 2, seed=1), rows, StateSettings(allow_undetermined=True), seed=1)).epoch == 0
