"""What product states of a long chain miss, against minima over angles, free fermions, and sums over all states."""

import numpy as np
import pytest

from lib.spins import chains, exact, free_fermions, ising, product_states
from tests import oracles


@pytest.mark.parametrize("field", [0.1, 0.5, 0.6, 1.0, 1.99, 2.0, 2.5, 10.0])
def test_the_error_is_that_of_the_lowest_product_state_per_spin_of_long_chains(field):
    exact = (free_fermions.ground_state_energy(600, field) - free_fermions.ground_state_energy(400, field)) / 200
    angles = np.linspace(0, np.pi, 20_001)  # of the spins to the field
    product = (-np.sin(angles) ** 2 - field * np.cos(angles)).min()
    assert product_states.relative_error(field) == pytest.approx(1 - product / exact, abs=3e-6)


def valley(n_spins, field):
    """The chain that is magnetized up, as a wavefunction, from the lowest states of both parities."""
    even = exact.ground_state(chains.ising(n_spins, field))[1]
    odd = exact.ground_state(chains.ising(n_spins, field), parity=-1)[1]
    return (even * np.sign(even[-1]) + odd * np.sign(odd[-1])) / 2**0.5


@pytest.mark.parametrize("n_spins, field", [(10, 0.2), (11, 0.2), (12, 0.3), (13, 0.4), (14, 0.5)])
def test_the_magnetization_is_that_of_the_broken_state_as_far_as_the_ends_are_apart(n_spins, field):
    expected = valley(n_spins, field) ** 2 @ (2.0 * oracles.states(n_spins) - 1)
    assert product_states.magnetization(n_spins, field) == pytest.approx(expected, abs=2 * field ** (n_spins / 2))


@pytest.mark.parametrize("n_spins, field", [(10, 0.2), (12, 0.3)])
def test_the_likeliest_product_state_has_the_marginals_and_its_energy_is_a_sum_over_all_states(n_spins, field):
    up = (1 + product_states.magnetization(n_spins, field)) / 2
    states = oracles.states(n_spins)
    root = np.sqrt(np.prod(np.where(states == 1, up, 1 - up), axis=1))
    error = 1 - ising.energy(root, field) / free_fermions.ground_state_energy(n_spins, field)
    assert product_states.likeliest_error(n_spins, field) == pytest.approx(error, rel=1e-9)

    def nats(share):  # what the exact distribution is away from a product, up to a constant
        return -valley(n_spins, field) ** 2 @ np.log(np.prod(np.where(states == 1, share, 1 - share), axis=1))

    assert all(nats(up) <= nats(np.clip(up + move, 0.01, 0.999)) + 1e-6 for move in (-0.02, -0.005, 0.002))


def test_in_a_long_chain_the_likeliest_product_state_is_that_of_the_exact_magnetization():
    """Pfeuty's (1 - h^2)^(1/8) in the middle; the best product state is better, and the ends are worse."""
    for field in (0.3, 0.5, 0.7):
        longer, m = [product_states.likeliest_error(n, field) for n in (100, 400)], (1 - field**2) ** 0.125
        exact_energy = (1 + field**2 / 4) / (1 - product_states.relative_error(field))
        middle = product_states.likeliest_error(None, field)
        assert middle == pytest.approx(1 - (m**2 + field * np.sqrt(1 - m**2)) / exact_energy, rel=1e-9)
        assert product_states.magnetization(100, field)[50] == pytest.approx(m, abs=1e-7)
        assert product_states.relative_error(field) < middle < longer[1] < longer[0]
        assert (longer[1] - middle) * 400 == pytest.approx((longer[0] - middle) * 100, rel=0.02)  # two ends


@pytest.mark.parametrize("error, n_spins", [(1e-4, 50), (0.001, 20), (0.002, 50), (0.005, 50), (0.01, 100)])
def test_from_its_field_on_the_error_is_larger(error, n_spins):
    field = product_states.field_of_error(error, n_spins)
    assert product_states.likeliest_error(n_spins, field) == pytest.approx(error, rel=1e-3)
    assert product_states.likeliest_error(n_spins, 0.98 * field) < error
    assert product_states.likeliest_error(n_spins, 1.02 * field) > error


def test_what_makes_no_sense_is_refused():
    for error in (0.0, 0.5, -1.0, float("nan")):
        with pytest.raises(ValueError, match="expected an error from 0.0001 to 0.01, got .*; try 0.002"):
            product_states.field_of_error(error, 50)
    for field in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="field"):
            product_states.relative_error(field)
    for field in (-0.1, 1.0, 2.0, float("nan")):
        with pytest.raises(ValueError, match="field"):
            product_states.likeliest_error(20, field)
    with pytest.raises(ValueError, match=r"so that the ends are far apart, got 0.11; try n_spins=32"):
        product_states.magnetization(20, 0.8)
    assert product_states.magnetization(32, 0.8)[0] == pytest.approx(0.6, abs=2 * 0.8**16)
    for n_spins in (0, 19, 20.5):
        with pytest.raises((ValueError, TypeError), match="n_spins"):
            product_states.field_of_error(0.002, n_spins)
