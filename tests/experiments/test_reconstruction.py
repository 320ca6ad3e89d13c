"""The experiment of figure 5.2 as a point of a sweep."""

import numpy as np
import pytest

from lib.experiments.reconstruction import MAX_SUMMED_SPINS, magnetizations
from lib.spins import ising
from tests import oracles

SMALL = {"n_hidden": 6, "n_samples": 20000, "epochs": 60, "batch_size": 100, "n_gibbs": 5, "learning_rate": 0.3,
         "final_learning_rate": 0.001, "n_evaluation": 20000, "n_chains": 2000, "seed": 3}


@pytest.fixture(scope="module")
def point():
    return magnetizations(n_spins=6, field=1.0, **SMALL)


def test_a_machine_that_has_learnt_agrees_with_the_exact_state(point):
    assert point["fidelity"] > 0.99
    for name in ("z", "abs m", "x", "energy"):
        assert abs(point[name] - point[f"{name} machine"]) < 5 * point[f"{name} error"] > 0, name
        assert abs(point[f"{name} machine"] - point[f"{name} exact"]) < 0.02, name


def test_the_exact_values_are_those_of_the_brute_force_ground_state(point):
    energies, vectors = np.linalg.eigh(oracles.dense_hamiltonian(6, 1.0))
    psi = np.abs(vectors[:, 0])
    spins = 2 * oracles.states(6) - 1.0
    assert point["energy exact"] == pytest.approx(energies[0] / 6, abs=1e-12)
    assert point["abs m exact"] == pytest.approx(psi**2 @ np.abs(spins.mean(axis=1)), abs=1e-10)
    flips = [psi @ psi[np.arange(64) ^ (1 << site)] for site in range(6)]
    assert point["x exact"] == pytest.approx(np.mean(flips), abs=1e-10)


def test_one_seed_gives_one_point_and_another_another(point):
    assert magnetizations(n_spins=6, field=1.0, **SMALL) == pytest.approx(point, rel=1e-12)
    other = magnetizations(n_spins=6, field=1.0, **SMALL | {"seed": 4})
    assert other["x"] != point["x"] and other["x exact"] == pytest.approx(point["x exact"], abs=1e-12)


@pytest.mark.parametrize("change", [{"n_gibbs": 1}, {"final_learning_rate": 0.1}, {"batch_size": 50}, {"n_hidden": 5},
                                    {"n_chains": 1000}, {"n_samples": 15000}, {"epochs": 59}])
def test_every_setting_enters(point, change):
    assert magnetizations(n_spins=6, field=1.0, **SMALL | change)["x"] != point["x"]


def test_long_chains_have_their_exact_values_from_free_fermions():
    n_spins = MAX_SUMMED_SPINS + 1
    found = magnetizations(n_spins=n_spins, field=1.5, **SMALL | {"n_samples": 1000, "epochs": 1})
    _, psi = ising.ground_state(n_spins, 1.5)
    assert found["fidelity"] is None and found["x machine"] is None
    assert found["x exact"] == pytest.approx(np.mean(ising.magnetization_x(psi)), abs=1e-9)
    assert found["energy exact"] == pytest.approx(ising.energy(psi, 1.5) / n_spins, abs=1e-9)
    exact = ising.absolute_magnetization(psi)
    assert abs(found["abs m exact"] - exact) < 5 * found["abs m exact error"] < 0.02


def test_wrong_settings_are_refused_by_what_they_reach():
    with pytest.raises(ValueError, match="field"):
        magnetizations(n_spins=6, field=float("nan"), **SMALL)
    with pytest.raises(ValueError, match="epochs"):
        magnetizations(n_spins=6, field=1.0, **SMALL | {"epochs": 0})
