"""Two qubits in turned bases: probabilities, curves of learning, and what no phase can be learnt from."""

import numpy as np
import pytest

from lib import rng
from lib.rbm import metrics, rotations, two_qubits
from lib.rbm.complex_state import ComplexState
from lib.rbm.complex_training import StateSettings
from lib.spins import bases, vectors

QUICK = StateSettings(epochs=2, batch_size=50, learning_rate=0.1)
PSI = np.array([0.5, 0.5j, -0.5, 0.5])


def shots(psi, n=200, in_bases=None):
    stream = rng.stream(1, "rows")
    return bases.sample(psi, in_bases or bases.random_bases(n, len(psi).bit_length() - 1, rng=stream), rng=stream)


def test_turned_spins_have_exact_probabilities_and_frequencies_with_errors():
    data = bases.measured([[0, 0], [0, 1], [0, 1], [1, 1], [1, 0], [1, 0]], ["ZZ"] * 4 + ["XZ"] * 2)
    table = two_qubits.turned({"a": np.array([0.6, 0, 0, 0.8])}, data, ("ZZ", "XZ"))
    assert list(table.basis) == ["ZZ"] * 4 + ["XZ"] * 4 and list(table.outcome)[:4] == ["00", "01", "10", "11"]
    assert list(table.a) == pytest.approx([0.36, 0, 0, 0.64, 0.18, 0.32, 0.18, 0.32])
    assert list(table.measured) == [0.25, 0.5, 0, 0.25, 0, 0, 1, 0]
    assert table.error[1] == pytest.approx(0.25) and table.error[6] == 0


def test_what_is_printed_is_half_of_the_probabilities():
    for number in range(5):
        psi = vectors.random_state(2, rng=rng.stream(number, "state"))
        assert 2 * two_qubits.printed_probabilities(psi) == pytest.approx(np.abs(bases.rotate(psi, "XZ")) ** 2)


def test_learning_curves_end_at_the_states_that_come_back():
    rows = shots(PSI, in_bases=["ZZ", "XZ", "ZX", "YZ"] * 50)
    states, curves = two_qubits.learning_curves(PSI, rows, QUICK, 2, 2, seed=1)
    assert list(curves.machine) == [1, 1, 1, 2, 2, 2] and list(curves.epoch) == [0, 1, 2] * 2
    for state, (_, curve) in zip(states, curves.groupby("machine")):
        assert curve.fidelity.iloc[-1] == metrics.fidelity(state.psi(), PSI)
        kl = rotations.kl_divergences(PSI, state, ["ZZ", "XZ", "ZX", "YZ"])
        assert curve["KL(sum)"].iloc[-1] == pytest.approx(kl.sum())
    assert np.allclose(curves["KL(sum)"], 4 * curves["KL(mean)"])
    assert states[0].psi().numpy() != pytest.approx(states[1].psi().numpy())


def test_twice_what_is_printed_is_the_probability_of_any_state():
    assert two_qubits.off_print(5, seed=1) < 1e-12


def test_log_amplitudes_and_rotated_vectors_give_the_same_probabilities():
    assert two_qubits.slip_of_sums([ComplexState.random(2, 2, seed=k) for k in (1, 2)]) < 1e-10


def test_without_other_bases_phases_have_no_slope_and_sizes_are_learnt():
    psi = vectors.random_state(2, rng=rng.stream(4, "state"))
    counts = np.round(1000 * abs(psi) ** 2).astype(int)
    rows = bases.measured(np.repeat([[0, 0], [0, 1], [1, 0], [1, 1]], counts, axis=0), "ZZ")
    settings = StateSettings(epochs=20, batch_size=50, optimizer="adam", learning_rate=0.05, allow_undetermined=True)
    learnt = [ComplexState.random(2, 2, seed=k) for k in (1, 2)]
    found = two_qubits.without_phases(psi, rows, learnt, settings, 2, seed=1)
    assert found.slope < 1e-12 and len(found.fidelity) == len(found.sizes) == 2
    assert all(of_sizes >= fidelity - 1e-12 for of_sizes, fidelity in zip(found.sizes, found.fidelity))
    assert min(found.sizes) > 0.95

