"""Free fermions against exact diagonalization, closed forms, and enumeration by chi-square."""

import math

import numpy as np
import pytest

from lib import rng
from lib.conventions import spins_from_bits, state_index
from lib.spins import free_fermions as ff
from lib.spins import ising
from tests import oracles


@pytest.mark.parametrize("n_spins", [1, 2, 3, 6, 11])
@pytest.mark.parametrize("field", [0.02, 0.5, 1.0, 2.0, 30.0])
def test_agrees_with_exact_diagonalization(n_spins, field):
    value, psi = ising.ground_state(n_spins, field)
    assert ff.ground_state_energy(n_spins, field) == pytest.approx(value, abs=1e-12 * max(1, -value))
    np.testing.assert_allclose(ff.magnetization_x(n_spins, field), ising.magnetization_x(psi), atol=1e-12)
    np.testing.assert_allclose(ff.correlation_zz(n_spins, field), ising.correlation_zz(psi), atol=1e-12)


def by_determinants(n_spins, field):
    """The correlations as they are defined, one determinant each."""
    bonds = ff._polar_factor(n_spins, field)[:-1, 1:]
    table = np.eye(n_spins)
    for i in range(n_spins):
        for j in range(i + 1, n_spins):
            table[i, j] = table[j, i] = np.linalg.det(bonds[i:j, i:j])
    return table


@pytest.mark.parametrize("n_spins", [1, 2, 3, 8, 9, 10, 17, 40])
@pytest.mark.parametrize("field", [0.0, 1e-6, 0.3, 0.999, 1.0, 1.001, 1.3, 3.0, 60.0, 1e4, 1e9])
def test_correlations_are_the_determinants(n_spins, field):
    table = ff.correlation_zz(n_spins, field)
    np.testing.assert_allclose(table, by_determinants(n_spins, field), atol=2e-14)
    for site in range(n_spins):
        np.testing.assert_allclose(ff.correlation_zz(n_spins, field, site=site), table[site], atol=2e-14)
    assert (table == table.T).all()


@pytest.mark.parametrize("field", [0.5, 1.0, 1.02, 1.2, 2.0, 50.0])
def test_a_row_of_a_long_chain(field):
    # Against determinants of some distances, and the same chain seen from its other end.
    n_spins, site = 300, 120
    row = ff.correlation_zz(n_spins, field, site=site)
    bonds = ff._polar_factor(n_spins, field)[:-1, 1:]
    for other in (0, 50, 119, 121, 150, 220, 299):
        i, j = sorted((site, other))
        assert row[other] == pytest.approx(np.linalg.det(bonds[i:j, i:j]), abs=1e-13)
    np.testing.assert_allclose(ff.correlation_zz(n_spins, field, site=n_spins - 1 - site), row[::-1], atol=1e-12)


@pytest.mark.parametrize("field", [1.5, 3.0, 1e3])
def test_correlations_too_small_for_rounding_are_zero(field):
    # 3^-400 is no float64; determinants of such sites are noise of either sign.
    row = ff.correlation_zz(400, field, site=0)
    assert np.isfinite(row).all() and (row >= 0).all() and row[-1] == 0
    assert (np.diff(row[:200]) <= 0).all()
    visible = row > 1e-12  # falls off as field^-distance, up to a power
    distance = np.arange(400)[visible][1:]
    assert (row[visible][1:] < field**-distance.astype(float) * 1.01).all()


@pytest.mark.parametrize("site", [-1, 5, 1.0, True, "2", [1]])
def test_a_row_of_no_site_is_refused(site):
    with pytest.raises(ValueError, match="expected site of sites 0 to 4, got"):
        ff.correlation_zz(5, 1.0, site=site)


def test_critical_energy_in_closed_form():
    # At h = J the open chain has E = 1 - 1 / sin(pi / (4 N + 2)) (Pfeuty 1970).
    for n_spins in (4, 50, 300):
        exact = 1 - 1 / math.sin(math.pi / (4 * n_spins + 2))
        assert ff.ground_state_energy(n_spins, 1.0) == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize("field", [0.0, 1e-6])
@pytest.mark.parametrize("n_spins", [4, 5, 40])
def test_vanishing_field_gives_the_cat_state(n_spins, field):
    # The lowest singular value, of order h^n, is zero in rounded arithmetic.
    np.testing.assert_allclose(ff.correlation_zz(n_spins, field), np.ones((n_spins, n_spins)), atol=1e-5)
    np.testing.assert_allclose(ff.magnetization_x(n_spins, field), 0, atol=1e-5)
    bits = ff.sample(n_spins, field, 200, rng=rng.stream(1, "cat"))
    assert (bits == bits[:, :1]).all() and 60 < bits[:, 0].sum() < 140


def test_energy_is_that_of_its_correlations():
    for field in (0.5, 1.0, 2.0):
        bonds = np.diagonal(ff.correlation_zz(60, field), 1).sum()
        by_parts = -bonds - field * ff.magnetization_x(60, field).sum()
        assert by_parts == pytest.approx(ff.ground_state_energy(60, field), rel=1e-12)


@pytest.mark.parametrize("field", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("n_spins", [2, 10])
def test_samples_follow_the_exact_distribution(n_spins, field):
    _, psi = ising.ground_state(n_spins, field)
    bits = ff.sample(n_spins, field, 300_000, rng=rng.stream(1, "free fermions", n_spins, str(field)))
    assert bits.dtype == np.uint8
    _, _, p_value = oracles.chi_square(state_index(bits), psi**2)
    assert p_value > 1e-3


def test_samples_reproduce_long_correlations():
    # 26 bonds: three full panels of eight and a rest of two.
    n_spins, n_samples = 27, 40_000
    bits = ff.sample(n_spins, 1.0, n_samples, rng=rng.stream(1, "long"))
    spins = spins_from_bits(bits).astype(float)
    exact = ff.correlation_zz(n_spins, 1.0)
    error = np.sqrt((1 - exact**2) / n_samples) + 1e-12
    assert (np.abs(spins.T @ spins / n_samples - exact) < 5 * error).all()
    assert (np.abs(spins.mean(axis=0)) < 5 / math.sqrt(n_samples)).all()


def test_bonds_follow_plain_elimination():
    # The panels and one bond at a time must take the same decisions from the same random numbers.
    for n_spins in (2, 8, 9, 10, 17, 30):
        uniforms = rng.stream(1, "plain", n_spins).random((50, n_spins))

        class Given:
            def random(self, shape, numbers=uniforms):
                return numbers[: shape[0]]

        bits = ff.sample(n_spins, 0.9, 50, rng=Given())
        for row, numbers in zip(bits, uniforms):
            matrix = ff._polar_factor(n_spins, 0.9)[:-1, 1:]
            spin = int(numbers[0] < 0.5)
            assert row[0] == spin
            for site in range(1, n_spins):
                bond = 1 if 2 * numbers[site] < 1 + matrix[0, 0] else -1
                spin = spin if bond == 1 else 1 - spin
                assert row[site] == spin
                pivot = 1 + bond * matrix[0, 0]
                matrix = matrix[1:, 1:] - bond * np.outer(matrix[1:, 0], matrix[0, 1:]) / pivot


def test_batches_do_not_show():
    # 5000 samples take two batches; the first rows are those of a smaller request.
    long = ff.sample(3, 1.0, 5000, rng=rng.stream(1, "batch"))
    np.testing.assert_array_equal(long[:100], ff.sample(3, 1.0, 100, rng=rng.stream(1, "batch")))
    assert (long[:100] != long[4096:4196]).any()


def test_one_spin_is_a_fair_coin():
    bits = ff.sample(1, 1.0, 1000, rng=rng.stream(1, "coin"))
    assert bits.shape == (1000, 1) and 400 < bits.sum() < 600


def test_arguments_that_do_not_fit_are_refused():
    for function in (ff.ground_state_energy, ff.magnetization_x, ff.correlation_zz):
        with pytest.raises(ValueError, match="expected field to be a finite number >= 0"):
            function(4, -0.1)
        with pytest.raises(ValueError, match="got nan"):
            function(4, float("nan"))
        with pytest.raises(ValueError, match="expected n_spins"):
            function(0, 1.0)
    with pytest.raises(ValueError, match="n_samples to be an integer >= 1, got 0"):
        ff.sample(4, 1.0, 0, rng=rng.stream(1))


@pytest.mark.parametrize("n_spins, field, cut", [(9, 1.0, 4), (10, 0.5, 5), (10, 2.0, 1), (8, 1.3, 7)])
def test_schmidt_weights_are_those_of_the_state(n_spins, field, cut):
    _, psi = ising.ground_state(n_spins, field)
    weights = np.linalg.svd(psi.reshape(2**cut, -1), compute_uv=False) ** 2
    found = ff.schmidt_weights(n_spins, field, cut)
    n = min(len(found), len(weights))
    np.testing.assert_allclose(found[:n], weights[:n], atol=1e-13)
    assert found[n:].sum() < 1e-12 and found.sum() == pytest.approx(1, abs=1e-12)


def test_the_bond_dimension_leaves_out_as_much_as_it_may():
    for field, discarded in ((1.0, 1e-6), (0.5, 1e-4), (2.0, 1e-10)):
        weights = ff.schmidt_weights(14, field, 7)
        bond = ff.bond_dimension(14, field, discarded)
        assert weights[bond:].sum() <= discarded < weights[bond - 1:].sum()


def test_the_entropy_of_half_a_critical_chain_grows_with_a_twelfth_of_the_logarithm():
    entropies = []
    for n_spins in (100, 200, 400):
        weights = ff.schmidt_weights(n_spins, 1.0, n_spins // 2)
        entropies.append(-(weights * np.log(weights)).sum())
    assert np.diff(entropies) / np.log(2) == pytest.approx(1 / 12, abs=2e-3)


@pytest.mark.parametrize("call, message", [
    (lambda: ff.schmidt_weights(6, 1.0, 6), "cut to be an integer from 1 to 5, .* got 6; try cut=3"),
    (lambda: ff.schmidt_weights(6, 1.0, True), "got True"),
    (lambda: ff.schmidt_weights(6, -1.0, 3), "field to be a finite number >= 0"),
    (lambda: ff.bond_dimension(6, 1.0, 0.0), "discarded between 1e-14 and 1, got 0.0")])
def test_refuses_cuts_and_weights_that_are_none(call, message):
    with pytest.raises(ValueError, match=message):
        call()
