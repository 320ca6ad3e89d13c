"""Uniform matrix product states, what their numbers count, and the smallest bond dimensions within a bound."""

import numpy as np
import pytest

from lib import rng
from lib.spins import ising
from lib.spins import mps_variational as variational
from lib.spins.mps_variational import lowest, lowest_uniform, n_parameters, n_parameters_uniform


@pytest.mark.parametrize("bond", [1, 2, 3])
def test_a_uniform_state_has_its_energy_and_lies_above_the_free_one(bond):
    found = lowest_uniform(10, 1.0, bond, seed=1)
    psi = found.left
    for _ in range(10):
        psi = np.tensordot(psi, found.tensor, 1)
    psi = (psi @ found.right).ravel()
    assert found.energy == pytest.approx(ising.energy(psi / np.linalg.norm(psi), 1.0), abs=1e-7)
    assert lowest(10, 1.0, bond, seed=1).energy <= found.energy + 1e-7
    again = lowest_uniform(10, 1.0, bond, seed=5, n_starts=1, start=found)
    assert again.energy <= found.energy + 1e-7


def rank(of_numbers, numbers):
    """How many independent directions a normalised state moves in when its numbers do."""
    columns = []
    for k in range(len(numbers)):
        steps = [of_numbers(numbers + sign * 1e-5 * np.eye(len(numbers))[k]) for sign in (1, -1)]
        columns.append((steps[0] - steps[1]) / 2e-5)
    values = np.linalg.svd(np.array(columns), compute_uv=False)
    return int((values > 1e-6 * values[0]).sum())


@pytest.mark.parametrize("n_spins, bond", [(4, 1), (5, 2), (6, 2), (6, 3), (7, 4)])
def test_numbers_of_a_state_are_the_directions_it_can_move_in(n_spins, bond):
    sizes = variational.bond_sizes(n_spins, bond)
    shapes = [(left, 2, right) for left, right in zip(sizes, sizes[1:])]
    cuts = np.cumsum([np.prod(shape) for shape in shapes])

    def state(numbers):
        psi = np.ones((1, 1))
        for part, shape in zip(np.split(numbers, cuts[:-1]), shapes):
            psi = np.tensordot(psi, part.reshape(shape), 1).reshape(-1, shape[2])
        return psi[:, 0] / np.linalg.norm(psi)

    assert rank(state, rng.stream(1, "rank").standard_normal(cuts[-1])) == n_parameters(n_spins, bond)


@pytest.mark.parametrize("bond", [1, 2, 3])
def test_numbers_of_a_uniform_state_are_the_directions_it_can_move_in(bond):
    def state(numbers):
        left, tensor, right = np.split(numbers, [bond, len(numbers) - bond])
        psi = left
        for _ in range(8):
            psi = np.tensordot(psi, tensor.reshape(bond, 2, bond), 1)
        psi = (psi @ right).ravel()
        return psi / np.linalg.norm(psi)

    numbers = rng.stream(2, "rank").standard_normal(2 * bond**2 + 2 * bond)
    assert rank(state, numbers) == n_parameters_uniform(bond)


def test_the_table_holds_the_first_bond_dimension_within_each_bound():
    rows = variational.needed([8, 12], [1.0], [0.05, 0.002, 0.0005], seed=1)
    assert [(row["n_spins"], row["eps"]) for row in rows] == [(n, e) for n in (8, 12) for e in (0.05, 0.002, 0.0005)]
    for row in rows:
        n_spins, bond = row["n_spins"], row["bond"]
        errors = [variational.relative_error(n_spins, 1.0, lowest(n_spins, 1.0, d, seed=1).energy)
                  for d in range(1, bond + 1)]
        assert errors[-1] == pytest.approx(row["error"]) and errors[-1] <= row["eps"]
        assert all(error > row["eps"] for error in errors[:-1])
        assert row["uniform error"] <= row["eps"] and row["uniform bond"] >= bond
        assert row["parameters"] == n_parameters(n_spins, bond)
    assert {row["bond"] for row in rows} >= {1, 2}


@pytest.mark.parametrize("call, message", [
    (lambda: lowest(0, 1.0, 2, seed=1), "n_spins to be an integer >= 1, got 0"),
    (lambda: lowest(5, -1.0, 2, seed=1), "field to be a finite number >= 0, got -1.0"),
    (lambda: lowest(5, 1.0, 0, seed=1), "bond_dimension to be an integer >= 1, got 0"),
    (lambda: lowest(50, 1.0, 17, seed=1), "bond_dimension of at most 16, .* got 17; try lib.spins.dmrg"),
    (lambda: lowest(5, 1.0, 2, seed=1, n_starts=0), "n_starts to be an integer >= 1, got 0"),
    (lambda: lowest_uniform(5, 1.0, 1.5, seed=1), "bond_dimension to be an integer >= 1, got 1.5"),
    (lambda: n_parameters(5, True), "bond_dimension to be an integer >= 1, got True"),
    (lambda: variational.needed([5], [1.0], [0.0], seed=1), "expected bounds above 0, got 0.0")])
def test_arguments_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
