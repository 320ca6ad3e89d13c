"""The machines behind the figure of the page "Your own measurements"."""

import numpy as np
import pytest

from lib import rng
from lib.rbm import readout_trials
from lib.rbm.readout_trials import Trial, recovered
from lib.rbm.training import TrainingSettings
from lib.spins import ising
from tests import oracles

SETTINGS = TrainingSettings(epochs=300, batch_size=50, n_gibbs=5, learning_rate=0.3, final_learning_rate=0.003)


@pytest.fixture(scope="module")
def trial():
    return Trial(4, 1.0, 3000, SETTINGS, seed=2)


def test_the_shots_are_of_the_ground_state_and_a_machine_learns_it(trial):
    energies, vectors = np.linalg.eigh(oracles.dense_hamiltonian(4, 1.0))
    assert ising.energy(trial.psi, 1.0) == pytest.approx(energies[0], abs=1e-10)
    _, _, p_value = oracles.chi_square(trial.bits @ [8, 4, 2, 1], vectors[:, 0] ** 2)
    assert p_value > 1e-4 and 0 < trial.infidelity(trial.bits) < 0.01


def test_nothing_spoilt_costs_nothing(trial):
    clean = trial.infidelity(trial.bits)
    assert set(trial.misread(0.0, 0.0).values()) == set(trial.with_gaps(0.0).values()) == {clean}


def test_both_remedies_help(trial):
    found = trial.misread(0.05, 0.12)
    assert found["corrected"] < found["ignored"] / 3 and found["ignored"] > 0.01
    found = trial.with_gaps(0.4)  # 13% of the shots are whole
    assert found["summed over"] < found["left out"] / 2
    assert trial.with_gaps(0.4) == found and Trial(4, 1.0, 3000, SETTINGS, seed=3).with_gaps(0.4) != found
    with pytest.raises(ValueError, match="some shots without a gap, got none of 3000 at a share of 0.999; try fewer"):
        trial.with_gaps(0.999)


def test_the_recovered_part_and_its_error():
    assert recovered([0.1, 0.1], [0.5, 0.5], [0.2, 0.2]) == (pytest.approx(0.75), pytest.approx(0, abs=1e-15))
    assert recovered([0.5, 0.6], [0.1, 0.3], [0.2, 0.1])[1] > 0  # of trainings too brief to lose anything
    draws = np.random.default_rng(1)
    n = 400
    clean, ignored = draws.normal(0.1, 0.02, n), draws.normal(0.5, 0.03, n)
    corrected = clean + draws.normal(0.1, 0.02, n)
    part, error = recovered(clean, ignored, corrected)
    resampled = [recovered(clean[rows], ignored[rows], corrected[rows])[0] for rows in draws.integers(0, n, (800, n))]
    assert part == pytest.approx(0.75, abs=5 * error) and error == pytest.approx(np.std(resampled), rel=0.15)


def test_a_table_of_spoilt_shots_has_each_way_of_each_trial():
    settings = TrainingSettings(epochs=1, n_gibbs=1)
    table = readout_trials.spoilt(3, 60, settings, [1.0, 2.0], [0.1], 2, seed=4)
    assert len(table) == 2 * (1 + 2 * 2 + 2) and set(table[table.what == "gaps"].way) == {"left out", "summed over"}
    trial = Trial(3, 1.0, 60, settings, rng.child_seed(4, "trial", 1))
    found = readout_trials.infidelities(table, "corrected", 0.07)
    assert len(found) == 2 and found[1] == trial.misread(0.04, 0.1)["corrected"]
