"""What chapter 5.4 computes: tables with answers that are known, from states of one to three qubits."""

import numpy as np
import pandas as pd
import pytest

from lib import rng
from lib.rbm import complex_trials, metrics, rotations
from lib.rbm.complex_state import ComplexState
from lib.rbm.complex_training import StateSettings
from lib.spins import bases, density, ising, vectors

QUICK = StateSettings(epochs=2, batch_size=50, learning_rate=0.1)
PSI = np.array([0.5, 0.5j, -0.5, 0.5])


def shots(psi, n=200, in_bases=None):
    stream = rng.stream(1, "rows")
    return bases.sample(psi, in_bases or bases.random_bases(n, len(psi).bit_length() - 1, rng=stream), rng=stream)


def test_trainings_differ_by_start_and_by_what_they_are_for():
    rows = shots(PSI)
    one, two = complex_trials.trained(rows, 2, QUICK, 2, "use", seed=1, n_hidden_phase=1)
    (again,), (other,) = (complex_trials.trained(rows, 2, QUICK, 1, use, seed=1, n_hidden_phase=1)
                          for use in ("use", "other"))
    assert np.array_equal(one.psi(), again.psi()) and one.n_parameters == 2 * 2 + 2 + 2 + 2 + 1 + 2
    assert not np.allclose(one.psi(), two.psi()) and not np.allclose(one.psi(), other.psi())


def test_the_likeliest_has_the_lowest_loss():
    rows = shots(PSI)
    states = complex_trials.trained(rows, 2, QUICK, 3, "use", seed=1)
    best, losses = complex_trials.likeliest(states, rows)
    assert rotations.negative_log_likelihood(best, rows) == min(losses) and len(set(losses)) == 3


def test_small_states_have_one_chosen_start_each():
    table = complex_trials.small_states(3, 100, QUICK, 2, seed=1)
    assert [(kind, n) for kind, n in zip(table.kind, table.qubits)][::2] == [
        ("GHZ", 3), ("W", 3), ("random", 2), ("random", 3)]
    assert list(table.hidden)[::2] == [3, 3, 2, 4] and list(table.start) == [1, 2] * 4
    chosen = table[table.chosen]
    assert len(chosen) == 4 and (chosen.excess == 0).all()
    assert list(chosen.loss) == list(table.groupby(["kind", "qubits"], sort=False).loss.min())


def test_what_is_held_back_is_not_learnt_from():
    rows = shots(PSI, 100)
    table = complex_trials.held_back(rows, [(2, 1), (1, 1)], QUICK, 2, seed=1)
    assert table.iloc[:, :2].values.tolist() == [[2, 1], [1, 1]] and list(table.parameters) == [13, 10]
    other = bases.measured(np.r_[rows.bits[:80], 1 - rows.bits[80:]], rows.bases())
    again = complex_trials.held_back(other, [(2, 1)], QUICK, 2, seed=1)
    states = complex_trials.trained(rows.rows(slice(80)), 2, QUICK, 2, "sizes", 2, 1, seed=1, n_hidden_phase=1)
    best = complex_trials.likeliest(states, rows.rows(slice(80)))[0]
    for found, held in ((table, rows), (again, other)):
        loss = rotations.negative_log_likelihood(best, held.rows(slice(80, None)))
        assert found["loss on held back"][0] == pytest.approx(loss)


def test_a_chain_is_learnt_from_the_first_of_its_shots():
    ground = ising.ground_state(3, 1.0)[1]
    table, best = complex_trials.chain_by_shots(ground, shots(ground), [50, 200], (2, 1), QUICK, 2, seed=1)
    assert list(table.shots) == [50, 50, 200, 200] and list(table.groupby("shots").chosen.sum()) == [1, 1]
    chosen = table[(table.shots == 200) & (table.chosen == 1)].iloc[0]
    assert chosen.loss == table.loss[table.shots == 200].min()
    assert chosen.fidelity == metrics.fidelity(best.psi(), ground)
    assert table["energy error"].to_numpy() == pytest.approx(table.energy - ising.ground_state(3, 1.0)[0] / 3)
    assert (table["energy error"] > 0).all()


def test_the_frustrated_chain_suits_the_rule_of_marshall_where_that_holds():
    psi, signs = complex_trials.frustrated_chain(6, 0.0)
    assert (psi * signs >= -1e-12).all() and np.linalg.norm(psi) == pytest.approx(1)
    psi, signs = complex_trials.frustrated_chain(6, 0.8)
    assert vectors.wrong_sign_weight(psi, signs) > 1e-3 and np.sum(psi * abs(psi) * signs) > 0


def test_amplitudes_are_given_the_phase_of_the_exact_ones():
    state = ComplexState.random(2, 2, seed=1)
    psi, signs = np.array([0.5, 0.5, -0.5, 0.5]), np.array([1, 1, -1, 1])
    table = complex_trials.amplitudes([state, state], psi, signs)
    found = (table.machine + 1j * table["machine imaginary"])[table.seed == 2].to_numpy() * signs
    assert np.vdot(found, psi).imag == pytest.approx(0) and np.vdot(found, psi).real > 0
    assert np.abs(found) == pytest.approx(np.abs(state.psi().numpy())) and (table.exact == 0.5).all()


def test_the_excess_loss_is_a_divergence_where_shots_are_as_often_as_likely():
    state, psi = ComplexState.random(2, 2, seed=3), np.array([0.5, 0.5, 0.5, 0.5])
    rows = bases.measured([[0, 0], [0, 1], [1, 0], [1, 1], [0, 0]], ["ZZ"] * 4 + ["XX"])
    p = np.abs(state.psi().numpy()) ** 2
    of_x = -np.log(np.abs(bases.rotate(state.psi().numpy(), "XX"))[0] ** 2)  # certain in the exact state
    expected = (np.sum(np.log(0.25 / p)) + of_x) / 5
    assert complex_trials.excess_loss(state, rows, psi) == pytest.approx(expected)
    assert complex_trials.excess_loss(state, rows, density.density_matrix(psi)) == pytest.approx(expected)


def test_signs_count_in_one_fidelity_and_not_in_the_other():
    psi, signs = np.array([0.6, -0.8]), np.array([1.0, -1.0])
    table = pd.DataFrame({"seed": [0, 0, 1, 1], "machine": [0.6, 0.8, 0.6, -0.8], "machine imaginary": 0.0})
    with_signs, of_sizes = complex_trials.sign_fidelities(table, psi, signs)
    assert with_signs == pytest.approx([1, (0.36 - 0.64) ** 2]) and of_sizes == pytest.approx([1, 1])
