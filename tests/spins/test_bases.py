"""What a bit means in every basis, and measurements in products of local bases, against Kronecker products."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from lib.conventions import GATES, PAULI, PLUS_OUTCOME, outcome_values, state_index
from lib.spins import bases, chains, completeness, exact, vectors
from lib.spins import measurements as files
from tests import oracles
from tests.spins.test_turned_states import kron, random_psi

QUCUMBER = Path(__file__).parents[2] / "data" / "measurements" / "qucumber"
FIVE = ("ZZ", "XZ", "ZX", "YZ", "ZY")  # (5.19)


# --- the conventions


@pytest.mark.parametrize("a, b, c", ["XYZ", "YZX", "ZXY"])
def test_the_operators_are_those_of_a_spin(a, b, c):
    """[A, B] = 2iC for every cyclic order, and squares of one: signs and order are right together."""
    np.testing.assert_allclose(PAULI[a] @ PAULI[b] - PAULI[b] @ PAULI[a], 2j * PAULI[c], atol=1e-15)
    np.testing.assert_allclose(PAULI[a] @ PAULI[a], np.eye(2), atol=1e-15)
    np.testing.assert_allclose(PAULI["Y"], 1j * PAULI["X"] @ PAULI["Z"], atol=1e-15)


@pytest.mark.parametrize("letter", "XYZ")
def test_outcomes_of_the_gates_are_eigenvectors_with_the_stated_value(letter):
    gate = GATES[letter]
    np.testing.assert_allclose(gate @ gate.conj().T, np.eye(2), atol=1e-15)
    for outcome in (0, 1):
        vector = gate[outcome].conj()  # the outcome is found with probability |<vector|psi>|^2
        value = outcome_values([outcome], letter)[0]
        np.testing.assert_allclose(PAULI[letter] @ vector, value * vector, atol=1e-15)
        assert (value == 1) == (PLUS_OUTCOME[letter] == outcome)


def test_the_gates_are_those_of_the_thesis():
    np.testing.assert_allclose(GATES["X"], np.array([[1, 1], [1, -1]]) / np.sqrt(2))  # (5.16)
    np.testing.assert_allclose(GATES["Y"], np.array([[1, -1j], [1, 1j]]) / np.sqrt(2))  # (5.18)
    for table in (GATES, PAULI):
        with pytest.raises(ValueError, match="read-only"):
            table["X"][0, 0] = 2


def test_outcome_values_refuse_what_is_no_axis_or_no_bit():
    with pytest.raises(ValueError, match="expected a letter X, Y or Z, got 'x'"):
        outcome_values([0, 1], "x")
    with pytest.raises(ValueError, match="got 2 at index"):
        outcome_values([0, 2], "X")


@pytest.mark.parametrize("seed", range(5))
def test_equation_5_17_is_half_of_what_is_measured(seed):
    psi = random_psi(2, seed)
    size, angle = np.abs(psi), np.angle(psi)
    measured = np.abs(kron([GATES["X"], GATES["Z"]]) @ psi) ** 2
    for s0, s1 in itertools.product((0, 1), repeat=2):
        difference = angle[s1] - angle[2 + s1]
        one, two = size[s1], size[2 + s1]
        printed = (one**2 + two**2) / 4 + (1 - 2 * s0) / 2 * one * two * np.cos(difference)
        assert measured[2 * s0 + s1] == pytest.approx(2 * printed, abs=1e-14)


def test_the_two_qubit_files_of_qucumber_are_measured_by_these_gates():
    """Chi-square of the published outcomes in each of the five bases; with other gates it fails."""
    bits = files.read_text(QUCUMBER / "qubits_train.txt", 2)
    bases = np.array(["".join(row) for row in files.read_bases(QUCUMBER / "qubits_train_bases.txt", 2)])
    psi = files.read_psi(QUCUMBER / "qubits_psi.txt", 2)
    assert sorted(set(bases)) == sorted(FIVE)

    def worst(gates):
        found = []
        for basis in FIVE:
            probabilities = np.abs(kron([gates[letter] for letter in basis]) @ psi) ** 2
            found.append(oracles.chi_square(state_index(bits[bases == basis]), probabilities / probabilities.sum())[2])
        return min(found)

    assert worst(GATES) > 0.01
    for wrong in (GATES | {"X": GATES["Y"], "Y": GATES["X"]}, GATES | {"Y": GATES["Y"].conj()},
                  GATES | {"X": GATES["X"][::-1]}):
        assert worst(wrong) < 1e-6


@pytest.mark.parametrize("basis", ["ZZ", "XY", "YZX", "XYXY"])
def test_samples_follow_the_distribution_of_their_basis(basis):
    psi = random_psi(len(basis), 7)
    drawn = bases.sample(psi, basis, 20_000, rng=np.random.default_rng(2))
    probabilities = np.abs(kron([GATES[letter] for letter in basis]) @ psi) ** 2
    assert oracles.chi_square(state_index(drawn.bits), probabilities)[2] > 0.001
    assert drawn.bases() == [basis] * 20_000


def test_samples_in_many_bases_keep_rows_and_bases_together():
    """Product states: a spin that is measured along its own axis always gives the same outcome."""
    plus_x, plus_y = GATES["X"][0].conj(), GATES["Y"][1].conj()
    psi = np.kron(plus_x, plus_y)
    names = bases.random_bases(3000, 2, rng=np.random.default_rng(5))
    drawn = bases.sample(psi, names, rng=np.random.default_rng(6))
    assert drawn.bases() == names and len(drawn.distinct()[0]) == 9
    first, second = (np.array([name[site] for name in names]) for site in (0, 1))
    assert (outcome_values(drawn.bits[first == "X", 0], "X") == 1).all()
    assert (outcome_values(drawn.bits[second == "Y", 1], "Y") == 1).all()
    assert 0.4 < drawn.bits[first == "Z", 0].mean() < 0.6


def test_marshalls_signs_suit_one_chain_and_not_the_other():
    signs = vectors.marshall_signs(10)
    assert vectors.wrong_sign_weight(exact.ground_state(chains.xxz(10, 1.0))[1], signs) < 1e-12
    frustrated = exact.ground_state(chains.xxz(10, 1.0, next_coupling=0.8))[1]
    assert 0.2 < vectors.wrong_sign_weight(frustrated, signs) < 0.3


@pytest.mark.parametrize("call, message", [
    (lambda: vectors.w(3, [0.0, 1.0]), r"expected 3 finite phases, one a spin, got shape \(2,\)"),
    (lambda: vectors.ghz(3, np.nan), "expected a finite phase"),
    (lambda: vectors.ghz(60), "GiB|EiB|PiB"),
    (lambda: vectors.marshall_signs(60), "GiB|EiB|PiB"),
    (lambda: vectors.random_state(0, rng=np.random.default_rng(1)), "n_spins to be an integer >= 1, got 0"),
])
def test_vectors_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_states_with_phases():
    np.testing.assert_allclose(vectors.ghz(2, np.pi / 2), [0.5**0.5, 0, 0, 1j * 0.5**0.5], atol=1e-15)
    np.testing.assert_allclose(vectors.w(3, [0, np.pi, np.pi / 2]) * 3**0.5, [0, 1j, -1, 0, 1, 0, 0, 0], atol=1e-15)
    for n_spins in (1, 3, 6):
        psi = vectors.random_state(n_spins, rng=np.random.default_rng(1))
        assert psi.shape == (2**n_spins,) and np.linalg.norm(psi) == pytest.approx(1)


# --- measurements with bases


ROWS = np.array([[0, 1], [1, 0], [1, 1]])


@pytest.mark.parametrize("given", [
    ["XZ", "ZZ", "YX"], [["X", "Z"], ["Z", "Z"], ["Y", "X"]], np.array([["X", "Z"], ["Z", "Z"], ["Y", "X"]]),
    [("X", "Z"), ("Z", "Z"), ("Y", "X")]])
def test_bases_in_every_form(given):
    found = bases.measured(ROWS, given)
    assert found.bases() == ["XZ", "ZZ", "YX"]
    assert found.distinct()[0] == ["XZ", "YX", "ZZ"] and found.distinct()[1].tolist() == [0, 2, 1]
    assert found.rotated().tolist() == [[True, False], [False, False], [True, True]]
    assert repr(found) == "Measurements(3 of 2 spins in 3 bases)"
    assert found.rows([2, 0]).bases() == ["YX", "XZ"] and found.rows(slice(1)).bits.tolist() == [[0, 1]]


def test_one_basis_for_all_rows():
    for given in ("XY", ["X", "Y"]):
        assert bases.measured(ROWS, given).bases() == ["XY"] * 3


@pytest.mark.parametrize("call, message", [
    (lambda: bases.measured([[0, 2]], "ZZ"), "expected measurements of 0 and 1, got 2 in row 0, column 1"),
    (lambda: bases.measured([[0, -1]], "ZZ"), "try bits_from_spins"),
    (lambda: bases.measured([[0, np.nan]], "ZZ"), "got nan in row 0"),
    (lambda: bases.measured([], "ZZ"), "at least one row, got none"),
    (lambda: bases.measured(np.zeros((0, 2)), "ZZ"), "neither of them 0"),
    (lambda: bases.measured(ROWS, ["XZ", "ZQ", "ZZ"]), "expected the letters X, Y, Z, got 'Q' in row 1"),
    (lambda: bases.measured(ROWS, ["XZ", "ZZ", "zZ"]), "got 'z' in row 2"),
    (lambda: bases.measured(ROWS, ["XZ", "ZZZ", "ZZ"]), "with 2 letters, one a spin, got 3 in row 1"),
    (lambda: bases.measured(ROWS, ["XZ", "ZZ"]), "expected one basis a measurement, 3, got 2"),
    (lambda: bases.measured(ROWS, ["XZ"]), "expected one basis a measurement, 3, got 1"),
    (lambda: bases.measured(ROWS, ["XZ"] * 4), "expected one basis a measurement, 3, got 4"),
    (lambda: bases.measured(ROWS, []), "expected at least one basis, got none"),
    (lambda: bases.measured(ROWS, 7), "row 0"),
    (lambda: bases.measured(ROWS, [["X", 3], "ZZ", "ZZ"]), "got 3 in row 0"),
    (lambda: bases.measured(ROWS, "TZ", gates={"T": [[1, 0], [1, 1]]}), r"gate 'T' unitary .* up to 1; try"),
    (lambda: bases.measured(ROWS, "TZ", gates={"T": [[1, 0], [0, np.nan]]}), "gate 'T' unitary"),
    (lambda: bases.measured(ROWS, "TZ", gates={"T": np.zeros((2, 2, 2))}), r"2x2 matrix, got shape \(2, 2, 2\)"),
    (lambda: bases.measured(ROWS, "TZ", gates={"T": "H"}), "2x2 matrix of numbers, got str"),
    (lambda: bases.measured(ROWS, "TZ", gates={"T": None}), "gate 'T'"),
    (lambda: bases.measured(ROWS, "TZ", gates={"Td": np.eye(2)}), "names of gates as one letter, got 'Td'"),
    (lambda: bases.measured(ROWS, "TZ", gates=np.eye(2)), "gates as a dict"),
    (lambda: bases.rotate([1, 1, 0, 0], "ZZ"), r"normalised to 1 .* got <psi\|psi> = 2"),
    (lambda: bases.rotate([1, 0, 0, 0], "Z"), "with 2 letters, one a spin, got 1"),
    (lambda: bases.sample([1, 0], ["X", "Z"], 5, rng=np.random.default_rng(1)), "expected one basis where n_samples"),
    (lambda: bases.sample([1, 0], "X", 0, rng=np.random.default_rng(1)), "n_samples to be an integer >= 1"),
    (lambda: bases.expectation([1, 0], {1: "X"}), "of sites 0 to 0, got 'X' of site 1"),
    (lambda: bases.expectation([1, 0], {0: "H"}), "got 'H' of site 0"),
    (lambda: bases.measured(ROWS, "XZ").rows([]), "at least one row"),
])
def test_what_cannot_be_measured_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- what data say about phases


@pytest.mark.parametrize("names, lacking", [
    (["ZZZ"], [0, 1, 2]), (["XZZ", "ZZZ"], [1, 2]), (["XZZ", "ZYZ", "ZZX"], []), (["ZXX"], [0]), (["YYY"], [])])
def test_spins_that_were_never_turned_are_named(names, lacking):
    found = bases.measured(np.zeros((len(names), 3), int), names)
    assert completeness.undetermined_phases(found) == lacking
    # Proof: a phase for each value of those spins changes no distribution; another phase changes one.
    psi, rng = random_psi(3, 1), np.random.default_rng(2)
    bits = oracles.states(3).astype(int)
    free = np.exp(1j * rng.standard_normal(8))[bits[:, lacking] @ (2 ** np.arange(len(lacking)))] if lacking else 1.0
    for name in names:
        np.testing.assert_allclose(np.abs(bases.rotate(psi * free, name)), np.abs(bases.rotate(psi, name)), atol=1e-12)
    for site in set(range(3)) - set(lacking):
        other = psi * np.exp(0.7j * bits[:, site])
        assert any(np.abs(np.abs(bases.rotate(other, name)) - np.abs(bases.rotate(psi, name))).max() > 1e-3
                   for name in names)


def test_a_diagonal_gate_tells_nothing_about_phases():
    found = bases.measured([[0, 1]], "SZ", gates={"S": np.diag([1, 1j])})
    assert completeness.undetermined_phases(found) == [0, 1] and not found.rotated().any()


@pytest.mark.parametrize("names, alike", [
    (["XX", "XZ", "ZX"], True), (["YZ", "ZY"], True), (["XZ", "ZY"], True), (["XZ", "YZ"], False), (FIVE, False),
    (["ZZ"], True)])
def test_mirror_images_give_the_same_outcomes(names, alike):
    found = bases.measured(np.zeros((len(names), 2), int), list(names))
    assert completeness.mirror_images(found) is alike
    psi, bits = random_psi(2, 4), oracles.states(2)
    turned = np.array([any(name[site] == "Y" for name in names) for site in (0, 1)])
    mirror = psi.conj() * (-1) ** (bits @ turned)
    gap = max(np.abs(np.abs(bases.rotate(mirror, name)) - np.abs(bases.rotate(psi, name))).max() for name in names)
    assert bool(gap < 1e-12) is alike
