"""Files of other packages: every format against the exact state behind it, site by site."""

import itertools
from collections import Counter

import numpy as np
import pytest

from lib.spins import bases, measurements
from lib.spins.measurements import MISSING, read
from tests.formats import BITS, FILES, MADE, MAKER, STIM, N, deviations, exact


@pytest.mark.parametrize("name", FILES)
def test_the_right_qubit_in_the_right_column(name):
    options, kind, sites = FILES[name]
    shots = read(MADE / name, **options)
    assert (shots.format, list(shots.sites)) == (kind, sites)
    assert shots.bits.dtype == np.uint8 and shots.bits.shape == (shots.n_shots, N)
    assert shots.convention.startswith("1 is ") and shots.source == str(MADE / name)
    assert max(deviations(shots.bits)) < 4.5
    # The same comparison notices a chain that is turned around, exchanged bits, and two columns in each other's place.
    turned = shots.bits[:, [0, 1, 2, 3, 4, 5, 6, 8, 7]]
    for other in (shots.bits[:, ::-1], 1 - shots.bits, 1 - shots.bits[:, ::-1], turned):
        assert max(deviations(other)) > 6


def test_the_state_tells_all_columns_apart():
    marginals, pairs = exact()
    apart = np.abs(marginals[:, None] - marginals)[~np.eye(N, dtype=bool)]
    assert apart.min() > 5 * np.sqrt(0.5 / MAKER["SHOTS"])
    covariance = pairs - np.outer(marginals, marginals)
    np.fill_diagonal(covariance, 0)
    assert sorted(zip(*map(list, np.nonzero(np.abs(covariance) > 1e-9)))) == [(1, 8), (2, 5), (5, 2), (8, 1)]


@pytest.mark.parametrize("name", ["stim.01", *(f"stim.{kind}" for kind in STIM), "qucumber.txt", "pytket.json"])
def test_files_made_of_given_bits_hold_these(name):
    shots = read(MADE / name, **FILES[name][0])
    np.testing.assert_array_equal(shots.bits, BITS[:shots.n_shots])
    assert shots.n_shots == (1984 if name.endswith("ptb64") else 2000)


@pytest.mark.parametrize("name", ["pulser.json", "counts.csv", "ionq.json"])
def test_counted_files_hold_the_same_outcomes(name):
    shots = read(MADE / name, **FILES[name][0])
    assert Counter(map(tuple, shots.bits.tolist())) == Counter(map(tuple, BITS.tolist()))
    short = read(MADE / name, **FILES[name][0], expand=False)
    assert short.n_shots == 2000 and len(short.bits) == len(set(map(tuple, BITS.tolist())))
    np.testing.assert_array_equal(np.repeat(short.bits, short.weights, axis=0), shots.bits)
    np.testing.assert_array_equal(short.in_conventions(), shots.in_conventions())


def test_second_repetition_was_measured_after_a_flip():
    first = read(MADE / "cirq_repeated_key.json", repetition=0)
    np.testing.assert_array_equal(read(MADE / "cirq_repeated_key.json", repetition=-1, flip=True).bits, first.bits)
    with pytest.raises(ValueError, match="repetition=, which of the 2 times that 'm' was measured"):
        read(MADE / "cirq_repeated_key.json")


def test_missing_atoms_are_left_out_or_marked_and_counted():
    shots = read(MADE / "braket_analog.json")
    assert shots.dropped["shots of status 'Failure'"] == 5
    assert shots.dropped["sites that were empty in every shot"] == 1
    assert shots.dropped["shots with an empty site"] + shots.n_shots == 595
    kept = read(MADE / "braket_analog.json", missing="keep")
    assert kept.n_shots == 595 and kept.dropped["empty sites, marked in the bits"] == (kept.bits == MISSING).sum()
    marginals, _ = exact()
    for site, mean in enumerate(marginals):
        column = kept.bits[kept.bits[:, site] != MISSING, site]
        assert abs(column.mean() - mean) < 4.5 * np.sqrt(mean * (1 - mean) / len(column))
    with pytest.raises(ValueError, match="got 255"):  # no training takes the mark for a bit
        measurements.save("never.npz", kept.bits)
    # Fewer sites leave more whole shots.
    assert read(MADE / "braket_analog.json", order=["0", "1"]).n_shots > shots.n_shots
    assert (kept.flipped().bits == MISSING).sum() == (kept.bits == MISSING).sum()


def test_bloqade_against_rabi_oscillations():
    shots = read(MADE / "bloqade.json")
    detuning = np.array([0.0, 3.1, 8.9, 1.7, 5.0, 2.4, 6.6, 4.1, 3.6])
    frequency = np.sqrt(36 + detuning**2)
    exact = 36 / frequency**2 * np.sin(frequency * 0.55 / 2) ** 2
    assert len(np.unique(exact.round(2))) == N and shots.n_shots == 1000
    deviation = (shots.bits.mean(0) - exact) / np.sqrt(exact * (1 - exact) / 1000)
    assert np.abs(deviation).max() < 4.5
    assert np.abs(exact - exact[::-1]).max() > 0.3
    both = shots.bits.astype(float).T @ shots.bits / 1000
    error = np.sqrt(np.outer(exact, exact) * (1 - np.outer(exact, exact)) / 1000)
    off = ~np.eye(N, dtype=bool)
    assert np.abs((both - np.outer(exact, exact)) / error)[off].max() < 4.5  # far apart: independent


def test_shadows_in_every_basis():
    shots = read(MADE / "pennylane_shadow.npz")
    assert shots.bases.shape == shots.bits.shape and set(np.unique(shots.bases)) == {"X", "Y", "Z"}
    states = np.array(list(itertools.product((0, 1), repeat=N)))
    amplitudes = np.sqrt(np.prod(np.where(states, MAKER["P"], 1 - np.array(MAKER["P"])), axis=1))
    for control, target in MAKER["NOTS"]:
        states[:, target] ^= states[:, control]
    psi = np.zeros(2**N)
    psi[(1 - states) @ (1 << np.arange(N)[::-1])] = amplitudes  # the gates' outcome 0 is our bit 1
    ours = shots.in_conventions()
    exact = {letter: np.abs(bases.rotate(psi, letter * N)) ** 2 @
             np.array(list(itertools.product((0, 1), repeat=N))) for letter in "XYZ"}
    for letter, site in itertools.product("XYZ", range(N)):
        column = ours[shots.bases[:, site] == letter, site]
        p = exact[letter][site]
        assert abs(column.mean() - p) < 4.5 * np.sqrt(p * (1 - p) / len(column)) + 1e-12, (letter, site)
    measured = bases.measured(ours, shots.bases)
    assert measured.n_spins == N and len(measured.distinct()[0]) > 1500
    # A pair that the second NOT has correlated, along z.
    both = (shots.bases[:, 2] == "Z") & (shots.bases[:, 5] == "Z")
    found = np.mean(shots.bits[both, 2] & shots.bits[both, 5])
    assert abs(found - 0.4 * 0.4) < 4.5 * np.sqrt(0.16 * 0.84 / both.sum())


def test_flip_and_order_undo_what_was_applied():
    shots = read(MADE / "stim.01")
    np.testing.assert_array_equal(read(MADE / "stim.01", flip=True).bits, 1 - BITS)
    np.testing.assert_array_equal(read(MADE / "stim.01", order="reverse").bits, BITS[:, ::-1])
    turned = read(MADE / "stim.01", order=["8", 2, "5"])
    np.testing.assert_array_equal(turned.bits, BITS[:, [8, 2, 5]])
    assert turned.sites == ("8", "2", "5") and turned.dropped == {"columns not asked for": 6}
    assert shots.flipped().flipped().ordered("reverse").ordered("reverse").bits.tolist() == BITS.tolist()
    # In our conventions it makes no difference whether bits were exchanged before.
    np.testing.assert_array_equal(shots.in_conventions(), 1 - BITS)
    np.testing.assert_array_equal(shots.flipped().in_conventions(), 1 - BITS)
    np.testing.assert_array_equal(read(MADE / "qucumber.txt").in_conventions(), BITS)
    for order in (["9"], [9], [0, 0], [], "backwards", [True], ["0", 0]):
        with pytest.raises(ValueError, match="order"):
            read(MADE / "stim.01", order=order)


def test_bases_beside_the_measurements(tmp_path):
    path = tmp_path / "bases.txt"
    path.write_text("\n".join(["X Z Y Z Z Z Z Z Z"] * 2000))
    shots = read(MADE / "qucumber.txt", bases=path)
    assert shots.bases.shape == (2000, 9) and "".join(shots.bases[7]) == "XZYZZZZZZ"
    assert (read(MADE / "qucumber.txt", bases="XZYZZZZZZ").bases == shots.bases).all()
    assert read(MADE / "qucumber.txt", bases="XZYZZZZZZ", order="reverse").bases[0, 8] == "X"
    for wrong in ("XZ", ["XZ"] * 2000, ["XZYZZZZZZ"] * 3, ["xzyzzzzzz"] * 2000, tmp_path / "none.txt"):
        with pytest.raises((ValueError, FileNotFoundError), match="try"):
            read(MADE / "qucumber.txt", bases=wrong)


def test_registers_come_in_the_order_asked_for_and_alone():
    two = read(MADE / "qiskit_two_registers.json")
    back = read(MADE / "qiskit_two_registers.json", register=["back", "front"])
    np.testing.assert_array_equal(back.bits, np.roll(two.bits, 5, axis=1))
    for name, register in (("qiskit_two_registers.json", "front"), ("qiskit_counts.json", "register0"),
                           ("qiskit_backend_result.json", "front")):
        alone = read(MADE / name, register=register)
        assert alone.n_sites == 4 and len(alone.dropped) == 1
        with pytest.raises(ValueError, match="expected registers among"):
            read(MADE / name, register="middle")
    assert read(MADE / "cirq_nine_keys.json", register=["q8", "q0"]).sites == ("q8", "q0")
