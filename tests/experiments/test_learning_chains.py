"""What the machines of chapter 6 learn beside the symmetric Ising chain: the laws, their energies, the searches."""

import numpy as np
import pytest

from lib import rng
from lib.conventions import state_index
from lib.experiments import learning_chains
from lib.experiments.learning_chains import minimal_hidden_broken, minimal_hidden_chain
from lib.rbm import learning, partition
from lib.rbm.learning import Recipe
from lib.spins import chains, exact, ising, mps_averages
from tests import oracles
from tests.spins.test_chains import dense

FEW = {"n_samples": 5000, "n_updates": 3000, "n_evaluation": 10_000}
CHAINS = {"n_chains": 200, "burn_in": 100, "thin": 5}


def broken_by_hand(n_spins, field):
    """(even + odd) / sqrt(2) from dense matrices: mostly up."""
    energies, vectors = np.linalg.eigh(dense(chains.ising(n_spins, field)).real)
    even, odd = (vectors[:, k] * np.sign(vectors[-1, k]) for k in (0, 1))  # the last state has all spins up
    np.testing.assert_allclose(even, even[::-1], atol=1e-9)
    np.testing.assert_allclose(odd, -odd[::-1], atol=1e-9)
    return (even + odd) / 2**0.5, energies


@pytest.mark.parametrize("field", [0.3, 0.8])
def test_the_broken_state_is_the_sum_of_the_lowest_of_both_parities(field):
    psi, energies = broken_by_hand(6, field)
    state, down, energy, splitting = learning_chains._broken(6, field)
    np.testing.assert_allclose(np.abs(down.vector()), np.abs(state.vector()[::-1]), atol=1e-8)
    assert abs(state.vector() @ psi) == pytest.approx(1, abs=1e-8)
    assert energy == pytest.approx(energies[:2].mean(), abs=1e-9)
    assert energy == pytest.approx(mps_averages.energy(state, chains.ising(6, field)), abs=1e-9)
    assert splitting == pytest.approx(energies[1] - energies[0], abs=1e-9)


def test_measurements_of_the_broken_state_have_its_law_and_its_exact_values():
    psi, _ = broken_by_hand(6, 0.6)
    learning_chains._measured.cache_clear()
    of = learning_chains._measured(6, 0.6, 40_000, 3)
    for bits in (of.data, of.fresh):
        statistic, dof, p_value = oracles.chi_square(state_index(bits), psi**2)
        assert p_value > 1e-3, (statistic, dof)
    assert not np.array_equal(of.data[:1000], of.fresh[:1000])
    spins = 2.0 * oracles.states(6) - 1
    mean = psi**2 @ spins
    expected = [(psi**2 * spins[:, 2]) @ spins[:, j] - mean[2] * mean[j] for j in range(2, 6)]
    np.testing.assert_allclose(of.exact.correlation, expected, atol=1e-7)
    assert abs(of.exact.abs_m - psi**2 @ np.abs(spins.mean(1))) < 5 * of.exact.abs_m_error


def test_flipping_every_sample_up_gives_the_law_of_a_broken_state_only_deep_in_a_long_ferromagnet():
    """The recipe without a second state: 2 p(v) where more spins are up. Its distance falls with length, not with h."""
    def distance(n_spins, field):
        psi = exact.ground_state(chains.ising(n_spins, field))[1]
        odd = exact.ground_state(chains.ising(n_spins, field), parity=-1)[1]
        broken = (psi * np.sign(psi[-1]) + odd * np.sign(odd[-1])) ** 2 / 2
        up = np.sign(2 * np.bitwise_count(np.arange(psi.size)).astype(int) - n_spins)
        return np.abs(broken - psi**2 * (1 + up)).sum() / 2

    assert distance(12, 0.3) < 0.02 < distance(12, 0.8) and distance(12, 0.5) < distance(8, 0.5)


def test_the_search_on_broken_data_is_judged_by_the_broken_energy():
    settings = {"n_spins": 6, "field": 0.4, "eps": 0.02, "first": 1, "largest": 3, "n_seeds": 1, "seed": 4}
    found = minimal_hidden_broken(**settings, **FEW, **CHAINS)
    recipe = Recipe(3000, n_evaluation=10_000, **CHAINS)
    of = learning_chains._measured(6, 0.4, 5000, 4)
    machine = learning.learn(of, 1, recipe, seed=4)
    bound = learning.evaluate(machine, of, recipe, seed=rng.child_seed(4, "judge"))["bound"]
    assert found["tried bound"][0] == bound and found["smallest"] == 1
    psi, energies = broken_by_hand(6, 0.4)
    assert found["splitting"] == pytest.approx(energies[1] - energies[0], abs=1e-9)
    assert found["magnetization"] == pytest.approx(psi**2 @ (2.0 * oracles.states(6) - 1).mean(1), abs=1e-7)
    assert found["magnetization"] > 0.8
    root = np.sqrt(partition.probabilities(machine).numpy())
    assert root**2 @ (2.0 * oracles.states(6) - 1).mean(1) > 0.7  # the machine keeps to the valley of its data
    assert abs(ising.energy(root, 0.4) / of.exact.energy - 1) < bound


def test_dmrg_without_parity_ends_in_the_broken_state_of_a_long_ferromagnet_and_not_at_the_critical_point():
    few = {"n_samples": 200, "n_updates": 10, "n_evaluation": 100, "n_chains": 10, "burn_in": 1, "thin": 1}
    search = {"eps": 1.0, "first": 1, "largest": 1, "n_seeds": 1, "seed": 1}
    deep, critical = (minimal_hidden_broken(n_spins=24, field=field, **few, **search) for field in (0.4, 1.0))
    assert deep["plain fidelity"] > 0.999
    assert deep["plain magnetization"] == pytest.approx(deep["magnetization"], abs=1e-4)
    assert critical["plain fidelity"] < 0.9 and critical["plain magnetization"] < 0.01 < critical["splitting"]


@pytest.mark.parametrize("model, parameter", [("Ising", 0.9), ("long-range", 2.0), ("XXZ", 0.5), ("XXZ", 1.0)])
def test_the_chains_have_ground_states_without_signs_and_machines_are_judged_by_sums(model, parameter):
    matrix = dense(learning_chains.MODELS[model](6, parameter)).real
    energies, vectors = np.linalg.eigh(matrix)
    psi = vectors[:, 0] * np.sign(vectors[:, 0].sum())
    assert psi.min() > -1e-12 and energies[1] - energies[0] > 1e-3
    _, energy, found = learning_chains._diagonalized(model, 6, parameter)
    assert energy == pytest.approx(energies[0], abs=1e-10)
    np.testing.assert_allclose(found, psi, atol=1e-9)
    settings = {"eps": 1e-9, "first": 4, "largest": 4, "n_seeds": 1, "seed": 7}
    run = minimal_hidden_chain(model=model, n_spins=6, parameter=parameter, **FEW, **settings)
    data = ising.sample(found, 5000, rng=rng.stream(7, "learning data", model, 6, str(parameter)))
    machine = learning.learn_data(data, 4, Recipe(3000), seed=7)
    root = np.sqrt(partition.probabilities(machine).numpy())
    local = matrix @ root / root  # of every state
    mean = root**2 @ local
    spread = np.sqrt(root**2 @ (local - mean) ** 2)
    expected = max(abs(energies[0] - mean - sign * 2.576 * spread / 100) for sign in (-1, 1)) / abs(energies[0])
    assert run["tried bound"] == [pytest.approx(expected, rel=1e-6)] and run["smallest"] is None
    assert 1e-5 < expected < 0.2


def test_xxz_is_the_antiferromagnet_with_marshalls_signs_undone():
    signs = 1.0 - 2 * (np.bitwise_count(np.arange(64) & 0b010101) % 2)
    expected = signs[:, None] * dense(chains.xxz(6, 0.7)).real * signs
    np.testing.assert_allclose(dense(learning_chains.MODELS["XXZ"](6, 0.7)).real, expected, atol=1e-14)


def test_another_model_is_refused_before_anything_is_trained():
    search = {"n_spins": 6, "parameter": 1.0, "first": 1, "largest": 1, "n_seeds": 1, "seed": 1}
    with pytest.raises(ValueError, match='expected a model among Ising, long-range, XXZ, got .*; try model="Ising"'):
        minimal_hidden_chain(model="Potts", eps=0.1, **search, **FEW)
    with pytest.raises(ValueError, match="expected eps > 0"):
        minimal_hidden_chain(model="Ising", eps=0, **search, **FEW)
