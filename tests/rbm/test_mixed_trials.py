"""Mixed states learnt in many bases, and their noise, on few qubits and short trainings."""

import numpy as np
import pytest

from lib.rbm import mixed_trials
from lib.rbm.complex_training import StateSettings
from lib.spins import density

QUICK = StateSettings(epochs=2, batch_size=50, learning_rate=0.1)
PSI = np.array([0.5, 0.5j, -0.5, 0.5])


def test_mixed_states_are_compared_with_the_noisy_one():
    table, last, rows = mixed_trials.mixed_states([1, 2], 0.2, 100, QUICK, 2, seed=1)
    rho, found = mixed_trials.noisy_ghz(2, 0.2), last.density_matrix().numpy()
    assert list(table.qubits) == [1, 1, 2, 2] and rows.n_samples == 100 and rows.n_spins == 2
    assert table.iloc[-1].tolist() == pytest.approx([2, 2, density.fidelity(found, rho), density.purity(found),
                                                     density.purity(rho), density.entropy(found), density.entropy(rho)])


def test_shots_go_through_all_bases_in_turn():
    rho = mixed_trials.noisy_ghz(2, 0.1)
    rows = mixed_trials.shots_in_turn(rho, 20, "use", seed=1)
    assert rows.bases()[:4] == ["XX", "XY", "XZ", "YX"] and rows.bases()[9:18] == rows.bases()[:9]
    other = mixed_trials.shots_in_turn(rho, 20, "other", seed=1)
    assert not np.array_equal(rows.bits, other.bits)


def test_outcomes_held_back_speak_for_noise_where_it_is_and_its_chance_is_learnt():
    adam = StateSettings(epochs=12, batch_size=50, optimizer="adam", learning_rate=0.1, final_learning_rate=0.005)
    table = mixed_trials.learnt_noise(2, 0.15, 4000, 1, (adam, adam), QUICK, 2, seed=1)
    assert table.gain[0] > 0 and table.chance[0] == pytest.approx(0.15, abs=0.05) and table.fidelity[0] > 0.98
    unlearnt = StateSettings(epochs=1, batch_size=2000, learning_rate=0.0)
    table = mixed_trials.learnt_noise(2, 0.2, 2000, 2, (unlearnt, unlearnt), adam, 1, seed=2)
    assert list(table.set) == [1, 2] and (table.gain < -2 * table.error).all() and (table.chance == 0).all()
