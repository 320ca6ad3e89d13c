"""The lowest energies of matrix product states: against exact states, another minimizer, and independent spins."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from lib import rng
from lib.spins import chains, free_fermions, ising, mps_averages
from lib.spins.mps_one_site import bond_sizes, lowest
from lib.spins.mps_variational import lowest_uniform


@pytest.mark.parametrize("n_spins, field", [(1, 0.7), (2, 1.0), (5, 0.5), (7, 1.0), (7, 2.0)])
def test_with_all_bonds_that_it_needs_the_state_is_the_exact_one(n_spins, field):
    exact, psi = ising.ground_state(n_spins, field)
    found = lowest(n_spins, field, 2 ** (n_spins // 2), seed=1, n_starts=1)
    assert found.energy == pytest.approx(exact, abs=1e-7)
    if field >= 1:
        assert abs(found.state.vector() @ psi) == pytest.approx(1, abs=1e-5)


def by_gradients(n_spins, field, bond, n_starts=4):
    """The lowest energy of dense vectors of that bond dimension, with all tensors moved at once."""
    matrix = torch.from_numpy(ising.hamiltonian(n_spins, field).toarray())
    sizes = bond_sizes(n_spins, bond)
    shapes = [(left, 2, right) for left, right in zip(sizes, sizes[1:])]
    counts = [int(np.prod(shape)) for shape in shapes]

    def energy(numbers):
        numbers = torch.from_numpy(numbers).requires_grad_()
        psi = torch.ones((1, 1), dtype=torch.float64)
        for part, shape in zip(numbers.split(counts), shapes):
            psi = torch.tensordot(psi, part.reshape(shape), 1).reshape(-1, shape[2])
        psi = psi[:, 0]
        value = psi @ matrix @ psi / (psi @ psi)
        value.backward()
        return float(value.detach()), numbers.grad.numpy()

    draw = rng.stream(3, "brute force")
    return min(minimize(energy, 0.5 + 0.5 * draw.standard_normal(sum(counts)), jac=True, method="L-BFGS-B").fun
               for _ in range(n_starts))


@pytest.mark.parametrize("n_spins, field, bond", [(5, 1.0, 2), (6, 0.6, 2), (6, 1.5, 2), (6, 1.0, 1)])
def test_no_other_minimizer_finds_a_lower_energy(n_spins, field, bond):
    assert lowest(n_spins, field, bond, seed=1).energy == pytest.approx(by_gradients(n_spins, field, bond), abs=1e-5)


@pytest.mark.parametrize("field", [0.3, 1.0, 3.0])
def test_a_product_state_is_the_best_of_independent_spins(field):
    def energy(angles):
        z = np.sin(angles)
        return -(z[1:] * z[:-1]).sum() - field * np.cos(angles).sum()

    best = min(minimize(energy, np.full(9, start)).fun for start in (0.1, 0.8, 1.4))
    assert lowest(9, field, 1, seed=1).energy == pytest.approx(best, abs=1e-6)
    # One angle for all: -(n - 1) z^2 - h n sqrt(1 - z^2), lowest at sqrt(1 - z^2) = h n / (2 (n - 1)), or at z = 0.
    x = min(1.0, 9 * field / 16)
    assert lowest_uniform(9, field, 1, seed=1).energy == pytest.approx(-8 * (1 - x**2) - field * 9 * x, abs=1e-6)


@pytest.mark.parametrize("field", [0.5, 1.0, 2.0])
def test_energies_are_those_of_their_states_and_fall_towards_the_exact_one(field):
    exact, found = free_fermions.ground_state_energy(30, field), []
    for bond in (1, 2, 3, 4):
        one = lowest(30, field, bond, seed=2)
        assert one.energy == pytest.approx(mps_averages.energy(one.state, chains.ising(30, field)), abs=1e-8)
        assert max(one.state.bond_dimensions) == bond
        found.append(one.energy)
    assert (np.diff(found) < 1e-7).all() and found[-1] > exact - 1e-9
    assert (found[-1] - exact) / abs(exact) < 1e-4
