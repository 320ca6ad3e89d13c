"""Complex states, sums over rotated spins and their gradients, against Kronecker products and finite differences."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lib.conventions import GATES
from lib.rbm import metrics, rotations
from lib.rbm.complex_state import ComplexState
from lib.rbm.machine import Machine
from lib.spins import bases, vectors
from tests import oracles
from tests.rbm.test_states import make_machine, parameters


def make_state(n_spins, n_hidden, n_hidden_phase, scale, seed):
    return ComplexState(make_machine(n_spins, n_hidden, scale, seed),
                        make_machine(n_spins, n_hidden_phase, scale, seed + 1))


def both(state):
    return parameters(state.amplitude), parameters(state.phase)


def unitary(seed):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((2, 4)).view(complex))[0]


def random_rows(n_spins, n_rows, seed, letters="XYZTS"):
    """Outcomes in random bases of the known gates, one general gate T and one diagonal gate S; and their matrices."""
    rng = np.random.default_rng(seed)
    gates = {"T": unitary(seed), "S": np.diag([1, 1j])}
    names = ["".join(rng.choice(list(letters), n_spins)) for _ in range(n_rows)]
    bits = rng.integers(0, 2, (n_rows, n_spins))
    matrices = [[(GATES | gates)[letter] for letter in name] for name in names]
    return bases.measured(bits, names, gates=gates), matrices


@settings(max_examples=30)
@given(n_spins=st.integers(1, 4), n_hidden=st.integers(1, 5), n_hidden_phase=st.integers(1, 5),
       scale=st.sampled_from([0.1, 1.0, 4.0]), seed=st.integers(0, 10**6))
def test_amplitudes_are_those_of_the_definition(n_spins, n_hidden, n_hidden_phase, scale, seed):
    state = make_state(n_spins, n_hidden, n_hidden_phase, scale, seed)
    psi, exact = state.psi().numpy(), oracles.complex_psi(*both(state))
    assert psi.dtype == np.complex128 and np.linalg.norm(psi) == pytest.approx(1, abs=1e-13)
    np.testing.assert_allclose(np.abs(psi), np.abs(exact), atol=1e-12)
    # Equal up to one phase, which no measurement sees.
    assert metrics.fidelity(psi, exact / np.linalg.norm(exact)) == pytest.approx(1, abs=1e-11)


@settings(max_examples=30)
@given(n_spins=st.integers(1, 4), n_hidden=st.integers(1, 5), n_hidden_phase=st.integers(1, 5),
       scale=st.sampled_from([0.1, 1.0, 4.0]), seed=st.integers(0, 10**6))
def test_probabilities_in_rotated_bases(n_spins, n_hidden, n_hidden_phase, scale, seed):
    state = make_state(n_spins, n_hidden, n_hidden_phase, scale, seed)
    rows, matrices = random_rows(n_spins, 8, seed)
    expected = oracles.rotated_nll(*both(state), rows.bits, matrices)
    assert rotations.negative_log_likelihood(state, rows) == pytest.approx(expected, rel=1e-9, abs=1e-10)


@settings(max_examples=15)
@given(n_spins=st.integers(1, 3), n_hidden=st.integers(1, 5), n_hidden_phase=st.integers(1, 5),
       scale=st.sampled_from([0.3, 1.0]), seed=st.integers(0, 10**6))
def test_gradients_agree_with_finite_differences_of_brute_force(n_spins, n_hidden, n_hidden_phase, scale, seed):
    state = make_state(n_spins, n_hidden, n_hidden_phase, scale, seed)
    rows, matrices = random_rows(n_spins, 6, seed)
    expected = oracles.rotated_nll_gradient(*both(state), rows.bits, matrices)
    # A sum that nearly vanishes has a curvature that limits the differences, not the gradient.
    assume(min(np.exp(2 * rotations.log_amplitudes(state, rows).real)) > 1e-3)
    for ours, theirs in zip(rotations.gradient(state, rows), expected, strict=True):
        for part, slope in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(part.numpy(), slope, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("n_spins, n_rows", [(6, 40), (9, 5), (12, 3)])
def test_the_list_and_the_table_agree(n_spins, n_rows, monkeypatch):
    state = make_state(n_spins, 7, 4, 0.7, 5)
    rows, _ = random_rows(n_spins, n_rows, 8)
    found = {}
    for table in (True, False):
        monkeypatch.setattr(rotations, "choose_table", lambda *_, table=table, **__: table)
        found[table] = rotations.log_amplitudes(state, rows), rotations._sum(state, rows, np.arange(n_rows), table,
                                                                             exact=False)[1]
    for one, other in zip(found[True], found[False], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("energy", [1000.0, -1000.0, 30000.0])
def test_huge_energies_do_not_overflow(energy, table, monkeypatch):
    """A visible bias of this size: amplitudes e^(energy/2) of half of all states, a ratio no float64 holds."""
    monkeypatch.setattr(rotations, "choose_table", lambda *_, **__: table)
    bias = torch.tensor([energy, 0.3, -0.2], dtype=torch.float64)
    state = ComplexState(Machine(torch.zeros(3, 2, dtype=torch.float64), bias, torch.zeros(2, dtype=torch.float64)),
                         make_machine(3, 2, 1.0, 4))
    rows, _ = random_rows(3, 10, 1, letters="XYT")
    log_psi = rotations.log_amplitudes(state, rows)
    assert np.isfinite(log_psi).all()
    # Spin 0 is up (or down) for certain, so that each row has the element of its gate and a sum over the other two.
    up = int(energy > 0)
    tail = state.log_psi([[up, *rest] for rest in oracles.states(2).astype(int)]).numpy()
    for row in range(10):
        gates = [rows.gates[code] for code in rows.codes[row]]
        b = rows.bits[row]
        rest = np.kron(gates[1][b[1]], gates[2][b[2]]) @ np.exp(tail - tail.real.max())
        expected = tail.real.max() + np.log(abs(gates[0][b[0], up] * rest))
        assert log_psi[row].real == pytest.approx(expected, rel=1e-12)
    if abs(energy) < 2000:
        flat = rotations._sum(state, rows, np.arange(10), table, exact=table)[1]
        assert np.isfinite(flat).all()


def test_impossible_outcomes_are_minus_infinity_and_have_no_gradient():
    """All amplitudes alike: along x every spin gives outcome 0."""
    zero = Machine(torch.zeros(2, 2, dtype=torch.float64), *(torch.zeros(2, dtype=torch.float64) for _ in range(2)))
    state = ComplexState(zero, zero)
    rows = bases.measured([[0, 0], [1, 0], [0, 1], [1, 1]], ["ZX", "XZ", "ZX", "ZZ"])
    assert np.isneginf(rotations.log_amplitudes(state, rows).real).tolist() == [False, True, True, False]
    assert rotations.negative_log_likelihood(state, rows) == np.inf
    with pytest.raises(ValueError, match="probability zero for row 1 .* 10 in basis XZ; try to start from"):
        rotations.gradient(state, rows)


def test_divergences_of_each_basis():
    state, names = make_state(3, 4, 2, 1.0, 6), ["ZZZ", "XZY", "TTX"]
    target = vectors.random_state(3, rng=np.random.default_rng(2))
    gates = {"T": unitary(3)}
    expected = []
    for name in names:
        turn = np.eye(1)
        for letter in name:
            turn = np.kron(turn, (GATES | gates)[letter])
        q, p = (np.abs(turn @ psi) ** 2 for psi in (target, oracles.complex_psi(*both(state))))
        expected.append(np.sum(q * np.log(q / p)))
    np.testing.assert_allclose(rotations.kl_divergences(target, state, names, gates=gates), expected, atol=1e-11)
    np.testing.assert_allclose(rotations.kl_divergences(state.psi().numpy(), state, names, gates=gates), 0, atol=1e-12)


def test_samples_and_fidelity_of_a_state():
    state = make_state(4, 3, 2, 0.8, 1)
    draws = state.sample(20_000, seed=3, n_chains=4000, burn_in=100, thin=20)
    probabilities = np.abs(state.psi().numpy()) ** 2
    index = (draws.reshape(-1, 4)[:4000] @ [8, 4, 2, 1])
    assert oracles.chi_square(index, probabilities)[2] > 0.001
    assert metrics.fidelity(state.psi(), state.psi().numpy() * 1j) == pytest.approx(1)


@pytest.mark.parametrize("call, message", [
    (lambda s, m: ComplexState(s.amplitude, make_machine(4, 2, 1, 0)), "machines of one width, got 3 and 4"),
    (lambda s, m: ComplexState(s.amplitude, 7), "expected a Machine, got int"),
    (lambda s, m: ComplexState(s.amplitude, s.phase.pruned(torch.zeros(3, 2, dtype=bool))), "phase machine with all"),
    (lambda s, m: ComplexState.random(3, 0, seed=1), "at least one visible and one hidden unit"),
    (lambda s, m: rotations.log_amplitudes(s.amplitude, m), "ComplexState or MixedState, got Machine; try Complex"),
    (lambda s, m: rotations.log_amplitudes(s, m.bits), "expected Measurements with their bases, got ndarray"),
    (lambda s, m: rotations.gradient(s, bases.measured([[0, 1]], "XZ")), "measurements of 3 spins, got 2"),
    (lambda s, m: s.log_psi([[0, 1, 2]]), "expected bits 0 or 1, got 2"),
    (lambda s, m: rotations.kl_divergences([1, 0], s, ["ZZZ"]), "target with 2\\^3 = 8 entries, got 2"),
    (lambda s, m: rotations.kl_divergences(np.ones(8), s, ["ZZZ"]), "target normalised to 1"),
    (lambda s, m: rotations.kl_divergences(np.eye(8)[0], s, "ZZZ"), "expected a list of bases, got the text"),
    (lambda s, m: rotations.kl_divergences(np.eye(8)[0], s, []), "at least one basis, got none"),
    (lambda s, m: rotations.kl_divergences(np.eye(8)[0], s, ["ZZ"]), "with 3 letters, one a spin, got 2"),
])
def test_what_does_not_fit_is_refused(call, message):
    state = make_state(3, 2, 2, 1.0, 0)
    with pytest.raises(ValueError, match=message):
        call(state, bases.measured([[0, 1, 1], [1, 1, 0]], ["XZZ", "ZZY"]))


def test_what_is_too_large_says_how_large():
    wide = ComplexState.random(30, 3, seed=1)
    with pytest.raises(ValueError, match=r"2\^30 amplitudes.* = [0-9.]+ GiB; try log_psi"):
        wide.psi()
    everything = bases.measured(np.zeros((2, 30), int), ["Z" * 30, "X" * 30])
    with pytest.raises(ValueError, match=r"row 1 turns 30 of 30\) = [0-9.]+ GiB; try bases that turn few"):
        rotations.log_amplitudes(wide, everything)
    with pytest.raises(ValueError, match="at most 20 spins for the exact gradient, got 30"):
        rotations.gradient(wide, everything)
    # Few turned spins are no trouble at any width.
    few = bases.measured(np.zeros((2, 30), int), ["Z" * 30, "XYX" + "Z" * 27])
    assert np.isfinite(rotations.log_amplitudes(wide, few)).all()
