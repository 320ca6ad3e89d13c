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


def test_turned_spins_have_exact_probabilities_and_frequencies_with_errors():
    data = bases.measured([[0, 0], [0, 1], [0, 1], [1, 1], [1, 0], [1, 0]], ["ZZ"] * 4 + ["XZ"] * 2)
    table = complex_trials.turned({"a": np.array([0.6, 0, 0, 0.8])}, data, ("ZZ", "XZ"))
    assert list(table.basis) == ["ZZ"] * 4 + ["XZ"] * 4 and list(table.outcome)[:4] == ["00", "01", "10", "11"]
    assert list(table.a) == pytest.approx([0.36, 0, 0, 0.64, 0.18, 0.32, 0.18, 0.32])
    assert list(table.measured) == [0.25, 0.5, 0, 0.25, 0, 0, 1, 0]
    assert table.error[1] == pytest.approx(0.25) and table.error[6] == 0


def test_what_is_printed_is_half_of_the_probabilities():
    for number in range(5):
        psi = vectors.random_state(2, rng=rng.stream(number, "state"))
        assert 2 * complex_trials.printed_probabilities(psi) == pytest.approx(np.abs(bases.rotate(psi, "XZ")) ** 2)


def test_learning_curves_end_at_the_states_that_come_back():
    rows = shots(PSI, in_bases=["ZZ", "XZ", "ZX", "YZ"] * 50)
    states, curves = complex_trials.learning_curves(PSI, rows, QUICK, 2, 2, seed=1)
    assert list(curves.machine) == [1, 1, 1, 2, 2, 2] and list(curves.epoch) == [0, 1, 2] * 2
    for state, (_, curve) in zip(states, curves.groupby("machine")):
        assert curve.fidelity.iloc[-1] == metrics.fidelity(state.psi(), PSI)
        kl = rotations.kl_divergences(PSI, state, ["ZZ", "XZ", "ZX", "YZ"])
        assert curve["KL(sum)"].iloc[-1] == pytest.approx(kl.sum())
    assert np.allclose(curves["KL(sum)"], 4 * curves["KL(mean)"])
    assert states[0].psi().numpy() != pytest.approx(states[1].psi().numpy())


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


def test_mixed_states_are_compared_with_the_noisy_one():
    table, last, rows = complex_trials.mixed_states([1, 2], 0.2, 100, QUICK, 2, seed=1)
    rho, found = complex_trials.noisy_ghz(2, 0.2), last.density_matrix().numpy()
    assert list(table.qubits) == [1, 1, 2, 2] and rows.n_samples == 100 and rows.n_spins == 2
    assert table.iloc[-1].tolist() == pytest.approx([2, 2, density.fidelity(found, rho), density.purity(found),
                                                     density.purity(rho), density.entropy(found), density.entropy(rho)])


def test_methods_are_compared_on_all_kinds_of_averages_and_data_sets():
    table = complex_trials.compared_averages(4, [60, 600], 2, lambda n: QUICK, seed=1)
    assert len(table) == 2 * 2 * 2 * 3 and not table.duplicated(["shots", "set", "kind", "method"]).any()
    fall = table.groupby(["method", "shots"]).error.mean().unstack()
    assert (fall.loc[["shadows", "matrix product"], 600] < fall.loc[["shadows", "matrix product"], 60]).all()


def test_one_machine_and_their_mean_are_compared_with_likelihood_and_inversion():
    table = complex_trials.compared_mixed(1, 0.2, [500], 1, 3, lambda n: QUICK, seed=1)
    assert list(table.method) == ["maximum likelihood", "linear inversion", "one machine", "mean of machines"]
    assert (table.fidelity[:2] > 0.98).all() and table.fidelity[2] != table.fidelity[3]
    pd.testing.assert_series_equal(table.error, 1 - table.fidelity, check_names=False)


def test_shots_go_through_all_bases_in_turn():
    rho = complex_trials.noisy_ghz(2, 0.1)
    rows = complex_trials.shots_in_turn(rho, 20, "use", seed=1)
    assert rows.bases()[:4] == ["XX", "XY", "XZ", "YX"] and rows.bases()[9:18] == rows.bases()[:9]
    other = complex_trials.shots_in_turn(rho, 20, "other", seed=1)
    assert not np.array_equal(rows.bits, other.bits)


def test_outcomes_held_back_speak_for_noise_where_it_is_and_its_chance_is_learnt():
    adam = StateSettings(epochs=12, batch_size=50, optimizer="adam", learning_rate=0.1, final_learning_rate=0.005)
    table = complex_trials.learnt_noise(2, 0.15, 4000, 1, (adam, adam), QUICK, 2, seed=1)
    assert table.gain[0] > 0 and table.chance[0] == pytest.approx(0.15, abs=0.05) and table.fidelity[0] > 0.98
    unlearnt = StateSettings(epochs=1, batch_size=2000, learning_rate=0.0)
    table = complex_trials.learnt_noise(2, 0.2, 2000, 2, (unlearnt, unlearnt), adam, 1, seed=2)
    assert list(table.set) == [1, 2] and (table.gain < -2 * table.error).all() and (table.chance == 0).all()
