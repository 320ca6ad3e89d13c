"""Density matrices by maximum likelihood and linear inversion, against the conditions that define them."""

import itertools

import numpy as np
import pytest

from lib.conventions import GATES
from lib.spins import bases, density, density_fit, vectors
from tests.rbm.test_mixed_state import all_bases, random_rho
from tests.spins.test_bases import kron


def rows_of(rho, n_samples, seed, names=None):
    rng = np.random.default_rng(seed)
    n_spins = len(rho).bit_length() - 1
    return bases.sample(rho, list(rng.choice(names or all_bases(n_spins), n_samples)), rng=rng)


def projectors(rows):
    for bits, name in zip(rows.bits, rows.bases(), strict=True):
        bra = kron([GATES[letter][[bit]] for letter, bit in zip(name, bits, strict=True)])
        yield bra.conj().T @ bra


@pytest.mark.parametrize("seed", [1, 2])
def test_the_likeliest_matrix_fulfils_the_conditions_of_a_maximum(seed):
    """R rho = rho and R <= 1 with R = mean of projectors over their probabilities: no other matrix is likelier."""
    rho = density.depolarized(vectors.w(2, [0.0, 0.8]), 0.1)
    rows = rows_of(rho, 400, seed)
    found = density_fit.maximum_likelihood(rows, seed=seed)
    total, loss = np.zeros((4, 4), complex), 0.0
    for projector in projectors(rows):
        chance = np.trace(projector @ found.rho).real
        total, loss = total + projector / chance / 400, loss - np.log(chance) / 400
    np.testing.assert_allclose(total @ found.rho, found.rho, atol=1e-4)
    assert np.linalg.eigvalsh(total).max() < 1 + 1e-3
    assert found.converged and found.negative_log_likelihood == pytest.approx(loss, abs=1e-9)
    assert np.trace(found.rho).real == pytest.approx(1) and np.linalg.eigvalsh(found.rho).min() > -1e-12


def test_a_mixed_state_is_found_from_many_shots_and_no_start_leads_astray():
    rho = random_rho(3, 3, 5)
    rows = rows_of(rho, 60_000, 3)
    one, other = (density_fit.maximum_likelihood(rows, seed=seed) for seed in (1, 2))
    assert density.fidelity(one.rho, rho) > 0.97
    np.testing.assert_allclose(one.rho, other.rho, atol=1e-4)
    low = density_fit.maximum_likelihood(rows, rank=1)
    assert np.linalg.matrix_rank(low.rho, tol=1e-9) == 1
    assert low.negative_log_likelihood > one.negative_log_likelihood


def test_linear_inversion_is_exact_for_exact_frequencies():
    """Every outcome as often as it is likely, for a state whose probabilities are multiples of 1/4."""
    rho = density.density_matrix(vectors.ghz(2))
    bits, names = [], []
    for name in all_bases(2):
        for index, chance in enumerate(bases.probabilities(rho, name)):
            many = round(4 * chance)
            assert many == pytest.approx(4 * chance)
            bits += [[index >> 1, index & 1]] * many
            names += [name] * many
    np.testing.assert_allclose(density_fit.linear_inversion(bases.measured(bits, names)), rho, atol=1e-13)


def test_linear_inversion_approaches_the_state():
    rho = random_rho(2, 4, 9)
    found = density_fit.linear_inversion(rows_of(rho, 100_000, 1))
    np.testing.assert_allclose(found, rho, atol=0.02)
    assert np.trace(found).real == pytest.approx(1)


def test_the_nearest_density_matrix_is_nearer_than_others():
    matrix = random_rho(2, 4, 1) * 1.5 - random_rho(2, 1, 2) * 0.5
    assert np.linalg.eigvalsh(matrix).min() < -0.1
    found = density_fit.nearest(matrix)
    assert np.trace(found).real == pytest.approx(1) and np.linalg.eigvalsh(found).min() > -1e-12
    distance = np.linalg.norm(found - matrix)
    for seed in range(20):  # on the way to any other the distance grows
        assert np.linalg.norm(found + 1e-3 * (random_rho(2, 2, seed) - found) - matrix) > distance - 1e-12
    rho = random_rho(2, 3, 3)
    np.testing.assert_allclose(density_fit.nearest(rho), rho, atol=1e-12)


@pytest.mark.parametrize("call, message", [
    (lambda rows: density_fit.maximum_likelihood(rows.bits), "measurements with their bases, got ndarray"),
    (lambda rows: density_fit.maximum_likelihood(rows, rank=0), "rank from 1 to 4, got 0"),
    (lambda rows: density_fit.maximum_likelihood(rows.rows([0])), "16 numbers, got 1 that determine 4 of them"),
    (lambda rows: density_fit.maximum_likelihood(bases.measured([[0] * 6], "Z" * 6)), "from 1 to 5, got 6"),
    (lambda rows: density_fit.linear_inversion(bases.measured(
        np.zeros((16, 2), int), ["".join(pair) for pair in itertools.product("XYZT", repeat=2)],
        gates={"T": np.eye(2)})), "X, Y and Z alone"),
])
def test_what_cannot_be_fitted_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(rows_of(density.density_matrix(vectors.ghz(2)), 50, 1))
