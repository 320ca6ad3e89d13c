"""Files of other packages: every format against the exact state behind it, site by site, and every kind of damage."""

import base64
import io
import itertools
import json
import pickle
import re
import runpy
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from lib.spins import bases, measurements
from lib.spins.measurements import MISSING, read

MADE = Path(__file__).parents[1] / "data" / "measurements" / "formats"
MAKER = runpy.run_path(str(MADE / "make_files.py"))
N, BITS = len(MAKER["P"]), MAKER["draw"]()
STIM = ("b8", "r8", "ptb64", "hits", "dets")
NUMBERS = [str(site) for site in range(N)]
# Every file: what read needs besides its name, the format it recognizes, the names of the sites.
FILES = {
    "qiskit_one_register.json": ({}, "qiskit", [f"meas[{i}]" for i in range(9)]),
    "qiskit_two_registers.json": ({}, "qiskit", [f"front[{i}]" for i in range(4)] + [f"back[{i}]" for i in range(5)]),
    "qiskit_backend_result.json": ({}, "qiskit", [f"front[{i}]" for i in range(4)] + [f"back[{i}]" for i in range(5)]),
    "qiskit_counts.json": ({}, "qiskit", [f"register0[{i}]" for i in range(4)] +
                           [f"register1[{i}]" for i in range(5)]),
    "cirq_one_key.json": ({}, "cirq", [f"m[{i}]" for i in range(9)]),
    "cirq_nine_keys.json": ({}, "cirq", [f"q{i}" for i in range(9)]),
    "cirq_repeated_key.json": ({"repetition": 0}, "cirq", [f"m[{i}]" for i in range(9)]),
    "braket_gate.json": ({}, "braket", NUMBERS),
    "braket_analog.json": ({}, "braket", ["0", "1", "2", "3", "5", "6", "7", "8", "9"]),
    "pulser.json": ({}, "pulser", [f"atom{i}" for i in range(9)]),
    "pennylane_samples.npy": ({"format": "pennylane"}, "pennylane", NUMBERS),
    "stim.01": ({}, "01", NUMBERS),
    **{f"stim.{kind}": ({"n_sites": 9}, kind, NUMBERS) for kind in STIM[:-1]},
    "stim.dets": ({"n_sites": 9}, "dets", [f"M{i}" for i in range(9)]),
    "pytket.json": ({}, "pytket", [f"c[{i}]" for i in range(9)]),
    "pyquil.json": ({}, "pyquil", [f"ro[{i}]" for i in range(9)]),
    "ionq.json": ({}, "ionq", NUMBERS),
    "counts.csv": ({"order": "kept", "one": "down"}, "counts", NUMBERS),
    "qucumber.txt": ({}, "qucumber", NUMBERS),
}
DOCUMENTS = [name for name in FILES if name.endswith(".json")]


def exact():
    """Marginals and the means of products of two bits, from the probabilities of all 512 outcomes."""
    states = np.array(list(itertools.product((0, 1), repeat=N)))
    weights = np.prod(np.where(states, MAKER["P"], 1 - np.array(MAKER["P"])), axis=1)
    for control, target in MAKER["NOTS"]:
        states[:, target] ^= states[:, control]
    return weights @ states, (states * weights[:, None]).T @ states


def deviations(bits):
    """The largest deviations of marginals and of pair products from the state, in standard errors."""
    marginals, pairs = exact()
    bits = bits.astype(float)
    found = bits.T @ bits / len(bits)
    error = np.sqrt(pairs * (1 - pairs) / len(bits))
    single = np.sqrt(marginals * (1 - marginals) / len(bits))
    return np.abs((bits.mean(0) - marginals) / single).max(), np.abs((found - pairs) / error).max()


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


def test_missing_atoms():
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


def test_registers_on_request():
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


# --- objects, by the names of their types: the packages need not be here


def vendor(module, name, *bases_, **members):
    return type(name, bases_, {"__module__": module, **members})


def bit_array(bits):
    found = vendor("qiskit.primitives.containers.bit_array", "BitArray")()
    padded = np.pad(bits[:, ::-1], ((0, 0), (-bits.shape[1] % 8, 0)))
    found.array, found.num_bits = np.packbits(padded, axis=1), bits.shape[1]
    return found


def test_qiskit_objects():
    one = bit_array(BITS)
    assert read(one).bits.tolist() == BITS.tolist()
    data = vendor("qiskit.primitives.containers.data_bin", "DataBin", dict)(front=bit_array(BITS[:, :4]),
                                                                          back=bit_array(BITS[:, 4:]))
    pub = vendor("qiskit.primitives.containers.sampler_pub_result", "SamplerPubResult",
                 vendor("qiskit.primitives.containers.pub_result", "PubResult"))()
    pub.data, pub.metadata = data, {"shots": 2000}
    result = vendor("qiskit.primitives.containers.primitive_result", "PrimitiveResult", list)([pub])
    result.metadata = {"version": 2}
    for found in (data, pub, result):
        assert read(found).bits.tolist() == BITS.tolist() and read(found).sites[4] == "back[0]"
    with pytest.raises(ValueError, match="task=, which of its 2 pubs"):
        again = type(result)([pub, pub])
        again.metadata = {}
        read(again)
    counts = vendor("qiskit.result.counts", "Counts", dict)({"011": 3, "100": 1})
    assert read(counts).bits.tolist() == [[1, 1, 0]] * 3 + [[0, 0, 1]]
    swept = bit_array(BITS)
    swept.array = np.stack([one.array, one.array[::-1]])
    with pytest.raises(ValueError, match=r"task=\(pub, \.\.\.\), which parameters of a pub of shape \(2,\)"):
        read(swept)
    assert read(swept, task=(1,)).bits.tolist() == BITS[::-1].tolist()


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, bool])
def test_cirq_objects_of_every_type(dtype):
    result = vendor("cirq.study.result", "ResultDict")()
    result.records = {"m": BITS[:, None].astype(dtype)}
    found = read(result)
    assert found.bits.tolist() == BITS.tolist() and found.bits.dtype == np.uint8


def test_objects_of_clients():
    ionq = vendor("cirq_ionq.results", "QPUResult", num_qubits=lambda self: 3,
                  counts=lambda self: Counter({6: 2, 1: 1}))
    assert read(ionq()).bits.tolist() == [[1, 1, 0]] * 2 + [[0, 0, 1]]  # it has turned the keys around
    with pytest.raises(ValueError, match="probabilities of a simulator"):
        read(vendor("cirq_ionq.results", "SimulatorResult")())
    quil = vendor("pyquil.api._qam", "QAMExecutionResult", get_register_map=lambda self: {"ro": BITS, "idle": None})
    assert read(quil()).bits.tolist() == BITS.tolist()
    with pytest.raises(ValueError, match="order=: an array tells no order"):
        read(BITS, format="pyquil")
    assert read(BITS, format="pyquil", order="reverse").bits.tolist() == BITS[:, ::-1].tolist()
    packed = json.loads((MADE / "pytket.json").read_text())
    tket = vendor("pytket.backends.backendresult", "BackendResult", to_dict=lambda self: packed)
    assert read(tket()).bits.tolist() == BITS.tolist()
    one = {"width": 9, "array": [[0b10000000, 0b10000000]]}
    counted = {"qubits": [], "bits": [["c", [8 - i]] for i in range(9)], "counts": [{"outcome": one, "count": 2}]}
    assert read(counted).bits.tolist() == [[1, 0, 0, 0, 0, 0, 0, 0, 1]] * 2


def test_rydberg_objects():
    shot = lambda status, pre, post: vendor("braket.x", "ShotResult")  # noqa: E731
    rows = []
    for status, pre, post in (("Success", [1, 1, 1], [0, 1, 1]), ("Success", [1, 0, 1], [1, 1, 0]),
                              ("Failure", [], [])):
        row = shot(status, pre, post)()
        row.status, row.pre_sequence, row.post_sequence = status, np.array(pre), np.array(post)
        rows.append(row)
    analog = vendor("braket.tasks.analog_hamiltonian_simulation_quantum_task_result",
                    "AnalogHamiltonianSimulationQuantumTaskResult")()
    analog.measurements = rows
    found = read(analog)
    assert found.bits.tolist() == [[1, 0, 0]]
    assert found.dropped == {"shots of status 'Failure'": 1, "sites that were empty before and not after": 1,
                             "shots with an empty site": 1}
    gate = vendor("braket.tasks.gate_model_quantum_task_result", "GateModelQuantumTaskResult")()
    gate.measurements, gate.measured_qubits = np.array([[0, 1, 1]]), [4, 0, 2]
    gate.measurement_probabilities, gate.measurements_copied_from_device = {"011": 1.0}, True
    gate.task_metadata = vendor("braket.x", "TaskMetadata", shots=1)()
    assert read(gate).bits.tolist() == [[1, 1, 0]] and read(gate).sites == ("0", "2", "4")
    gate.measurements_copied_from_device = False
    gate.task_metadata.shots = 4
    assert read(gate).bits.tolist() == [[1, 1, 0]] * 4
    gate.measurement_probabilities = {"011": 0.3, "000": 0.7}  # of a simulator: 1.2 shots
    with pytest.raises(ValueError, match=r"relative frequencies of 4 shots, got 0.3 = 1.2 shots"):
        read(gate)
    atoms = vendor("pulser.backend.results", "Results", atom_order=("a", "b"),
                   get_result_times=lambda self, tag: [0.5, 1.0],
                   get_result=lambda self, tag, time: {"10": 2} if time == 1.0 else {"01": 2})()
    assert read(atoms).bits.tolist() == [[1, 0]] * 2 and read(atoms).sites == ("a", "b")
    assert read(atoms, task=0).bits.tolist() == [[0, 1]] * 2


def test_samples_of_simulators():
    signs = 1 - 2 * BITS.astype(float)  # the gates' outcome 0 has the eigenvalue +1
    assert read(signs, format="pennylane").bits.tolist() == BITS.tolist()
    assert read(BITS.astype(np.int64), format="pennylane").bits.tolist() == BITS.tolist()
    assert read(signs.tolist(), format="qutip").bits.tolist() == BITS.tolist()
    with pytest.raises(ValueError, match="eigenvalues -1 and \\+1, got 0"):
        read(BITS.tolist(), format="qutip")
    chains = signs.reshape(20, 100, 9)
    netket = read(chains, format="netket")
    assert netket.bits.tolist() == (1 - BITS).tolist() == netket.in_conventions().tolist()
    turned = read((signs, ["XYZ" * 3] * 2000), format="netket")
    assert turned.bases[5, 1] == "Y" and (turned.in_conventions()[:, 0] == BITS[:, 0]).all()
    for bad in (["xyz" * 3] * 2000, ["XYZ"] * 2000, ["XYI" * 3] * 2000):
        with pytest.raises(ValueError, match="try"):
            read((signs, bad), format="netket")
    tenpy = [(list(row), -0.5j) for row in BITS[:50]]
    assert read(tenpy, format="tenpy", one="up").in_conventions().tolist() == BITS[:50].tolist()
    assert read(tenpy, format="tenpy", one="down").in_conventions().tolist() == (1 - BITS[:50]).tolist()
    with pytest.raises(ValueError, match='one="up" where \'up\' is 1'):
        read(tenpy, format="tenpy")
    assert read(tenpy, format="quimb").in_conventions().tolist() == (1 - BITS[:50]).tolist()
    with pytest.raises(ValueError, match="could be tenpy or quimb or qutip or rows"):
        read(tenpy)
    shadow = np.stack([BITS, np.full(BITS.shape, 2)]).astype(np.int8)
    assert (read(shadow, format="pennylane").bases == "Z").all()
    assert read((BITS, shadow[1]), format="pennylane").bits.tolist() == BITS.tolist()


def test_stim_arrays():
    assert read(BITS.astype(bool), format="stim").bits.tolist() == BITS.tolist()
    packed = np.packbits(BITS, axis=1, bitorder="little")
    assert read(packed, format="stim", n_sites=9).bits.tolist() == BITS.tolist()
    with pytest.raises(ValueError, match="n_sites=, the number of bits a shot"):
        read(packed, format="stim")
    with pytest.raises(ValueError, match=r"expected 2 bytes a shot for 9 bits, got 9"):
        read(BITS, format="stim", n_sites=9)
    both = "shot M0 D1 L0\nshot\n"
    assert read_text("x.dets", both, n_sites={"M": 1, "D": 2, "L": 1}).bits.tolist() == [[1, 0, 1, 1], [0, 0, 0, 0]]


def test_pastaq():
    words = np.full((9, 2000), b"Z", dtype=object)
    words[3] = b"X"
    found = read({"outcomes": BITS.T.astype(np.int64), "bases": words}, format="pastaq")
    assert found.bits.tolist() == BITS.tolist() and (found.bases[:, 3] == "X").all()
    with pytest.raises(ValueError, match="process tomography"):
        read({"outcomes": BITS.T, "inputs": words}, format="pastaq")
    with pytest.raises(ValueError, match="bases of shape"):
        read({"outcomes": BITS.T, "bases": words.T}, format="pastaq")


def test_pastaq_file():
    path = MADE / "pastaq.h5"
    try:
        import h5py  # noqa: F401
    except ImportError:
        with pytest.raises(ValueError, match="the package h5py for HDF5 files, got none installed"):
            read(path)
    else:
        found = read(path)
        assert max(deviations(found.bits)) < 4.5 and found.bits.shape == (300, 9) and (found.bases == "Z").all()


def test_packed(tmp_path):
    measurements.save(tmp_path / "m.npz", BITS, metadata={"sites": [f"s{i}" for i in range(9)]})
    found = read(tmp_path / "m.npz")
    assert found.bits.tolist() == BITS.tolist() == found.in_conventions().tolist() and found.sites[8] == "s8"
    (tmp_path / "m.npz").write_bytes(2 * (tmp_path / "m.npz").read_bytes())
    with pytest.raises(ValueError, match="one archive, got bytes before it"):
        read(tmp_path / "m.npz")


def read_text(name, content, **options):
    """Read content as a file of this name."""
    path = read_text.folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path, **options)


@pytest.fixture(autouse=True)
def folder(tmp_path):
    read_text.folder = tmp_path


# --- what could be two formats, and what the source leaves open


@pytest.mark.parametrize(("name", "content", "kinds"), [
    ("a", "0\n1\n1\n", ["01", "qucumber"]),
    ("a.txt", "0101,3\n0111,4\n", ["counts", "hits"]),
    ("a.json", '{"0101": 3, "1111": 5}', ["qiskit", "braket", "pulser", "pennylane", "counts"]),
    ("a.json", '{"11": 3, "10": 5}', ["qiskit", "counts", "ionq"]),
    ("a.json", "[[0, 1], [1, 1]]", ["rows", "qutip", "pennylane"]),
])
def test_what_could_be_two_formats_is_refused_with_both_names(name, content, kinds):
    with pytest.raises(ValueError, match="could be") as caught:
        read_text(name, content)
    for kind in kinds:
        assert f'format="{kind}"' in str(caught.value)


@pytest.mark.parametrize(("source", "options", "message"), [
    ({"011": 3, "100": 1}, {"format": "counts"}, "order=: which column is which site"),
    ({"011": 3, "100": 1}, {"format": "counts", "order": "kept"}, 'one="up" or one="down"'),
    (BITS, {"format": "rows"}, "order=: which column is which site"),
    (BITS, {"format": "rows", "order": "kept", "one": "left"}, 'one="up" or one="down"'),
    (BITS, {}, "could be stim or pennylane or pyquil or netket or rows"),
    ({"0x3": 3}, {}, "hexadecimal outcomes do not tell the number of bits"),
    ({"0": 0.5, "3": 0.5}, {}, "n_sites=, the number of qubits"),
    ({"0": 0.5, "3": 0.5}, {"n_sites": 2}, "shots=: relative frequencies tell no number of shots"),
    ({"a": BITS, "b": BITS}, {}, "register=, one of a, b"),
    (BITS, {"format": "rows", "register": "a"}, "expected no register= for rows"),
    (BITS, {"format": "row"}, "expected a format among"),
    (BITS, {"format": "b8"}, "expected a path for format 'b8'"),
    (BITS, {"missing": "guess"}, 'missing="drop" or missing="keep"'),
    (7, {}, "expected a known format"),
    (None, {}, "expected a known format"),
    ([], {}, "could be|at least one"),
    ({}, {}, "expected a known format"),
])
def test_open_questions_are_asked(source, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(source, **options)
    assert "; try " in str(caught.value)


def test_answers_to_open_questions():
    counts = {"011": 3, "100": 1}
    assert read(counts, "counts", order="kept", one="up").in_conventions()[0].tolist() == [0, 1, 1]
    assert read(counts, "counts", order="reverse", one="up").bits[0].tolist() == [1, 1, 0]
    assert read(counts, "qiskit").bits[0].tolist() == [1, 1, 0]
    assert read(counts, "pulser").bits[0].tolist() == [0, 1, 1]
    assert read(counts, "pennylane").bits[0].tolist() == [0, 1, 1]
    assert read({"0x3": 3}, n_sites=3).bits.tolist() == [[1, 1, 0]] * 3
    assert read({"1": 2, "11": 1}, "qiskit", n_sites=3).bits.tolist() == [[1, 0, 0]] * 2 + [[1, 1, 0]]
    assert read({"0": 0.5, "3": 0.5}, n_sites=2, shots=4).bits.tolist() == [[0, 0]] * 2 + [[1, 1]] * 2
    assert read({"a": BITS, "b": 1 - BITS}, register="b").bits.tolist() == (1 - BITS).tolist()
    assert read(BITS, "rows", order="kept", one="up").in_conventions().tolist() == BITS.tolist()
    assert read_text("a.csv", "0101;3\n0111;4\n", order="kept", one="up").n_shots == 7


# --- damage


def small(name):
    return (MADE / name).read_bytes()


@pytest.mark.parametrize("name", [*FILES, "bloqade.json", "pennylane_shadow.npz"])
def test_files_cut_short_or_put_together_are_refused(name):
    whole = small(name)
    options = dict(FILES[name][0]) if name in FILES else {}
    n_shots = read(MADE / name, **options, missing="keep").n_shots + (5 if name == "braket_analog.json" else 0)
    if name in ("braket_analog.json",):
        options["missing"] = "keep"
    options["shots"] = n_shots
    assert read_text(name, whole, **options).n_shots <= n_shots
    cuts = [1, len(whole) // 3, len(whole) // 2, len(whole) - 11, len(whole) - 2]
    for content in [*(whole[:cut] for cut in cuts), whole + whole, b""]:
        with pytest.raises(ValueError) as caught:
            read_text(name, content, **options)
        text = str(caught.value)
        assert str(read_text.folder / name) in text and "expected" in text and "try " in text, text


def test_pickles_are_never_loaded(monkeypatch):
    content = pickle.dumps({"bits": BITS})
    for name in ("a", "a.npz", "a.json", "a.npy", "a.pkl"):
        with pytest.raises(ValueError, match="never loaded"):
            read_text(name, content)
    stream = io.BytesIO()
    np.save(stream, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="never loaded"):
        read_text("a.npy", stream.getvalue(), format="pennylane")
    stream = io.BytesIO()
    np.savez(stream, bits=np.array([{"a": 1}], dtype=object), recipes=BITS)
    with pytest.raises(ValueError, match="never loaded"):
        read_text("a.npz", stream.getvalue())


@pytest.mark.parametrize("name", [name for name in [*FILES, "bloqade.json", "pennylane_shadow.npz"]])
def test_what_declares_more_than_the_limit_is_refused(name):
    options = FILES[name][0] if name in FILES else {}
    with pytest.raises(ValueError, match=r"at most \d+\.\d B of memory.*; try "):
        read(MADE / name, **options, limit=500)


def test_limits_of_what_is_compressed(tmp_path):
    measurements.save(tmp_path / "m.npz", BITS)
    with pytest.raises(ValueError, match="an archive of"):
        read(tmp_path / "m.npz", limit=500)
    stream = io.BytesIO()
    np.save(stream, np.zeros((100_000, 1), dtype=np.uint8))
    packed = base64.b64encode(zlib.compress(stream.getvalue())).decode()
    value = {"array": {"__type__": "ndarray", "__value__": packed}, "num_bits": 1}
    document = {"__type__": "BitArray", "__value__": value}
    assert read(document).bits.shape == (100_000, 1)
    with pytest.raises(ValueError, match="at most 9.7 KiB of memory"):
        read(document, limit=10_000)
    with pytest.raises(ValueError, match="expand=False"):
        read({"01": 10**12}, "pulser")
    assert read({"01": 10**12}, "pulser", expand=False).n_shots == 10**12


def test_padding_bits_that_are_set():
    b8 = bytearray(small("stim.b8"))
    b8[1 + 2 * 7] |= 0x80
    with pytest.raises(ValueError, match="zeros above bit 8 in the last byte of a shot, got ones in .*, shot 8"):
        read_text("a.b8", bytes(b8), n_sites=9)
    array = bit_array(BITS)
    array.array[3, 0] |= 0x80
    with pytest.raises(ValueError, match="zeros in the bits above the highest of 9, got ones in .*, shot 4"):
        read(array)
    cirq = json.loads(small("cirq_one_key.json"))
    cirq["records"]["m"]["shape"] = [1999, 1, 9]
    cirq["records"]["m"]["packed_digits"] = "ff" * (-(-1999 * 9 // 8))
    with pytest.raises(ValueError, match="zeros in the bits that fill up"):
        read(cirq)
    tket = json.loads(small("pytket.json"))
    tket["shots"]["array"][5][1] |= 1
    with pytest.raises(ValueError, match="zeros in the bits that fill up the last byte, got ones in .*, outcome 6"):
        read(tket)
    measurements.save(read_text.folder / "m.npz", BITS)
    with np.load(read_text.folder / "m.npz") as archive:
        members = dict(archive)
    members["packed"][0, 1] |= 1
    np.savez(read_text.folder / "m.npz", **members)
    with pytest.raises(ValueError, match="expected zeros in the bits that fill up"):
        read(read_text.folder / "m.npz")


def changed(name, *path, value):
    """The document of a file with one member replaced."""
    document = json.loads(small(name))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return document


QISKIT = ("__value__", "pub_results", 0, "__value__", "data", "__value__")


@pytest.mark.parametrize(("document", "message"), [
    (changed("qiskit_one_register.json", "__value__", "metadata", value={"version": 9}), "version 2, got version 9"),
    (changed("qiskit_one_register.json", *QISKIT, "field_names", value=["meas", "meas"]), "'meas' twice"),
    (changed("qiskit_one_register.json", *QISKIT, "field_names", value=["other"]), "registers other, as field_names"),
    (changed("qiskit_one_register.json", *QISKIT, "fields", "meas", "__value__", "num_bits", value=20),
     r"uint8 \(\.\.\., shots, 3\) for 20 bits"),
    (changed("qiskit_one_register.json", *QISKIT, "fields", "meas", "__value__", "num_bits", value=-1), "num_bits"),
    (changed("qiskit_one_register.json", "__value__", "pub_results", 0, "__value__", "metadata", value={"shots": 1999}),
     "expected 1999 shots, as the file itself tells, got 2000"),
    (changed("qiskit_one_register.json", "__value__", "pub_results", value=[]), "at least one pub"),
    (changed("qiskit_one_register.json", *QISKIT, "fields", "meas", "__value__", "array", "__value__", value="%%"),
     "base64 of zlib"),
    (changed("qiskit_backend_result.json", "results", 0, "shots", value=1000), "expected 1000 shots"),
    (changed("qiskit_backend_result.json", "results", 0, "header", "memory_slots", value=4), "outcomes of 4 bits"),
    (changed("qiskit_backend_result.json", "results", 0, "header", "creg_sizes", value=[["a", 4], ["a", 5]]),
     "'a' twice"),
    (changed("qiskit_backend_result.json", "results", 0, "header", value={}), "memory_slots in the header"),
    ({"__type__": "EstimatorPubResult", "__value__": {}}, "mean values, no shots"),
    (changed("cirq_one_key.json", "cirq_type", value="Circuit"), 'cirq_type "ResultDict"|known format'),
    (changed("cirq_one_key.json", "records", value={}), "at least one measured key"),
    (changed("cirq_one_key.json", "records", "m", "shape", value=[2000, 1, 8]), "2000 packed bytes"),
    (changed("cirq_one_key.json", "records", "m", "shape", value=[10**9, 10**9, 9]), "at most 2.0 GiB"),
    (changed("cirq_one_key.json", "records", "m", "packed_digits", value="xyz"), "hexadecimal digits"),
    (changed("cirq_nine_keys.json", "records", "q3", "shape", value=[1999, 1, 1]), "2000 repetitions|zeros in"),
    (changed("braket_gate.json", "braketSchemaHeader", "version", value="7"), "version 1, got .* version '7'"),
    (changed("braket_gate.json", "braketSchemaHeader", "name", value="braket.other"), "got 'braket.other'"),
    (changed("braket_gate.json", "measurements", 3, value=[0, 1]), "2 in row 3|and 2 in row 3|one width"),
    (changed("braket_gate.json", "measurements", 3, 0, value=2), "got 2 in row 3, column 0"),
    (changed("braket_gate.json", "measurements", 3, 0, value="x"), "made of (real|the) numbers"),
    (changed("braket_gate.json", "measuredQubits", value=[0, 1]), "a number for each of 9 columns"),
    (changed("braket_gate.json", "measuredQubits", value=[0, 1, 2, 3, 4, 5, 6, 7, 7]), "2 times that qubit 7"),
    (changed("braket_gate.json", "taskMetadata", "shots", value=1000), "expected 1000 shots"),
    (changed("braket_analog.json", "measurements", 1, "shotResult", "preSequence", value=[1, 1]), "2 in row 1|width"),
    (changed("braket_analog.json", "measurements", 1, "shotResult", "postSequence", value=[2] * 10), "got 2 in row 0"),
    (changed("braket_analog.json", "braketSchemaHeader", "version", value="2"), "version '2'"),
    (changed("braket_analog.json", "measurements", value=[]), "expected 600 shots|at least one shot"),
    (changed("pulser.json", "atom_order", value=["a"]), "atom_order with 9 different names"),
    (changed("pulser.json", "tagmap", value={}), "a member 'bitstrings'"),
    (changed("pytket.json", "bits", 0, value=["c", [8]]), "'c\\[8\\]' twice"),
    (changed("pytket.json", "shots", "width", value=10), "width 10"),
    (changed("pytket.json", "shots", "array", 0, value=[300, 0]), "bytes from 0 to 255"),
    (changed("pyquil.json", "ro", 0, value=[0, 1]), "9 values in row|row"),
    (changed("ionq.json", "data", "histogram", value={"512": "1.0"}), "outcomes below 2\\^9"),
    (changed("ionq.json", "data", "histogram", value={"5": "0.3333"}), "0.3333 = 666.6 shots"),
    (changed("ionq.json", "data", "histogram", value={"5": "0.5"}), "expected 2000 shots"),
    (changed("ionq.json", "data", "histogram", value={"5": "nan"}), "frequencies from 0 to 1"),
    (changed("qiskit_counts.json", "11 1", value=3), "registers of 5 and 4 bits"),
    (changed("qiskit_counts.json", "11111 1112", value=3), "got '2' in|known format"),
])
def test_documents_that_are_wrong(document, message):
    for options in ({}, {"format": "qiskit"} if "11 1" in document or "11111 1112" in document else {}):
        try:
            read_text("a.json", json.dumps(document), **options)
        except ValueError as error:
            text = str(error)
            assert "a.json" in text and "; try " in text
            if re.search(message, text):
                return
    pytest.fail(f"{message!r} not among the errors, the last one {text}")


@pytest.mark.parametrize("bad", [-1, 2.5, float("nan"), float("inf"), "many", None, True, [3]])
@pytest.mark.parametrize("kind", ["qiskit", "pulser", "pennylane", "counts"])
def test_counts_are_whole_numbers(kind, bad):
    options = {"order": "kept", "one": "up"} if kind == "counts" else {}
    with pytest.raises(ValueError, match="expected a count as a whole number, at least 0"):
        read({"01": 3, "11": bad}, kind, **options)
    with pytest.raises(ValueError, match="expected 5 shots, as asked for, got 3"):
        read({"01": 3}, kind, shots=5, **options)


@pytest.mark.parametrize(("name", "content", "options", "message"), [
    ("a.json", '{"01 1": 3, "01 1": 4}', {}, "'01 1' twice"),
    ("a.json", '{"01 1": NaN}', {}, "finite numbers, got NaN"),
    ("a.json", '{"01 1": Infinity}', {}, "finite numbers, got Infinity"),
    ("a.json", '{"01 1": 3} {"01 1": 3}', {}, "one JSON document, got another one after it in .*column 13"),
    ("a.json", "{", {}, "the end of a file that was cut"),
    ("a.json", '{"01": 3, }', {}, "expected JSON"),
    ("a.json", b'{"\xff": 3}', {}, "JSON in UTF-8"),
    ("a.json", "[" * 200_000, {"format": "qiskit"}, "beyond Python's depth|was cut"),
    ("a.json", '{"01x": 3, "011": 1}', {"format": "qiskit"}, "letters 0 and 1, got 'x' in .*outcome 1, letter 3"),
    ("a.json", '{"01": 3, "011": 1}', {"format": "pulser"}, "outcomes of 2 bits, as the first, got 3 in"),
    ("a.json", "0101", {"format": "cirq"}, "JSON of cirq"),
    ("a.csv", "0101,3\n0101,4\n", {}, "each outcome once, got '0101' again"),
    ("a.csv", "0101,3\n0111,-4\n", {}, "a count as a whole number, at least 0, got '-4' in"),
    ("a.csv", "0101,3\n0111,4.5\n", {}, "whole number"),
    ("a.csv", "0101,3\n0111,nan\n", {"format": "counts"}, "whole number"),
    ("a.csv", "0101,3\n01a1,4\n", {"format": "counts"}, "got 'a' in"),
    ("a.csv", "0101,3\n011,4\n", {}, "outcomes of 4 bits, as the first, got 3"),
    ("a.csv", "0101,3,1\n", {"format": "counts"}, "an outcome and its count, got 3 words"),
    ("a.01", "010\n01\n", {}, "3 bits a line, got 2 in .*line 2"),
    ("a.01", "010\n012\n", {}, "0 or 1, got '2' in .*line 2, column 3"),
    ("a.01", "\n\n", {}, "bits a line"),
    ("a.b8", b"\x01\x01\x01", {"n_sites": 9}, "2 bytes a shot for 9 bits, got 3 bytes"),
    ("a.b8", b"\x01\x01\x01", {}, "n_sites=, the number of bits a shot, which b8 does not hold"),
    ("a.b8", b"\x01\x01\x01", {"n_sites": True}, "n_sites="),
    ("a.r8", b"\x01\x01\x01", {"n_sites": 9}, "runs that fill shots of 9 bits"),
    ("a.r8", b"\xff\xff", {"n_sites": 9}, "runs that fill shots of 9 bits"),
    ("a.ptb64", b"\x01" * 9, {"n_sites": 9}, "72 bytes for 64 shots"),
    ("a.hits", "1,2\n9\n", {"n_sites": 9}, "places of ones from 0 to 8, got '9' in .*line 2"),
    ("a.hits", "1,1\n", {"n_sites": 9}, "each place once a shot"),
    ("a.hits", "1,x\n", {"n_sites": 9}, "places of ones"),
    ("a.hits", "1,-2\n", {"n_sites": 9}, "places of ones"),
    ("a.dets", "shot M1\nspot M2\n", {"n_sites": 9}, 'lines that begin with "shot", got .*line 2'),
    ("a.dets", "shot M1 D2\n", {"n_sites": 9}, "n_sites= with a number for each of M, D"),
    ("a.dets", "shot M1 Q2\n", {"n_sites": 9}, "places M and a number"),
    ("a.txt", "0 1 2\n", {"format": "qucumber"}, "expected 0 or 1, got '2'"),
    ("a.dat", b"\x00\x01\x02", {}, "expected a known format"),
    ("a.gz", b"\x1f\x8b\x08\x00", {}, "a gzip file"),
    ("a.npz", b"PK\x03\x04rest", {}, "an npz archive"),
    ("a.npy", b"\x93NUMPY\x01\x00v\x00{'descr'", {"format": "pennylane"}, "a damaged one"),
    ("a.npy", b"\x93NUMPY\x09\x00v\x00{'descr'", {"format": "pennylane"}, "format \\(9, 0\\)"),
])
def test_files_that_are_wrong(name, content, options, message):
    if name == "a.csv":
        options = {"order": "kept", "one": "up", "format": "counts", **options}
    with pytest.raises(ValueError, match=message) as caught:
        read_text(name, content, **options)
    assert name in str(caught.value) and "try " in str(caught.value)


def test_no_file_and_folders(tmp_path):
    for path in (tmp_path / "none.json", tmp_path, str(tmp_path / "none")):
        with pytest.raises(FileNotFoundError, match="got no file at"):
            read(path)


def test_cirq_keys_by_their_numbers():
    for keys in (["q10", "q9", "q1"], ["q(10)", "q(9)", "q(1)"], ["q(1, 0)", "q(0, 10)", "q(0, 9)"]):
        result = vendor("cirq.study.result", "ResultDict")()
        result.records = {key: np.full((3, 1, 1), place % 2) for place, key in enumerate(keys)}
        assert read(result).sites == tuple(keys[::-1]) and read(result).bits[0].tolist() == [0, 1, 0]
        assert "keys by their numbers" in read(result).convention
    result.records = {"b": np.ones((3, 1, 1), dtype=int), "a": np.zeros((3, 1, 2), dtype=int)}
    assert read(result).sites == ("b", "a[0]", "a[1]") and "keys as in the file" in read(result).convention
